package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import java.util.List;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.judgement.Selection;
import retune.core.judgement.VersionStatus;

/** Attempts are chosen on the validation rows; the hold-out is opened once. */
class JudgeCandidateTest {
  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void theAttemptThatSurelyReachesTheGateOnTheValidationRowsIsJudged() {
    String champion = failingChampion();
    String first = loop.attempt(1, POOR, champion);
    String second = loop.attempt(2, EXCELLENT, champion);
    JudgeCandidate.Output judged = loop.judgeCandidate(champion);
    assertTrue(judged.passed(), judged.reason());
    assertEquals(second, judged.modelId());
    assertEquals(2, judged.attempt());
    assertEquals(2, judged.attempts());
    assertTrue(
        Objects.requireNonNull(judged.validationLowerBound()) >= Loop.THRESHOLD, judged.toString());
    assertTrue(
        judged
            .reason()
            .matches(
                "Attempt 2 of 2 is chosen: its accuracy on the validation rows, 0\\.9\\d{3} \\(at"
                    + " least 0\\.\\d{4}\\), is the best\\. On the hold-out, accuracy 0\\.9\\d{3}"
                    + " reaches the threshold of 0\\.8 and is not below the champion's 0\\.\\d{4}"
                    + " on the same rows\\."),
        judged.reason());
    assertEquals(2, loop.store.collection("verdicts").countDocuments(), "one of the hold-out");

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(second, results.modelId());
    assertEquals(2, results.retrainingInfo().retryCount());
    assertTrue(results.message().contains("Attempt 2 of 2 is chosen"), results.message());
    assertEquals(VersionStatus.APPROVED, loop.models.status(second));
    assertEquals(VersionStatus.CANDIDATE, loop.models.status(first), "nothing judged it");
  }

  @Test
  void theBestOfAllIsJudgedWhereNoneSurelyReachesTheGate() {
    String champion = failingChampion();
    List<String> attempts =
        List.of(
            loop.attempt(1, USELESS, champion, 0.45, 0.35),
            loop.attempt(2, POOR, champion),
            loop.attempt(3, USELESS, champion));
    JudgeCandidate.Output judged = loop.judgeCandidate(champion);
    assertFalse(judged.passed());
    assertEquals(attempts.get(1), judged.modelId());
    assertEquals(3, judged.attempts());

    SendAlert.Output alert = loop.sendAlert();
    assertEquals("below_gate", alert.reason());
    assertTrue(
        alert.message().startsWith("Model failed to meet Accuracy threshold of 0.8 after 3"),
        alert.message());
    assertTrue(alert.message().contains(" Attempt 2 of 3 is chosen: "), alert.message());
    Document kept = loop.single("alerts");
    assertEquals(3, kept.getInteger("retry_attempts"));
    assertEquals(2, kept.getInteger("best_candidate_attempt"));
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("failed_max_retries", results.status());
    assertEquals(3, results.retrainingInfo().retryCount());
    assertEquals(VersionStatus.REJECTED, loop.models.status(attempts.get(1)));
    assertEquals(VersionStatus.CANDIDATE, loop.models.status(attempts.get(0)));
  }

  /** Values on the validation rows with their bounds; the gate is 0.8. */
  @ParameterizedTest
  @CsvSource({
    "0.700, 0.650, 0.720, 0.670, 1, is within a standard error of the best",
    "0.700, 0.650, 0.740, 0.690, 2, is the best",
    "0.825, 0.780, 0.830, 0.800, 2, is the best", // and surely reaches the gate
  })
  void theFirstWithinAStandardErrorOfTheBestIsJudgedWhereNoneSurelyReachesTheGate(
      double first, double firstBound, double second, double secondBound, int chosen, String why) {
    String champion = failingChampion();
    loop.attempt(1, GOOD, champion, first, firstBound);
    loop.attempt(2, GOOD, champion, second, secondBound);
    loop.attemptWithoutCandidate(3);
    JudgeCandidate.Output judged = loop.judgeCandidate(champion);
    assertEquals(chosen, judged.attempt(), judged.reason());
    assertTrue(judged.reason().contains(why), judged.reason());
  }

