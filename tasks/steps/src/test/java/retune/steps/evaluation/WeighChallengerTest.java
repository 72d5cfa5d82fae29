package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import com.mongodb.client.result.UpdateResult;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.model.ModelStore;
import retune.model.TrafficControl;
import retune.steps.Deployment;
import retune.steps.evaluation.WeighChallenger.Decision;
import retune.testing.TestContext;

class WeighChallengerTest {
  private static final String MODEL = Deployment.MODEL;
  private static final LocalDate FIRST = Deployment.DATE;
  private static final LocalDate SECOND = FIRST.plusDays(1);
  private static final Instant NOW = TestContext.NOW.plus(Duration.ofDays(20));
  private static final long DAYS =
      ChronoUnit.DAYS.between(FIRST, LocalDate.ofInstant(NOW, ZoneOffset.UTC));
  private Deployment deployment;
  private TestContext context;
  private PairedQueries queries;
  private String champion;
  private String challenger;

  @BeforeEach
  void startAChallenger(@TempDir Path folder) {
    deployment = new Deployment(folder);
    context = deployment.context().at(NOW);
    champion = deployment.installChampion(1);
    challenger = deployment.register(Deployment.model(2, null), VersionStatus.CANDIDATE);
    new TrafficControl(deployment.context(), MODEL).start(challenger, 0, "kim", "newer");
    queries = new PairedQueries(deployment.store, MODEL, champion, challenger);
  }

  @AfterEach
  void closeStore() {
    deployment.close();
  }

  @Test
  void aChallengerThatIsProvedBetterIsToBePromotedAndKeepsItsTraffic() {
    queries.day(FIRST, 1_000, 0.7, 0.95).label(FIRST);
    WeighChallenger.Output weighed = weigh();
    assertEquals(Decision.PROMOTE, weighed.decision());
    assertEquals(List.of(FIRST), weighed.days());
    assertEquals(1_000, weighed.rows());
    assertTrue(
        weighed.message().startsWith(challenger + " is better than the champion: the evidence"),
        weighed.message());
    assertNotNull(deployment.champions.get(MODEL).challenger());
    assertEquals(VersionStatus.CANDIDATE, deployment.models.status(challenger));
    assertEquals(weighed.evidence(), weigh().evidence(), "no row counts twice");
    assertEquals(1, entries());
  }

  @Test
  void aChallengerThatIsProvedWorseLosesItsTrafficAndIsRejected() {
    queries.day(FIRST, 1_000, 0.95, 0.7).label(FIRST);
    WeighChallenger.Output weighed = weigh();
    assertEquals(Decision.ABORT, weighed.decision());
    assertTrue(weighed.message().contains("that it is worse than the champion"), weighed.message());
    assertNull(deployment.champions.get(MODEL).challenger());
    assertEquals(VersionStatus.REJECTED, deployment.models.status(challenger));
    assertEquals("weigh_challenger", ended().getString("by"));
    assertEquals(weighed.message(), ended().getString("reason") + ".");
    assertEquals("No challenger of " + MODEL + " has traffic.", weigh().message());
  }

  @Test
  void equalVersionsAreKeptAndEachDayCountsOnce() {
    queries.day(FIRST, 400, 0.8, 0.8).label(FIRST);
    queries.day(SECOND, 400, 0.8, 0.8).label(SECOND);
    WeighChallenger.Output weighed = weigh();
    assertEquals(Decision.KEEP, weighed.decision());
    assertEquals(List.of(FIRST, SECOND), weighed.days());
    assertTrue(
        weighed.message().startsWith(challenger + " stays a challenger: the evidence over 2 days"),
        weighed.message());
    assertEquals(List.of(), weigh().days());
    queries.day(FIRST, 400, 0.1, 0.9, "more");
    queries.label(FIRST);
    assertEquals(List.of(), weigh().days(), "the date has counted");
    assertEquals(2, entries());
  }

