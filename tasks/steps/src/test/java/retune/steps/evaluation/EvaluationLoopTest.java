package retune.steps.evaluation;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.BATCH;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.model.Champions.Bar;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.steps.audit.History;
import retune.steps.drift.DetectDrift;

class EvaluationLoopTest {
  private static final String DAY = "credit-default/2026-11-05";

  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void aHealthyChampionIsApprovedAtOnce() {
    String champion = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    Map<String, Double> metrics = loop.evaluate(champion).metrics();
    CheckModelPerformance.Output check = loop.check(champion);
    assertEquals("approved", check.status());
    assertFalse(check.needsRetraining());
    assertEquals(metrics, check.metrics());
    assertEquals(0, check.retryCount());

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("approved", results.status());
    assertEquals(champion, results.modelId());
    assertEquals("20260109_101500", results.modelVersion());
    assertTrue(results.approved());
    assertFalse(results.retrainingInfo().wasRetrained());

    Document event = loop.single("evaluation_events");
    assertEquals("2026-11-05", event.getString("logical_date"));
    assertEquals(results.revision(), event.getInteger("revision"));
    Document judged = loop.document("verdicts", event.getString("verdict_id"));
    assertEquals(event.getString("reason"), judged.getString("reason"));
    assertEquals("evaluation_complete", event.getString("event_type"));
    assertEquals("approved", event.getString("status"));
    assertEquals(
        List.of(
            "was_retrained",
            "f1_score",
            "f1_threshold",
            "retry_count",
            "metric",
            "value",
            "threshold",
            "champion_value"),
        List.copyOf(event.get("retraining_info", Document.class).keySet()));
    assertEquals(VersionStatus.APPROVED, loop.models.status(champion));
    assertEquals(champion, loop.document("outcomes", DAY + "/1").getString("model_id"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void aChampionThatFallsShortIsFollowedByTheFirstAttemptThatPasses(int passing) {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    assertEquals("needs_retraining", loop.check(champion).status());
    loop.prepare(champion);
    List<String> failed = new ArrayList<>();
    for (int attempt = 1; attempt < passing; attempt++) {
      String candidate = loop.register(USELESS, attempt, champion, VersionStatus.CANDIDATE);
      assertFalse(loop.evaluateFinetuned(candidate, champion, attempt).passed());
      failed.add(candidate);
    }
    String candidate = loop.register(GOOD, passing, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, champion, passing);
    assertTrue(judged.passed(), judged.reason());
    assertEquals(champion, judged.finetunedFrom());

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(candidate, results.modelId());
    assertEquals(champion, results.championId());
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(champion));
    failed.forEach(id -> assertEquals(VersionStatus.REJECTED, loop.models.status(id)));

    Document event = loop.single("evaluation_events");
    Document info = event.get("retraining_info", Document.class);
    assertEquals(
        List.of(
            "was_retrained",
            "original_model_id",
            "original_f1_score",
            "finetuned_model_id",
            "finetuned_f1_score",
            "improvement",
            "retry_count",
            "metric",
            "value",
            "threshold",
            "champion_value"),
        List.copyOf(info.keySet()));
    assertEquals(passing, info.getInteger("retry_count"));
    assertEquals(judged.championMetrics().get("f1_score"), info.getDouble("original_f1_score"));
    assertEquals(judged.metrics().get("f1_score"), info.getDouble("finetuned_f1_score"));
    assertEquals(
        info.getDouble("finetuned_f1_score") - info.getDouble("original_f1_score"),
        info.getDouble("improvement"));
    assertEquals(candidate, loop.document("outcomes", DAY + "/1").getString("model_id"));
    assertThrows(InvalidInputException.class, loop::sendAlert);
  }

  @Test
  void anAttemptWithoutACandidateIsFollowedByTheNext() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String stale = loop.register(USELESS, 1, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(stale, champion, 1);
    loop.attemptWithoutCandidate(1);
    EvaluateFinetunedModel.Output first = loop.evaluateFinetuned(null, champion, 1);
    assertFalse(first.passed() || first.asked());
    assertNull(first.modelId());
    assertEquals("Attempt 1 found nothing.", first.reason());
    assertEquals(
        "The run 'run' made no attempt 2 on 'credit-default/2026-11-05' by accuracy; run"
            + " finetune_model for it, or name the candidate with --model-id.",
        assertThrows(InvalidInputException.class, () -> loop.evaluateFinetuned(null, champion, 2))
            .getMessage());
    String second = loop.attempt(2, GOOD, champion);
    assertEquals(second, loop.evaluateFinetuned(null, champion, 2).modelId());

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(second, results.modelId());
    assertEquals(2, results.retrainingInfo().retryCount());
    assertEquals(VersionStatus.CANDIDATE, loop.models.status(stale), "it is no longer judged");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void theAlertSaysWhichAttemptsFoundNothing(int without) {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    for (int attempt = 1; attempt <= 3; attempt++) {
      if (attempt <= without) {
        loop.attemptWithoutCandidate(attempt);
      } else {
        loop.evaluateFinetuned(
            loop.register(USELESS, attempt, champion, VersionStatus.CANDIDATE), champion, attempt);
      }
    }
    SendAlert.Output alert = loop.sendAlert();
    assertEquals(without == 3 ? "nothing_better" : "below_gate", alert.reason());
    assertTrue(alert.message().contains(" after 3 retraining attempts. "), alert.message());
    assertTrue(
        alert
            .message()
            .contains(
                (without == 3 ? "Attempts 1, 2 and 3" : "Attempt 1")
                    + " found nothing better than the champion on the validation rows."),
        alert.message());
    assertEquals(3, loop.sendResults().retrainingInfo().retryCount());
  }

  @Test
  void aBackfillReportsAndPromotesOnlyWhenAskedTo() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(candidate, champion, 1);
    loop.addOutcome(Loop.DATE.plusDays(1), champion);

    SendEvaluationResults.Output heldBack = loop.sendResults();
    assertEquals("held_back", heldBack.status());
    assertEquals(champion, heldBack.modelId());
    assertFalse(heldBack.approved());
    assertEquals(VersionStatus.CANDIDATE, loop.models.status(candidate));

    assertEquals("retrained", loop.sendResults(true).status());
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
  }

  @Test
  void aVersionThatWasRolledBackIsHeldBackUntilItIsReleased() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.RETIRED);
    loop.evaluateFinetuned(candidate, champion, 1);
    Bar bar = loop.barAndReturnTo(champion, candidate);

    SendEvaluationResults.Output heldBack = loop.sendResults();
    assertEquals("held_back", heldBack.status());
    assertEquals(
        candidate + " passed for " + Loop.DATE + ". " + bar.sentence(), heldBack.message());
    assertEquals(champion, heldBack.modelId());
    assertFalse(heldBack.approved());
    assertEquals(VersionStatus.RETIRED, loop.models.status(candidate));
    List<String> before = loop.content();
    assertEquals(heldBack, loop.sendResults(true));
    assertEquals(before, loop.content());

    loop.champions.release(Loop.MODEL, bar);
    assertEquals("retrained", loop.sendResults().status());
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
  }

