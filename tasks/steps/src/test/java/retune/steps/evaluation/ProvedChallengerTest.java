package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;
import static retune.testing.Refusals.assertRefused;

import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.judgement.DayOutcome;
import retune.runtime.Json;
import retune.runtime.Steps;

/**
 * A challenger that the evidence over days proves better, on a day on which it is below the gate.
 */
class ProvedChallengerTest {
  private static final LocalDate DAY = LocalDate.parse("2026-11-06");
  private static final int MOST_DAYS = 30;

  /** Exchanged labels bring the challenger from 0.96 to 0.785, and the champion to 0.74. */
  private static final double NOISE = 0.19;

  /** Too few to decide that the champion is below the gate, and enough for it. */
  private static final int FEW = 300;

  private static final int MANY = 2_000;

  private static final String PROMOTES = ", and the loop promotes a better version below the gate";

  private final Loop loop = new Loop();
  private String champion = "";
  private String challenger = "";

  @BeforeEach
  void start() {
    loop.evidence = Evidence.INTERVAL;
  }

  private void install(int ofChampion, int ofChallenger) {
    champion = loop.register(ofChampion, null, VersionStatus.APPROVED);
    loop.models.move(champion, Event.DEPLOY, "");
    loop.champions.install(MODEL, champion);
    challenger = loop.register(ofChallenger, champion, VersionStatus.CHALLENGER);
  }

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void itStaysAChallengerWhereTheLoopOnlyTellsPeople() {
    judgeBelowTheGate(FEW);
    LookBack.Output found = loop.lookBack(champion);
    assertFalse(found.passed() || found.asked() || found.fallback(), found.reason());
    assertEquals("undecided", loop.sendResults().status());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(challenger));
  }

  @Test
  void itIsPromotedWhereTheLoopSaysSo() throws Exception {
    loop.belowGate = BelowGate.PROMOTE_IF_SUPERIOR;
    judgeBelowTheGate(FEW);
    LookBack.Output found = loop.lookBack(champion);
    assertTrue(found.passed(), found.reason());
    assertFalse(found.fallback());
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("challenger_promoted", results.status());
    assertTrue(
        results
            .message()
            .matches(
                "%s, a challenger, is approved to follow %s without training: "
                        .formatted(challenger, champion)
                    + sentences(PROMOTES)),
        results.message());
    assertEquals(challenger, loop.deploy().modelId());

    String told = loop.notifyDeployment(challenger).message();
    assertTrue(
        told.matches(
            "Model \\d{8}_\\d{6} deployed successfully, and is still below the gate: "
                + sentences(PROMOTES)),
        told);
    assertEquals("critical", loop.single("notifications").getString("severity"));
  }

  @Test
  void attemptsComeFirstWhereTheChampionHasFailed() throws Exception {
    loop.belowGate = BelowGate.PROMOTE_IF_SUPERIOR;
    judgeBelowTheGate(MANY);
    LookBack.Output found = loop.lookBack(champion);
    assertFalse(found.passed(), found.reason());
    assertTrue(found.fallback(), found.reason());
    assertTrue(
        found
            .reason()
            .startsWith(
                challenger
                    + ", a challenger, follows "
                    + champion
                    + " if no attempt passes: accuracy 0.7"),
        found.reason());
    attempt(GOOD);
    assertRefused(
        "The run 'run of %s' ended with a version of 'credit-default' that is approved, or that a person is asked about; no alert is needed."
            .formatted(lastDay()),
        loop::sendAlert);
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("challenger_promoted", results.status());
    assertEquals(challenger, results.modelId());
    assertEquals(3, results.retrainingInfo().retryCount());
    assertTrue(
        results
            .message()
            .matches(
                "%s, a challenger, is approved to follow %s after 3 retraining attempts that did not pass: "
                        .formatted(challenger, champion)
                    + sentences(PROMOTES)),
        results.message());
    assertEquals(
        3,
        loop.store
            .collection("model_metadata")
            .countDocuments(new Document("status", VersionStatus.REJECTED.id())));
    assertEquals(challenger, loop.deploy().modelId());
  }

  @Test
  void anAttemptThatPassesGoesBeforeIt() {
    loop.belowGate = BelowGate.PROMOTE_IF_SUPERIOR;
    judgeBelowTheGate(MANY);
    assertTrue(loop.lookBack(champion).fallback());
    String last = attempt(EXCELLENT);
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(last, results.modelId());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(challenger));
  }

  @Test
  void aPersonIsAskedOnceAboutItWhereTheChampionHasNotFailed() throws Exception {
    loop.belowGate = BelowGate.ASK;
    judgeBelowTheGate(FEW);
    LookBack.Output found = loop.lookBack(champion);
    assertFalse(found.passed());
    assertTrue(found.asked(), found.reason());
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("asked", results.status());
    assertEquals(champion, results.modelId(), "it stays in production");
    assertFalse(results.approved());
    assertTrue(
        results
            .message()
            .matches(
                "May %s follow %s\\? A person decides\\. On the rows of %s, "
                        .formatted(challenger, champion, lastDay())
                    + sentences("")
                    + " The gain in accuracy is \\+0\\.\\d{4} \\(90 % interval .*"),
        results.message());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(challenger));
    assertFalse(loop.awaitReady().ready());

    LocalDate asked = lastDay();
    judgeBelowTheGate(asked.plusDays(1), 200);
    assertTrue(loop.lookBack(champion).asked());
    assertEquals("undecided", loop.sendResults().status(), "the question is still open");
    loop.single("approval_requests");

    answer("approve");
    assertEquals(VersionStatus.APPROVED, loop.models.status(challenger));
    assertEquals(
        "challenger_promoted",
        DayOutcome.latest(loop.store, MODEL, asked).orElseThrow().status().id());
  }

  @Test
  void nobodyIsAskedAgainAfterARejection() throws Exception {
    loop.belowGate = BelowGate.ASK;
    judgeBelowTheGate(FEW);
    loop.lookBack(champion);
    assertEquals("asked", loop.sendResults().status());
    answer("reject");
    assertEquals(VersionStatus.REJECTED, loop.models.status(challenger));
    loop.startDay(lastDay().plusDays(1), FEW, NOISE);
    assertFalse(check().challengerIsBetter());
  }

  @Test
  void aPersonIsAskedAboutItAfterTheAttemptsWhereTheChampionHasFailed() {
    loop.belowGate = BelowGate.ASK;
    judgeBelowTheGate(MANY);
    LookBack.Output found = loop.lookBack(champion);
    assertTrue(found.asked(), found.reason());
    assertFalse(found.fallback());
    attempt(POOR);
    assertEquals("asked", loop.sendResults().status());
    Document request = loop.single("approval_requests");
    assertEquals(challenger, request.getString("model_id"));
    assertEquals("challenger_promoted", request.getString("approved_as"));
    String reason = request.getString("reason");
    assertTrue(reason.matches(sentences("")), reason);
  }

  @Test
  void aPersonIsAskedAboutItWhereItLosesMoreThanItMayOnOrdinaryRows() {
    loop.onConflict = OnConflict.ASK;
    loop.writeReference(1_000);
    install(POOR, USELESS);
    loop.startDay(DAY, true);
    assertEquals("approved", check().status());
    loop.startDay(DAY.plusDays(1), true);
    assertTrue(check().challengerIsBetter());
    assertTrue(loop.lookBack(champion).asked());
    assertEquals("asked", loop.sendResults().status());
    String question = loop.single("approval_requests").getString("question");
    assertTrue(
        question.matches(".* But on the 990 reference rows the candidate has 0\\.5\\d+, .*"),
        question);
  }

  @Test
  void everyStepAgainChangesNothing() {
    loop.belowGate = BelowGate.ASK;
    judgeBelowTheGate(FEW);
    loop.lookBack(champion);
    loop.sendResults();
    List<String> before = loop.content();
    check();
    loop.lookBack(champion);
    assertEquals("asked", loop.sendResults().status());
    assertEquals(before, loop.content());
  }

  /**
   * What is said of a version that is surely better and below the gate, with the proof.
   *
   * @param consequence what the loop does, after a comma
   */
  private static String sentences(String consequence) {
    return "accuracy 0\\.7\\d{3} \\(.*\\) is below the threshold of 0\\.8 but is above the"
        + " champion's 0\\.7\\d{3} on the same rows by 0\\.\\d{4} \\(at least 0\\.\\d{4}"
        + " with 9\\S+ % confidence\\)"
        + consequence
        + "\\. The evidence over \\d+ days that it is better than the champion, .+, reaches the"
        + " limit of 40\\.00\\.";
  }

  /** Three attempts, of which only the last may have this feature. */
  private String attempt(int feature) {
    loop.prepare(champion);
    String last = "";
    for (int attempt = 1; attempt <= 3; attempt++) {
      last =
          loop.register(
              attempt == 3 ? feature : POOR, 1 + attempt, champion, VersionStatus.CANDIDATE);
      loop.evaluateFinetuned(last, champion, attempt);
    }
    return last;
  }

  /**
   * Runs days until one proves the challenger better, and then one on which it is below the gate.
   */
  private void judgeBelowTheGate(int rows) {
    install(GOOD, EXCELLENT);
    LocalDate day = DAY;
    loop.startDay(day, 200, 0);
    while (!check().challengerIsBetter()) {
      assertTrue(day.isBefore(DAY.plusDays(MOST_DAYS)));
      day = day.plusDays(1);
      loop.startDay(day, 200, 0);
    }
    judgeBelowTheGate(day.plusDays(1), rows);
  }

  private void judgeBelowTheGate(LocalDate day, int rows) {
    loop.startDay(day, rows, NOISE);
    CheckModelPerformance.Output check = check();
    assertTrue(check.challengerIsBetter());
    assertEquals(rows == MANY, check.needsRetraining(), check.reason());
  }

  private LocalDate lastDay() {
    return LocalDate.parse(loop.context.run().runId().replace("run of ", ""));
  }

  private CheckModelPerformance.Output check() {
    loop.evaluate(champion);
    return loop.check(champion);
  }

  private void answer(String step) throws Exception {
    Steps.run(
        step,
        Map.of("model_id", Json.MAPPER.valueToTree(challenger)),
        loop.context,
        loop.context.run());
  }
}
