package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import com.mongodb.client.model.Filters;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.judgement.Evidence;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Selection;
import retune.core.judgement.VersionStatus;
import retune.steps.audit.Explain;
import retune.testing.CutConnection.Moment;

/**
 * An attempt with two versions on a drifted day. The champion's feature agrees with 88 of 100
 * labels on ordinary days and 70 on this one, the first version's with 55 and 96, and the
 * alternative's with 70 and 88.
 */
class AlternativeTest {
  private static final LocalDate DRIFT = LocalDate.parse("2026-11-07");
  private static final double BETWEEN_BOTH_LOSSES = 0.25;

  private final Loop loop = new Loop();
  private String champion = "";
  private String first = "";
  private String alternative = "";

  @AfterEach
  void close() {
    loop.close();
  }

  @ParameterizedTest
  @EnumSource(Selection.class)
  void theAlternativeFollowsWhereTheFirstVersionsLossIsRefused(Selection selection)
      throws Exception {
    attempt(selection, OnConflict.HOLD, BETWEEN_BOTH_LOSSES);
    String reason = judge();
    assertTrue(
        reason.contains(
            "Attempt 1 made two versions, because its day and ordinary rows pull in opposite"
                + " directions. "
                + first
                + ", trained on the day alone, is not promoted: "),
        reason);
    assertEquals(List.of(first, alternative), judged());
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(alternative, results.modelId());
    assertTrue(results.message().startsWith(alternative + " is approved to follow " + champion));
    assertTrue(
        results.message().contains(first + ", trained on the day alone, is not promoted: "),
        results.message());
    assertTrue(
        results
            .message()
            .matches(
                ".* the candidate has 0\\.5\\d{3}, 0\\.3\\d{3} below the champion's 0\\.9\\d{3};"
                    + " 0\\.25 may"
                    + " be lost\\. %s, trained on ordinary rows, too, is judged instead: on the .*"
                        .formatted(alternative)
                    + " has 0\\.\\d{4}, 0\\.2\\d{3} below the champion's 0\\.9\\d{3}; 0\\.25 may be"
                    + " lost\\."),
        results.message());
    assertEquals(VersionStatus.REJECTED, loop.models.status(first));
    assertEquals(VersionStatus.APPROVED, loop.models.status(alternative));
    assertEquals(alternative, loop.awaitReady().modelId());
    assertEquals(results, loop.sendResults());
    String page = new Explain().run(new Explain.Input(first), loop.context).text();
    assertTrue(page.contains("0.25 may be lost"), page);
    page = new Explain().run(new Explain.Input(alternative), loop.context).text();
    assertTrue(page.contains("/1/alternative"), page);
  }

  @ParameterizedTest
  @EnumSource(Selection.class)
  void aLoopThatPromotesWhateverIsLostJudgesTheFirstVersionAlone(Selection selection) {
    attempt(selection, OnConflict.PROMOTE, BETWEEN_BOTH_LOSSES);
    String reason = judge();
    assertTrue(
        reason.endsWith(
            "Attempt 1 also made %s, trained on ordinary rows, too; gate.on_conflict is promote, so only the better version on the day is judged."
                .formatted(alternative)),
        reason);
    assertEquals(List.of(first), judged());
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals(first, results.modelId());
    assertTrue(results.message().contains("also made " + alternative), results.message());
    assertEquals(VersionStatus.CANDIDATE, loop.models.status(alternative));
  }

  @Test
  void nobodyIsAskedWhereTheAlternativePasses() {
    attempt(Selection.FIRST_PASSING, OnConflict.ASK, BETWEEN_BOTH_LOSSES);
    judge();
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(alternative, results.modelId());
  }