  @Test
  void aDayWaitsUntilItsLabelsSuffice() {
    queries.day(FIRST, 1_000, 0.7, 0.95).label(FIRST, 0.5);
    WeighChallenger.Output waiting = weigh();
    assertEquals(1, waiting.waiting());
    String sentence =
        "1 day waits for labels: 500 of 1000 rows (50 %%) of %s have a label after %d days; it takes 80 %% after 14 days, or all of them, because early labels are biased."
            .formatted(FIRST, DAYS);
    assertEquals(challenger + " is not weighed yet. " + sentence, waiting.message());
    assertEquals(0, entries());
    Document waits = waits();
    assertEquals(sentence, waits.getString("message"));
    assertEquals(challenger, waits.getString("model_id"));
    Document day = waits.getList("days", Document.class).getFirst();
    assertEquals(FIRST.toString(), day.getString("date"));
    assertEquals(1_000, day.getInteger("rows"));
    assertEquals(500, day.getInteger("labelled"));

    queries.label(FIRST, 0.9);
    assertEquals(List.of(FIRST), weigh().days());
    assertEquals("", waits().getString("message"));
    Document entry =
        Objects.requireNonNull(deployment.store.collection("challenger_ledger").find().first());
    assertEquals(900, entry.getLong("rows"));
  }

  @Test
  void withoutEnoughLabelsTheTrafficEndsWithItsNinetiethDay() {
    queries.day(FIRST, 100, 0.7, 0.95).label(FIRST, 0.5);
    queries.day(SECOND, 100, 0.7, 0.95);
    context = deployment.context().at(TestContext.NOW.plus(Duration.ofDays(120)));
    LocalDate start = LocalDate.ofInstant(TestContext.NOW, ZoneOffset.UTC);
    assertEquals(Decision.KEEP, weigh(start.plusDays(88)).decision());

    WeighChallenger.Output weighed = weigh(start.plusDays(89));
    assertEquals(Decision.ABORT, weighed.decision());
    assertEquals(2, weighed.waiting());
    String message = weighed.message();
    assertTrue(
        message.startsWith(
            challenger
                + " is dropped: it has had traffic for 90 days, in which a challenger must be"
                + " proved better, and no day of its requests has been weighed. 2 days wait for"
                + " labels, the first: 50 of 100 rows (50 %) of "
                + FIRST),
        message);
    assertNull(deployment.champions.get(MODEL).challenger());
    assertEquals(message, ended().getString("reason") + ".");
    assertEquals(VersionStatus.CANDIDATE, deployment.models.status(challenger), "nothing is known");
  }

  @Test
  void withoutAProofTheTrafficEndsWithItsNinetiethDay() {
    queries.day(FIRST, 400, 0.8, 0.8).label(FIRST);
    context = deployment.context().at(TestContext.NOW.plus(Duration.ofDays(120)));
    LocalDate start = LocalDate.ofInstant(TestContext.NOW, ZoneOffset.UTC);
    assertEquals(Decision.KEEP, weigh(start.plusDays(88)).decision());

    WeighChallenger.Output weighed = weigh(start.plusDays(89));
    assertEquals(Decision.ABORT, weighed.decision());
    assertTrue(
        weighed
            .message()
            .contains(
                "for 90 days, in which a challenger must be proved better, and the evidence"
                    + " over 1 day that it is better than the champion is "),
        weighed.message());
    assertEquals(weighed.message(), ended().getString("reason") + ".");
  }

  @Test
  void aProofOnTheNinetiethDayCounts() {
    queries.day(FIRST, 1_000, 0.7, 0.95).label(FIRST);
    context = deployment.context().at(TestContext.NOW.plus(Duration.ofDays(120)));
    LocalDate start = LocalDate.ofInstant(TestContext.NOW, ZoneOffset.UTC);
    assertEquals(Decision.PROMOTE, weigh(start.plusDays(89)).decision());
  }

  @Test
  void feedbackOfCallersIsALabel() {
    queries.day(FIRST, 1_000, 0.7, 0.95).feedBack();
    WeighChallenger.Output weighed = weigh();
    assertEquals(Decision.PROMOTE, weighed.decision());
    assertEquals(1_000, weighed.rows());
  }

  @Test
  void theLastFeedbackOnARowCountsUnlessALateLabelCame() {
    queries.day(FIRST, 500, 0.8, 0.8).feedBack();
    queries.feedBack(FIRST + ":0/0", "none of the classes", 1);
    queries.feedBack(FIRST + ":1/0", "none of the classes", 1);
    queries.feedBack(FIRST + ":1/0", "1", 2);
    queries.feedBack("a row of no day", "1", 3);
    assertEquals(499, weigh().rows());

    queries.day(SECOND, 500, 0.8, 0.8).label(SECOND);
    queries.feedBack(SECOND + ":0/0", "none of the classes", 4);
    assertEquals(500, weigh().rows());
  }