  @Test
  void theAlertAndTheHistorySayWhatKindOfChangeTheDayLooksLike() throws Exception {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.champions.install(Loop.MODEL, champion);
    loop.writeReference(800);
    exhaust(champion);
    DetectDrift.Output drift =
        new DetectDrift()
            .run(new DetectDrift.Input(champion, loop.batch(), 0.01, null, null), loop.context);
    loop.sendAlert();
    Document kept = loop.single("alerts");
    assertEquals(drift.shift(), kept.getString("shift"));
    assertEquals(drift.shiftReason(), kept.getString("shift_reason"));
    loop.sendResults();
    History.Output history = new History().run(new History.Input(Loop.MODEL, 0), loop.context);
    assertEquals(drift.shiftReason(), history.events().getLast().get("shift_reason"));
    assertTrue(history.text().replaceAll("\\s+", " ").contains(" shift " + drift.shiftReason()));
  }

  @Test
  void threeFailuresApproveNothingAndTellPeople() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    String last = exhaust(champion);
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("failed_max_retries", results.status());
    assertEquals(champion, results.modelId());
    assertFalse(results.approved());
    assertFalse(results.retrainingInfo().wasRetrained());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(champion));
    assertEquals(VersionStatus.REJECTED, loop.models.status(last));
    Document outcome = loop.document("outcomes", DAY + "/1");
    assertEquals("failed_max_retries", outcome.getString("status"));
    assertEquals(champion, outcome.getString("model_id"));

    SendAlert.Output alert = loop.sendAlert();
    Document kept = loop.single("alerts");
    assertEquals("MODEL_PERFORMANCE_FAILURE", kept.getString("alert_type"));
    assertEquals("CRITICAL", kept.getString("severity"));
    assertEquals(last, kept.getString("model_id"));
    assertEquals(champion, kept.getString("original_model_id"));
    assertEquals(0.8, kept.getDouble("f1_threshold"));
    assertEquals(3, kept.getInteger("retry_attempts"));
    assertEquals(3, kept.getInteger("max_retries"));
    assertNotNull(kept.getDouble("f1_score"));
    assertTrue(
        alert
            .message()
            .matches(
                "Model failed to meet Accuracy threshold of 0\\.8 after 3 retraining attempts\\."
                    + " Final Accuracy score: 0\\.\\d{4}\\. The best candidate, \\S+ of attempt"
                    + " \\d, reached 0\\.\\d{4}; the champion \\S+ has 0\\.\\d{4} on the same"
                    + " rows\\. Manual intervention required\\."),
        alert.message());
    assertEquals(alert.message(), kept.getString("message"));
    assertEquals("not configured", alert.delivered().get("webhook"));
  }

  @Test
  void runningEveryStepAgainChangesNothing() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    exhaust(champion);
    loop.sendResults();
    loop.sendAlert();
    List<String> before = loop.content();
    exhaust(champion);
    SendEvaluationResults.Output again = loop.sendResults();
    loop.sendAlert();
    assertEquals(before, loop.content());
    assertEquals("failed_max_retries", again.status());
  }

  @Test
  void aDayThatHasItsOutcomeReturnsItUnchanged() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    String candidate = fineTune(champion);
    SendEvaluationResults.Output first = loop.sendResults();
    loop.models.move(candidate, VersionStatus.Event.DEPLOY, "");
    loop.models.move(champion, VersionStatus.Event.RETIRE, "");
    Document outcome = loop.single("outcomes");
    Document event = loop.single("evaluation_events");

    loop.startRun("run-2");
    loop.evaluate(candidate);
    CheckModelPerformance.Output check = loop.check(candidate);
    assertEquals("retrained", check.status());
    assertFalse(check.needsRetraining());
    assertEquals(
        DAY + " has its outcome, revision 1 of the run 'run': " + first.message(), check.reason());
    assertEquals(first, loop.sendResults());
    assertEquals(outcome, loop.single("outcomes"));
    assertEquals(event, loop.single("evaluation_events"));
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(candidate));
    assertEquals(VersionStatus.RETIRED, loop.models.status(champion));
  }

  @Test
  void anotherLoopFileAddsARevisionThatIsJudgedOnTheHoldOutOnly() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    String candidate = fineTune(champion);
    loop.sendResults();
    Document first = loop.single("outcomes");

    loop.startRun("run-2");
    loop.loopFileHash = "another";
    EvaluateModel.Output measured = loop.evaluate(candidate);
    assertEquals(loop.prepare(candidate).revalSamples(), measured.samples());
    assertEquals("approved", loop.check(candidate).status());
    SendEvaluationResults.Output second = loop.sendResults();
    assertEquals("approved", second.status());
    assertEquals(2, second.revision());
    assertEquals(first, loop.document("outcomes", DAY + "/1"));
    assertEquals("approved", loop.document("outcomes", DAY + "/2").getString("status"));
    assertEquals(2, loop.store.collection("evaluation_events").countDocuments());
  }

  @Test
  void aSecondChangeInOneRunHidesNoVerdict() {
    String champion = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.evaluate(champion);
    loop.check(champion);
    loop.sendResults();
    loop.loopFileHash = "another";
    loop.check(champion);
    assertEquals(2, loop.sendResults().revision());
    assertEquals(2, loop.store.collection("verdicts").countDocuments());
    assertEquals(2, loop.store.collection("evaluation_events").countDocuments());
  }

  @Test
  void otherLabelsAreJudgedOnRowsThatNoTrainingHasSeen() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    String candidate = fineTune(champion);
    int holdout = loop.prepare(champion).revalSamples();
    String child = loop.register(EXCELLENT, candidate, VersionStatus.CANDIDATE);
    loop.relabel();
    assertEquals(holdout, loop.evaluate(candidate).samples());
    assertEquals(holdout, loop.evaluate(child).samples());
    assertEquals(Loop.ROWS - 10, loop.evaluate(champion).samples());

    loop.check(candidate);
    PrepareRetrainingData.Output prepared = loop.prepare(candidate);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(child, candidate, 1);
    Document measured =
        loop.document(
            "performance_metrics", child + "/" + Loop.RELABELLED_HASH + "/post_finetune_test");
    assertTrue(measured.getInteger("judged_rows") < prepared.revalSamples(), judged.reason());
  }

  @Test
  void aVersionWhoseHoldOutIsUnknownIsNotJudged() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    assertRefused(
        "The split by which a version was trained on 'credit-default/2026-11-05' is not in the"
            + " store, so its hold-out is unknown; judge the version on another batch.",
        () -> loop.evaluate(candidate));
  }

  /** The best of the attempts is not the last one, which finds nothing. */
  @Test
  void theBestAttemptBelowTheGateFollowsWhereTheLoopSaysSo() {
    loop.belowGate = BelowGate.PROMOTE_IF_SUPERIOR;
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    loop.writeBatch(2_000);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String useless = loop.attempt(1, USELESS, champion);
    String better = loop.attempt(2, POOR, champion);
    loop.attemptWithoutCandidate(3);
    EvaluateFinetunedModel.Output first = loop.evaluateFinetuned(useless, champion, 1);
    assertFalse(first.passed() || first.fallback());
    EvaluateFinetunedModel.Output second = loop.evaluateFinetuned(better, champion, 2);
    assertFalse(second.passed());
    assertTrue(second.fallback(), second.reason());
    assertFalse(loop.evaluateFinetuned(null, champion, 3).fallback());
    assertRefused(
        "The run 'run' ended with a version of 'credit-default' that is approved, or that a person"
            + " is asked about; no alert is needed.",
        loop::sendAlert);
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(better, results.modelId());
    assertEquals(3, results.retrainingInfo().retryCount());
    assertTrue(
        results
            .message()
            .matches(
                ".* accuracy 0\\.[67]\\d+ is below the threshold of 0\\.8 but is above the"
                    + " champion's .*, and the loop promotes a better version below the gate\\. No"
                    + " attempt reaches the threshold, and attempt 2 is the best of those that pass"
                    + " below it\\."),
        results.message());
    assertEquals(VersionStatus.APPROVED, loop.models.status(better));
    assertEquals(VersionStatus.REJECTED, loop.models.status(useless));
  }

  @Test
  void anAlertOfACandidateBelowTheChampionSaysSo() {
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String better = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    List<String> candidates = new ArrayList<>();
    for (int attempt = 1; attempt <= 3; attempt++) {
      candidates.add(
          loop.register(attempt == 2 ? GOOD : POOR, attempt, champion, VersionStatus.CANDIDATE));
      assertFalse(loop.evaluateFinetuned(candidates.getLast(), better, attempt).passed());
    }
    SendAlert.Output alert = loop.sendAlert();
    assertEquals("below_champion", alert.reason());
    Document kept = loop.single("alerts");
    String expected =
        String.format(
            Locale.ROOT,
            "No candidate is better than the champion after 3 retraining attempts. The best"
                + " candidate, %s of attempt 2, reached the Accuracy threshold of 0.8 with %.4f but"
                + " is below the champion %s, which has %.4f on the same rows. Manual intervention"
                + " required.",
            candidates.get(1),
            kept.getDouble("best_candidate_value"),
            better,
            kept.getDouble("champion_value"));
    assertEquals(expected, alert.message());
    assertEquals(candidates.get(1), kept.getString("best_candidate_id"));
    assertEquals(better, kept.getString("champion_id"));
    assertEquals("accuracy", kept.getString("metric"));
    assertEquals(0.8, kept.getDouble("threshold"));
    assertEquals("below_champion", kept.getString("reason"));
  }

  @Test
  void aCandidateThatAnswersEveryRowAlikeIsNotApproved() {
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.registerConstant(champion);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, champion, 1);
    assertFalse(judged.passed());
    assertTrue(judged.reason().contains("answers every row alike"), judged.reason());
  }

  @Test
  void whatIsLostOnTheLastOrdinaryDayIsToldOrHolds() throws Exception {
    String original = loop.register(EXCELLENT, null, VersionStatus.APPROVED);
    loop.models.move(original, VersionStatus.Event.DEPLOY, "");
    loop.evaluate(original);
    assertEquals("approved", loop.check(original).status());
    loop.sendResults();
    loop.startDay(Loop.DATE.plusDays(1), true);
    loop.evaluate(original);
    loop.check(original);
    loop.prepare(original);
    String candidate = loop.register(USELESS, original, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output told = loop.evaluateFinetuned(candidate, original, 1);
    assertTrue(told.passed(), told.reason());
    assertTrue(
        told.reason()
            .matches(
                ".* on the same rows\\. But on the \\S+ ordinary rows of credit-default/2026-11-05"
                    + " the candidate has 0\\.5\\d{3}, 0\\.\\d{4} below the champion's 0\\.9\\d{3};"
                    + " 0\\.05 may be lost\\. To keep such a version out, set .*"),
        told.reason());

    loop.onConflict = OnConflict.HOLD;
    loop.check(original);
    EvaluateFinetunedModel.Output held = loop.evaluateFinetuned(candidate, original, 1);
    assertFalse(held.passed());
    assertTrue(held.reason().contains("0.05 may be lost"), held.reason());
  }

  @Test
  void fewRowsLeaveACandidateUndecidedWhereABoundDecides() {
    loop.evidence = Evidence.INTERVAL;
    loop.writeBatch(300);
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, champion, 1);
    assertFalse(judged.passed());
    Document verdict =
        loop.store.collection("verdicts").find(new Document("model_id", candidate)).first();
    assertNotNull(verdict);
    assertEquals("undecided", verdict.getString("decision"), judged.reason());
    assertTrue(
        judged.reason().contains("of the 50 rows that a confidence bound needs"), judged.reason());
  }

  @Test
  void aDayOfTenRowsChangesNothingWhereTheEvidenceDecides() {
    loop.evidence = Evidence.INTERVAL;
    loop.writeBatch(20); // ten of them have a label
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    assertFalse(loop.check(champion).needsRetraining());
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("undecided", results.status(), results.message());
    assertEquals(champion, results.modelId());
  }

  @Test
  void onADayOfOneClassNoCandidateIsPromoted() {
    loop.writeBatchOfOneClass(600);
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    assertTrue(loop.check(champion).needsRetraining());
    loop.prepare(champion);
    String candidate = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, champion, 1);
    assertTrue(Objects.requireNonNull(judged.value()) > 0.9);
    assertFalse(judged.passed());
    assertTrue(
        judged
            .reason()
            .contains("is not above the 1.0000 of the best answer that is the same for every row"),
        judged.reason());
  }

  @Test
  void runningAgainAfterDeploymentLeavesTheDeployedVersionDeployed() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(candidate, champion, 1);
    loop.sendResults();
    loop.models.move(candidate, VersionStatus.Event.DEPLOY, "deployed");
    loop.models.move(champion, VersionStatus.Event.RETIRE, "retired");
    loop.sendResults();
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(candidate));
    assertEquals(VersionStatus.RETIRED, loop.models.status(champion));
  }

  @Test
  void aCandidateBelowTheChampionIsNotApprovedThoughItReachesTheThreshold() {
    String champion = loop.register(EXCELLENT, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, champion, 1);
    assertFalse(judged.passed());
    assertTrue(judged.reason().contains("but is below the champion's"), judged.reason());
  }

  @Test
  void theHoldOutIsDisjointFromTrainingAndKeptWithItsHashes() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    PrepareRetrainingData.Output prepared = loop.prepare(champion);
    assertEquals(590, prepared.retrainSamples() + prepared.revalSamples());
    assertEquals(177, prepared.revalSamples(), 1);
    assertEquals(10, prepared.metadata().unlabelled());
    Document split = loop.document("data_splits", prepared.splitId());
    assertEquals(BATCH, split.getString("data_path"));
    Document hashes = split.get("hashes", Document.class);
    assertEquals(List.of("training", "validation", "holdout"), List.copyOf(hashes.keySet()));
    assertEquals(3, hashes.values().stream().distinct().count());
  }

  @Test
  void trainingLeavesOutWhatTheQualityFilterFindsAndNoLaterJudgementSeesIt() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    List<Integer> repeated = loop.repeatRows();
    PrepareRetrainingData.Output split = loop.prepare(champion);
    PrepareRetrainingData.FilterStats stats = split.filterStats();
    assertTrue(stats.duplicatesRemoved() > 0);
    assertEquals(
        stats.originalCount() - stats.duplicatesRemoved() - stats.contradictionsRemoved(),
        stats.finalCount());
    assertEquals(stats.finalCount(), split.retrainSamples());
    Document document = loop.document("data_splits", split.splitId());
    Document duplicates = document.get("rejected", Document.class).get("duplicate", Document.class);
    assertEquals(stats.duplicatesRemoved(), duplicates.getInteger("count"));
    assertTrue(repeated.containsAll(duplicates.getList("sample", Integer.class)));

    Batch batch = Batch.load(loop.context, BATCH);
    boolean[] seen =
        DataSplit.seenRows(loop.context, batch.description(), Set.of(batch.contentHash()));
    int holdout = DataSplit.find(loop.context, batch, null).split().rows(Part.HOLDOUT).length;
    int unseen = 0;
    for (int row = 10; row < seen.length; row++) {
      unseen += seen[row] ? 0 : 1;
    }
    assertEquals(holdout, unseen, "a rejected row equals one that training has seen");
  }

  @Test
  void aSplitOfTheSameContentHasTheSameId() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    assertEquals(loop.prepare(champion).splitId(), loop.prepare(champion).splitId());
  }

  @Test
  void aDayThatAnEarlierReleaseHasSplitKeepsThatSplit() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    Batch batch = Batch.load(loop.context, BATCH);
    DataSplit.Plan plan = new DataSplit.Plan(0.3, 0.2, 0, true);
    String earlierId = BATCH + "/" + Hashing.sha256(batch.contentHash() + plan).substring(0, 12);
    byte[] seed = Hashing.sha256().digest((BATCH + "/0").getBytes(UTF_8));
    Split earlier =
        Split.of(
            batch.rows().rowHashes(),
            batch.rows().labels(),
            plan.holdoutShare(),
            plan.validationShare(),
            ByteBuffer.wrap(seed).getLong());
    new DataSplit(earlierId, earlier, null).keep(loop.context, batch, plan);
    assertEquals(earlierId, loop.prepare(champion).splitId());
    DataSplit found = DataSplit.find(loop.context, batch, null);
    assertEquals(earlierId, found.id());
    assertArrayEquals(earlier.rows(Part.HOLDOUT), found.split().rows(Part.HOLDOUT));
  }

  @Test
  void aBatchThatWasSplitInTwoWaysNeedsTheOneNamed() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String other =
        new PrepareRetrainingData()
            .run(
                new PrepareRetrainingData.Input(champion, BATCH, 0.3, 0.2, 1, true, 0.5),
                loop.context)
            .splitId();
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    assertThrows(InvalidInputException.class, () -> loop.evaluateFinetuned(candidate, champion, 1));
    EvaluateFinetunedModel.Input named =
        new EvaluateFinetunedModel.Input(candidate, champion, BATCH, 1, null, null, other);
    assertTrue(new EvaluateFinetunedModel().run(named, loop.context).passed());
  }

  @Test
  void theAlertOfAHealthyRunIsRefused() {
    String champion = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.evaluate(champion);
    loop.check(champion);
    assertRefused(
        "The run 'run' ended with a version of 'credit-default' that is approved, or that a person"
            + " is asked about; no alert is needed.",
        loop::sendAlert);
    assertNull(loop.store.collection("alerts").find().first());
  }

  @Test
  void aChampionIsNoCandidateBesideItself() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    assertRefused(
        "The candidate and the version in production are the same version, %s; give two."
            .formatted(champion),
        () -> loop.evaluateFinetuned(champion, champion, 1));
  }

  @Test
  void resultsWithoutAVerdictAreRefused() {
    assertRefused(
        "The run 'run' has no verdict on 'credit-default/2026-11-05'; run check_model_performance"
            + " first, by hand with the same RETUNE_RUN_ID.",
        loop::sendResults);
  }

  @Test
  void resultsOfARunThatStoppedHalfWayAreRefused() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    assertRefused(
        "The run 'run' stopped before attempt 1 of 3 was judged; run finetune_model and"
            + " evaluate_finetuned_model for it again.",
        loop::sendResults);
    assertNull(loop.store.collection("outcomes").find().first());
  }

  @Test
  void resultsByAnotherGateThanTheVerdictsAreRefused() {
    String champion = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.evaluate(champion);
    loop.check(champion);
    SendEvaluationResults.Input lower =
        new SendEvaluationResults.Input(Loop.MODEL, Loop.DATE, Metric.ACCURACY, 0.5, 3, false);
    assertThrows(
        InvalidInputException.class, () -> new SendEvaluationResults().run(lower, loop.context));
    assertEquals(VersionStatus.CANDIDATE, loop.models.status(champion));
  }

  @Test
  void aModelThatWasNotEvaluatedIsNotJudged() {
    String champion = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    assertRefused(
        "'%s' was not evaluated on the current content of 'credit-default/2026-11-05'; run"
                .formatted(champion)
            + " evaluate_model first.",
        () -> loop.check(champion));
  }

  /** A champion that fails and a first attempt that passes; returns the candidate. */
  private String fineTune(String champion) {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    assertTrue(loop.evaluateFinetuned(candidate, champion, 1).passed());
    return candidate;
  }

  /** Three attempts that fail; returns the last candidate. */
  private String exhaust(String champion) {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = "";
    for (int attempt = 1; attempt <= 3; attempt++) {
      candidate = loop.register(USELESS, attempt, champion, VersionStatus.CANDIDATE);
      loop.evaluateFinetuned(candidate, champion, attempt);
    }
    return candidate;
  }

  private static void assertRefused(String sentence, Runnable step) {
    assertEquals(sentence, assertThrows(InvalidInputException.class, step::run).getMessage());
  }
}
