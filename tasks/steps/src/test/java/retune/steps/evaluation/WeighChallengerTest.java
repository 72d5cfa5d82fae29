package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import org.bson.Document;
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
  private Deployment deployment;
  private TestContext context;
  private PairedQueries queries;
  private String champion;
  private String challenger;

  @BeforeEach
  void startAChallenger(@TempDir Path folder) {
    deployment = new Deployment(folder);
    context = deployment.context().at(TestContext.NOW.plus(Duration.ofDays(20)));
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
    Document ended =
        deployment.store.events().find("challenger_events", MODEL + "/1/ended").orElseThrow();
    assertEquals("weigh_challenger", ended.getString("by"));
    assertEquals(weighed.message(), ended.getString("reason") + ".");
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
    assertEquals(challenger + " is not weighed yet. 1 day waits for labels.", waiting.message());
    assertEquals(0, entries());

    queries.label(FIRST, 0.9);
    assertEquals(List.of(FIRST), weigh().days());
    Document entry =
        Objects.requireNonNull(deployment.store.collection("challenger_ledger").find().first());
    assertEquals(900, entry.getLong("rows"));
  }

  @Test
  void feedbackOfCallersIsALabel() {
    queries.day(FIRST, 1_000, 0.7, 0.95).feedBack();
    WeighChallenger.Output weighed = weigh();
    assertEquals(Decision.PROMOTE, weighed.decision());
    assertEquals(1_000, weighed.rows());
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
    return new WeighChallenger()
        .run(new WeighChallenger.Input(MODEL, SECOND, metric, 0.8, 14), context);
  }

  private long entries() {
    return deployment.store.collection("challenger_ledger").countDocuments();
  }
}