  @Test
  void anAttemptWithoutACandidateIsNotChosen() {
    String champion = failingChampion();
    loop.attemptWithoutCandidate(1);
    String second = loop.attempt(2, EXCELLENT, champion);
    JudgeCandidate.Output judged = loop.judgeCandidate(champion);
    assertTrue(judged.passed(), judged.reason());
    assertEquals(second, judged.modelId());
    assertEquals(2, judged.attempts());
    assertTrue(
        judged
            .reason()
            .contains(
                " is the best. Attempt 1 found nothing better than the champion on the validation"
                    + " rows. On the hold-out, "),
        judged.reason());
    assertEquals(2, loop.sendResults().retrainingInfo().retryCount());
  }

  @Test
  void whereNoAttemptFoundACandidateTheAlertSaysSo() {
    String champion = failingChampion();
    for (int attempt = 1; attempt <= 3; attempt++) {
      loop.attemptWithoutCandidate(attempt);
    }
    JudgeCandidate.Output judged = loop.judgeCandidate(champion);
    assertFalse(judged.passed() || judged.asked());
    assertNull(judged.modelId());
    assertNull(judged.attempt());
    assertEquals(3, judged.attempts());
    assertEquals(judged, loop.judgeCandidate(champion));
    assertEquals(1, loop.store.collection("verdicts").countDocuments(), "the champion's");
    assertNull(loop.single("chosen_attempts").get("chosen"));

    SendAlert.Output alert = loop.sendAlert();
    assertEquals("nothing_better", alert.reason());
    assertTrue(
        alert
            .message()
            .matches(
                "No candidate was found after 3 retraining attempts\\. The champion"
                    + " credit-default-\\w+ has the Accuracy score 0\\.\\d{4} on the day's rows,"
                    + " below the threshold of 0\\.8\\. Attempts 1, 2 and 3 found nothing better"
                    + " than the champion on the validation rows\\. Manual intervention"
                    + " required\\."),
        alert.message());
    Document kept = loop.single("alerts");
    assertEquals(champion, kept.getString("model_id"));
    assertEquals(champion, kept.getString("champion_id"));
    assertNull(kept.get("best_candidate_id"));
    assertEquals(3, kept.getInteger("retry_attempts"));
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("failed_max_retries", results.status());
    assertEquals(alert.message(), results.message());
    assertEquals(champion, results.modelId());
    assertEquals(3, results.retrainingInfo().retryCount());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(champion));
  }

  @Test
  void runningEveryStepAgainChangesNothing() {
    String champion = failingChampion();
    loop.attempt(1, EXCELLENT, champion);
    loop.judgeCandidate(champion);
    loop.sendResults();
    List<String> before = loop.content();
    loop.check(champion);
    loop.attempt(1, EXCELLENT, champion);
    loop.judgeCandidate(champion);
    loop.sendResults();
    assertEquals(before, loop.content());
  }

  @Test
  void aRunWithAnAttemptLeftIsRefused() {
    String champion = failingChampion();
    loop.attempt(1, POOR, champion);
    assertRefused(
        "The run 'run' made 1 of 3 attempts on 'credit-default/2026-11-05' by accuracy, and none"
            + " surely reaches 0.8; run finetune_model for the next attempt with the gate's"
            + " metric.",
        () -> loop.judgeCandidate(champion));
    assertRefused(
        "The run 'run' stopped before the hold-out judged an attempt; run judge_candidate for it"
            + " again.",
        loop::sendResults);
  }

  @Test
  void eachSelectionHasItsOwnStep() {
    String champion = failingChampion();
    String candidate = loop.attempt(1, EXCELLENT, champion);
    assertRefused(
        "The run chooses an attempt on the validation rows, and only that one may be judged on the"
            + " hold-out; run judge_candidate instead.",
        () -> loop.evaluateFinetuned(candidate, champion, 1));
    loop.selection = Selection.FIRST_PASSING;
    loop.startRun("published");
    loop.check(champion);
    assertRefused(
        "The run judges each attempt on the hold-out; run evaluate_finetuned_model for each"
            + " instead.",
        () -> loop.judgeCandidate(champion));
    assertTrue(loop.evaluateFinetuned(candidate, champion, 1).passed());
    SendEvaluationResults.Output results = loop.sendResults();
    assertTrue(
        results.message().endsWith(" Attempt 1 is the first that passed."), results.message());
  }

  private String failingChampion() {
    loop.selection = Selection.BEST_ON_VALIDATION;
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    assertTrue(loop.check(champion).needsRetraining());
    loop.prepare(champion);
    return champion;
  }

  private static void assertRefused(String sentence, Runnable step) {
    assertEquals(sentence, assertThrows(InvalidInputException.class, step::run).getMessage());
  }
}