  @Test
  void aPersonIsAskedAboutTheBetterOfBoth() {
    attempt(Selection.BEST_ON_VALIDATION, OnConflict.ASK, 0.05);
    JudgeCandidate.Output judgement = loop.judgeCandidate(champion);
    assertTrue(judgement.asked(), judgement.reason());
    assertEquals(first, judgement.modelId());
    assertTrue(
        judgement
            .reason()
            .contains(alternative + ", trained on ordinary rows, too, is not promoted either: "),
        judgement.reason());
    assertEquals("asked", loop.sendResults().status());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(first));
    assertEquals(VersionStatus.REJECTED, loop.models.status(alternative));
  }

  @Test
  void bothAreRejectedWhereBothLoseTooMuch() {
    attempt(Selection.FIRST_PASSING, OnConflict.HOLD, 0.05);
    judge();
    loop.attemptWithoutCandidate(2);
    loop.attemptWithoutCandidate(3);
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("failed_max_retries", results.status());
    assertTrue(results.message().contains("after 3 retraining attempts"), results.message());
    for (String version : List.of(first, alternative)) {
      assertEquals(VersionStatus.REJECTED, loop.models.status(version));
    }
  }

  @Test
  void bothAreJudgedAtHalfTheLevel() {
    loop.evidence = Evidence.INTERVAL;
    attempt(Selection.BEST_ON_VALIDATION, OnConflict.HOLD, BETWEEN_BOTH_LOSSES);
    judge();
    for (Document verdict : verdicts()) {
      Document gate =
          verdict.getList("checks", Document.class).stream()
              .filter(check -> check.getString("name").equals("gate"))
              .findFirst()
              .orElseThrow();
      // two-sided, as an interval with 2.5 % beyond each end
      assertEquals(0.95, gate.getDouble("confidence"), 1e-9, gate.toJson());
    }
  }

  @ParameterizedTest
  @EnumSource(Selection.class)
  void aRunThatStoppedBetweenBothVerdictsGivesTheSameOnes(Selection selection) throws Exception {
    attempt(selection, OnConflict.HOLD, BETWEEN_BOTH_LOSSES);
    String reason = judge();
    List<Document> complete = verdicts();
    loop.store
        .collection("verdicts")
        .deleteOne(Filters.eq(Objects.requireNonNull(complete.getLast().get("_id"))));
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> loop.sendResults());
    assertTrue(
        String.valueOf(refusal.getMessage())
            .contains(" stopped before the second version of attempt 1 was judged; run "),
        refusal.toString());
    assertEquals(reason, judge());
    assertEquals(complete, verdicts());

    int write = 1;
    while (loop.dies(
        write, write % 2 == 0 ? Moment.BEFORE_WRITE : Moment.AFTER_WRITE, this::judge)) {
      assertEquals(reason, judge());
      assertEquals(complete, verdicts());
      write += 5;
    }
    assertTrue(write > 2, write + " writes");
    assertEquals(alternative, loop.sendResults().modelId());
  }

  /** Makes the attempt, up to its judgement. */
  private void attempt(Selection selection, OnConflict onConflict, double retentionLimit) {
    loop.selection = selection;
    loop.onConflict = onConflict;
    loop.retentionLimit = retentionLimit;
    champion = loop.register(GOOD, null, VersionStatus.DEPLOYED);
    loop.writeReference(600);
    loop.startDay(DRIFT, true);
    loop.champions.install(Loop.MODEL, champion);
    loop.evaluate(champion);
    assertEquals("needs_retraining", loop.check(champion).status());
    loop.prepare(champion);
    first = loop.attempt(1, USELESS, champion, POOR);
    alternative =
        Objects.requireNonNull(
            Objects.requireNonNull(
                    loop.store.collection("attempts").find(Filters.eq("model_id", first)).first())
                .getString("alternative_model_id"));
  }

  private String judge() {
    return loop.selection == Selection.FIRST_PASSING
        ? loop.evaluateFinetuned(first, champion, 1).reason()
        : loop.judgeCandidate(champion).reason();
  }

  private List<String> judged() {
    return verdicts().stream().map(verdict -> verdict.getString("model_id")).toList();
  }

  private List<Document> verdicts() {
    return loop.store
        .collection("verdicts")
        .find(Filters.gt("attempt", 0))
        .sort(new Document("_id", 1))
        .into(new ArrayList<>());
  }
}