  @Test
  void daysThatAreReadOneByOneSayWhatDaysReadTogetherSay() {
    queries.day(FIRST, 400, 0.7, 0.8).feedBack();
    queries.day(SECOND, 300, 0.7, 0.8).label(SECOND);
    WeighChallenger.Input input = new WeighChallenger.Input(MODEL, SECOND, Metric.ROC_AUC, 0.8, 14);
    WeighChallenger.Output oneByOne = new WeighChallenger(1).run(input, context);
    assertEquals(List.of(FIRST, SECOND), oneByOne.days());
    assertEquals(700, oneByOne.rows());
    deployment.store.collection("challenger_ledger").deleteMany(new Document());
    assertEquals(oneByOne, new WeighChallenger().run(input, context));
  }

  @Test
  void whatIsMalformedInTheLogIsLeftOutAndNamed() {
    queries.day(FIRST, 300, 0.8, 0.8).day(FIRST, 300, 0.8, 0.8, "a").label(FIRST);
    queries.day(SECOND, 300, 0.8, 0.8, "b").label(SECOND);
    String second = "%s/%s/%s-001".formatted(MODEL, FIRST, champion + challenger);
    set(second, "predicted", List.of());
    String third = "%s/%s/%s-002".formatted(MODEL, SECOND, champion + challenger);
    set(third, "probability.7", null);
    set(third, "challenger.probability.8", 1.5);
    WeighChallenger.Output weighed = weigh();
    assertEquals(List.of(FIRST, SECOND), weighed.days());
    assertEquals(300 + 298, weighed.rows());
    assertEquals(3, weighed.malformed());
    assertTrue(
        weighed
            .message()
            .endsWith(
                " Left out as malformed: 3, such as in block " + second + " of the query log."),
        weighed.message());
  }

  private void set(String block, String field, @Nullable Object value) {
    UpdateResult result =
        deployment
            .store
            .collection("query_logs")
            .updateOne(Filters.eq(block), Updates.set(field, value));
    assertEquals(1, result.getModifiedCount());
  }

  @Test
  void onlyPairsOfTheseTwoVersionsCount() {
    queries.day(FIRST, 300, 0.8, 0.8);
    new PairedQueries(deployment.store, MODEL, "an earlier champion", challenger)
        .day(FIRST, 300, 0, 1, "earlier");
    new PairedQueries(deployment.store, MODEL, champion, "another challenger")
        .day(FIRST, 300, 0, 1, "another");
    queries.answeredByTheCanary(FIRST, 300);
    queries.day(FIRST, 100, 0, 1, "");
    queries.label(FIRST);
    assertEquals(300, weigh().rows(), "the first 300, and no key twice");
  }

  @Test
  void requestsThatTheDaysEvaluationJudgesDoNotCountHere() {
    deployment.models.move(challenger, VersionStatus.Event.CHALLENGE, "undecided");
    queries.day(FIRST, 1_000, 0.7, 0.95).label(FIRST);
    queries.collect(FIRST, context);
    assertEquals(Decision.KEEP, weigh().decision());
    assertEquals(0, entries());
  }

  @Test
  void aChallengerThatAnEvaluationHasRejectedSinceLosesItsTraffic() {
    new ModelStore(context).move(challenger, VersionStatus.Event.REJECT, "too slow");
    WeighChallenger.Output weighed = weigh();
    assertEquals(Decision.ABORT, weighed.decision());
    assertTrue(weighed.message().contains("it was rejected at 2026-11-25"), weighed.message());
    assertNull(deployment.champions.get(MODEL).challenger());
  }

  @Test
  void theRankOfProbabilitiesIsWeighedForTheAreaUnderTheCurve() {
    queries.day(FIRST, 1_000, 0.7, 0.95).label(FIRST);
    assertEquals(Decision.PROMOTE, weigh(Metric.ROC_AUC).decision());
  }

  private WeighChallenger.Output weigh() {
    return weigh(Metric.ACCURACY);
  }

  private WeighChallenger.Output weigh(Metric metric) {
    return weigh(metric, SECOND);
  }

  private WeighChallenger.Output weigh(LocalDate last) {
    return weigh(Metric.ACCURACY, last);
  }

  private WeighChallenger.Output weigh(Metric metric, LocalDate last) {
    return new WeighChallenger()
        .run(new WeighChallenger.Input(MODEL, last, metric, 0.8, 14), context);
  }

  private Document waits() {
    return deployment.store.events().find("challenger_waits", MODEL + "/1").orElseThrow();
  }

  private Document ended() {
    return deployment.store.events().find("challenger_events", MODEL + "/1/ended").orElseThrow();
  }

  private long entries() {
    return deployment.store.collection("challenger_ledger").countDocuments();
  }
}
