package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.judgement.Evidence;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.judgement.DayAnswers;
import retune.judgement.MeasuredVersion;
import retune.model.ModelStore;
import retune.model.batch.Batch;

class LookBackTest {
  private static final LocalDate DRIFTED_DAY = LocalDate.parse("2026-11-06");
  private static final LocalDate NEXT_DAY = LocalDate.parse("2026-11-07");

  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void afterADriftedDayTheOriginalComesBackWithoutTraining() throws Exception {
    String original = loop.register(EXCELLENT, null, VersionStatus.APPROVED);
    String finetuned = fineTuneOnADriftedDay(original);
    assertEquals(VersionStatus.RETIRED, loop.models.status(original));

    loop.startDay(NEXT_DAY, false);
    assertTrue(fails(finetuned));
    LookBack.Output found = loop.lookBack(finetuned);
    assertTrue(found.passed(), found.reason());
    assertEquals(original, found.modelId());
    assertEquals(1, found.judged());
    assertTrue(
        found
            .reason()
            .startsWith(
                original
                    + ", in production until 2026-11-06, is approved to follow "
                    + finetuned
                    + " without training: accuracy 0.9"),
        found.reason());

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("looked_back", results.status());
    assertEquals(original, results.modelId());
    assertEquals(finetuned, results.championId());
    assertTrue(results.approved());
    assertEquals(found.reason(), results.message());
    assertFalse(results.retrainingInfo().wasRetrained());
    assertEquals(0, results.retrainingInfo().retryCount());
    assertEquals(VersionStatus.APPROVED, loop.models.status(original));

    assertEquals(original, loop.deploy().modelId());
    assertEquals(original, loop.champions.find(Loop.MODEL).orElseThrow().modelId());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(original));
    assertEquals(VersionStatus.RETIRED, loop.models.status(finetuned));
    assertEquals(2, loop.store.collection("model_metadata").countDocuments());
  }

  @Test
  void anUndecidedCandidateIsPromotedByALaterDay() throws Exception {
    loop.evidence = Evidence.INTERVAL;
    String champion = loop.register(USELESS, null, VersionStatus.APPROVED);
    loop.models.move(champion, Event.DEPLOY, "");
    loop.champions.install(Loop.MODEL, champion);
    loop.writeBatch(300);
    assertTrue(fails(champion));
    loop.lookBack(champion);
    loop.prepare(champion);
    String candidate = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    for (int attempt = 1; attempt <= 3; attempt++) {
      assertFalse(loop.evaluateFinetuned(candidate, champion, attempt).passed());
    }
    String alert = loop.sendAlert().message();
    assertTrue(alert.contains("It stays a challenger"), alert);
    assertEquals("failed_max_retries", loop.sendResults().status());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(candidate));

    loop.startDay(NEXT_DAY, false);
    assertTrue(fails(champion));
    assertEquals(candidate, loop.lookBack(champion).modelId());
    // The day's own rows prove it better.
    assertEquals("challenger_promoted", loop.sendResults().status());
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
  }

  @Test
  void aChallengerThatALaterDayDecidesAgainstIsDropped() throws Exception {
    String champion = loop.register(USELESS, null, VersionStatus.APPROVED);
    loop.models.move(champion, Event.DEPLOY, "");
    loop.champions.install(Loop.MODEL, champion);
    String challenger = loop.register(POOR, champion, VersionStatus.CHALLENGER);
    loop.startDay(NEXT_DAY, false);
    assertTrue(fails(champion));
    assertFalse(loop.lookBack(champion).passed());
    loop.prepare(champion);
    for (int attempt = 1; attempt <= 3; attempt++) {
      String candidate = loop.register(USELESS, attempt + 1, champion, VersionStatus.CANDIDATE);
      loop.evaluateFinetuned(candidate, champion, attempt);
    }
    assertEquals("failed_max_retries", loop.sendResults().status());
    assertEquals(VersionStatus.REJECTED, loop.models.status(challenger));
  }

  @Test
  void runningEveryStepAgainChangesNothing() throws Exception {
    String original = loop.register(EXCELLENT, null, VersionStatus.APPROVED);
    String finetuned = fineTuneOnADriftedDay(original);
    loop.startDay(NEXT_DAY, false);
    fails(finetuned);
    loop.lookBack(finetuned);
    loop.sendResults();
    List<String> before = loop.content();
    fails(finetuned);
    loop.lookBack(finetuned);
    loop.sendResults();
    assertEquals(before, loop.content());
  }

  @Test
  void aDayBeforeTheLastOneIsHeldBack() throws Exception {
    String original = loop.register(EXCELLENT, null, VersionStatus.APPROVED);
    String finetuned = fineTuneOnADriftedDay(original);
    loop.startDay(NEXT_DAY, false);
    loop.addOutcome(NEXT_DAY.plusDays(1), finetuned);
    fails(finetuned);
    loop.lookBack(finetuned);
    assertEquals("held_back", loop.sendResults().status());
    assertEquals(VersionStatus.RETIRED, loop.models.status(original));
    assertEquals("looked_back", loop.sendResults(true).status());
  }

  @Test
  void withoutEarlierVersionsTheAttemptsFollow() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.register(EXCELLENT, 2, null, VersionStatus.REJECTED);
    assertTrue(fails(champion));
    LookBack.Output found = loop.lookBack(champion);
    assertFalse(found.passed());
    assertNull(found.modelId());
    assertNull(found.value());
    assertEquals("There is no earlier version to judge.", found.reason());
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    assertTrue(loop.evaluateFinetuned(candidate, champion, 1).passed());
    assertEquals("retrained", loop.sendResults().status());
  }

  @Test
  void versionsThatCannotReadTheDayAreCountedAndLeftOut() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.registerOther(true, VersionStatus.RETIRED);
    loop.registerOther(false, VersionStatus.RETIRED);
    String damaged = loop.register(EXCELLENT, null, VersionStatus.RETIRED);
    loop.store.blobs().remove(ModelStore.weightsId(loop.models.get(damaged)));
    loop.barAndReturnTo(champion, loop.register(GOOD, null, VersionStatus.RETIRED));
    fails(champion);
    LookBack.Output found = loop.lookBack(champion);
    assertEquals(
        Map.of("other_features", 1, "other_classes", 1, "barred", 1, "not_judged", 1),
        found.skipped());
    assertEquals(
        "There is no earlier version to judge. 4 are left out: barred 1, not_judged 1,"
            + " other_classes 1, other_features 1.",
        found.reason());
  }

  @Test
  void theBestEverAndThenTheNewestAreJudgedAtMostTen() {
    String best = loop.register(EXCELLENT, null, VersionStatus.RETIRED);
    loop.champions.install(Loop.MODEL, best);
    for (int scale = 1; scale <= 11; scale++) {
      loop.register(USELESS, scale, null, VersionStatus.RETIRED);
    }
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    assertTrue(
        loop.champions.promote(loop.champions.find(Loop.MODEL).orElseThrow(), champion, best));
    fails(champion);
    LookBack.Output found = loop.lookBack(champion);
    assertEquals(10, found.judged());
    assertEquals(best, found.modelId());
  }

  @Test
  void theBestOfThoseThatPassIsTaken() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.register(GOOD, null, VersionStatus.RETIRED);
    String better = loop.register(EXCELLENT, null, VersionStatus.RETIRED);
    loop.register(GOOD, 2, null, VersionStatus.RETIRED);
    fails(champion);
    assertEquals(better, loop.lookBack(champion).modelId());
  }

  @Test
  void aVersionIsJudgedOnlyOnRowsThatNoTrainingHasSeen() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    fails(champion);
    int holdout = loop.prepare(champion).revalSamples();
    String trainedOnTheDay = loop.register(EXCELLENT, champion, VersionStatus.RETIRED);
    assertEquals(trainedOnTheDay, loop.lookBack(champion).modelId());
    Document measured =
        loop.document(
            "performance_metrics", trainedOnTheDay + "/" + Loop.CONTENT_HASH + "/look_back");
    assertEquals(holdout, measured.getInteger("judged_rows"));
  }

  @Test
  void anEncoderThatIsTheSameEncodesNothingAgain() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.register(GOOD, null, VersionStatus.RETIRED);
    loop.register(EXCELLENT, null, VersionStatus.RETIRED);
    fails(champion);
    long encoded = loop.encodings();
    assertEquals(2, loop.lookBack(champion).judged());
    assertEquals(encoded, loop.encodings());
  }

  @Test
  void answersAreTheSameInOnePassAndInSeveral() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    List<String> judged =
        List.of(
            loop.register(GOOD, null, VersionStatus.RETIRED),
            loop.register(EXCELLENT, null, VersionStatus.RETIRED),
            loop.register(USELESS, null, VersionStatus.RETIRED));
    Batch batch = Batch.load(loop.context, Loop.BATCH);
    Set<String> compared = Set.of(champion);
    for (long mostValues : List.of(DayAnswers.MOST_VALUES, 5L * Loop.ROWS, 1L)) {
      DayAnswers answers =
          new DayAnswers(loop.context, batch.description(), compared, judged, mostValues);
      for (String modelId : judged) {
        int[] rows = answers.unseen(Set.of(modelId, champion));
        for (String measured : List.of(modelId, champion)) {
          assertArrayEquals(
              MeasuredVersion.ofRows(loop.context, measured, batch, rows)
                  .predictions()
                  .probabilities(),
              answers.measure(measured, rows).predictions().probabilities());
        }
      }
    }
  }

  @Test
  void anAlertNamesTheBestEarlierVersion() {
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    String earlier = loop.register(POOR, null, VersionStatus.RETIRED);
    fails(champion);
    assertFalse(loop.lookBack(champion).passed());
    loop.prepare(champion);
    for (int attempt = 1; attempt <= 3; attempt++) {
      String candidate = loop.register(USELESS, attempt + 1, champion, VersionStatus.CANDIDATE);
      loop.evaluateFinetuned(candidate, champion, attempt);
    }
    String message = loop.sendAlert().message();
    assertTrue(
        message.contains(
            " No earlier version passes either; the best of 1, " + earlier + ", has 0.6"),
        message);
    Document alert = loop.single("alerts");
    assertEquals(earlier, alert.getString("best_earlier_id"));
    assertEquals(VersionStatus.RETIRED, loop.models.status(earlier));
    assertEquals("failed_max_retries", loop.sendResults().status());
    assertEquals(VersionStatus.RETIRED, loop.models.status(earlier));
  }

  /** The champion is fine-tuned on a drifted day and followed; returns the fine-tuned version. */
  private String fineTuneOnADriftedDay(String original) throws Exception {
    loop.models.move(original, Event.DEPLOY, "");
    loop.champions.install(Loop.MODEL, original);
    loop.startDay(DRIFTED_DAY, true);
    assertTrue(fails(original));
    assertFalse(loop.lookBack(original).passed());
    loop.prepare(original);
    String candidate = loop.register(USELESS, original, VersionStatus.CANDIDATE);
    assertTrue(loop.evaluateFinetuned(candidate, original, 1).passed());
    assertEquals("retrained", loop.sendResults().status());
    loop.deploy();
    return candidate;
  }

  private boolean fails(String champion) {
    loop.evaluate(champion);
    return loop.check(champion).needsRetraining();
  }
}
