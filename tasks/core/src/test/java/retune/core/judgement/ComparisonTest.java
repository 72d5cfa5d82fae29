package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class ComparisonTest {
  private static final Gate ACCURACY = new Gate(Metric.ACCURACY, 0.75);

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          80 | 70 | APPROVED | accuracy 0.8000 reaches the threshold of 0.75 and is not below the champion's 0.7000 on the same rows.
          80 | 80 | APPROVED | accuracy 0.8000 reaches the threshold of 0.75 and is not below the champion's 0.8000 on the same rows.
          80 | 90 | REJECTED | accuracy 0.8000 reaches the threshold of 0.75 but is below the champion's 0.9000 on the same rows.
          70 | 60 | REJECTED | accuracy 0.7000 is below the threshold of 0.75.
          70 | 90 | REJECTED | accuracy 0.7000 is below the threshold of 0.75 and is below the champion's 0.9000 on the same rows.
          """)
  void aCandidateReachesTheThresholdAndIsNotBelowTheChampion(
      int candidate, int champion, Kind expected, String reason) {
    Verdict verdict =
        judge(ACCURACY, Evidence.POINT, right(100, 0.5, candidate), right(100, 0.5, champion));
    assertEquals(expected, verdict.kind());
    assertEquals(reason, verdict.reason());
  }

  /** Seen in production: confusion [[0, 106], [0, 494]], approved with an F1 of 0.9031. */
  @ParameterizedTest
  @EnumSource(Evidence.class)
  void aCandidateThatAnswersEveryRowAlikeIsRejected(Evidence evidence) {
    int[] labels = new int[600];
    Arrays.fill(labels, 106, 600, 1);
    double[] always = new double[1200];
    double[] worse = new double[1200];
    Random random = new Random(5);
    for (int row = 0; row < 600; row++) {
      double likely = 0.6 + 0.3 * random.nextDouble();
      always[2 * row] = 1 - likely;
      always[2 * row + 1] = likely;
      boolean answersOne = row % 2 == 0;
      worse[2 * row + (answersOne ? 1 : 0)] = 1;
    }
    Predictions candidate = new Predictions(labels, always, 2, 1, 0.5);
    Predictions champion = new Predictions(labels, worse, 2, 1, 0.5);
    assertEquals(0.9031, Metric.F1_SCORE.of(candidate), 5e-5);

    Verdict verdict = judge(new Gate(Metric.F1_SCORE, 0.75), evidence, candidate, champion);
    assertEquals(Kind.REJECTED, verdict.kind());
    assertTrue(
        verdict
            .reason()
            .contains(
                "reaches the threshold of 0.75 but answers every row alike, and its f1_score of"
                    + " 0.9031"),
        verdict.reason());
    assertEquals(Answer.FAILED, check(verdict, "answered_classes").answer());
    assertEquals(Answer.FAILED, check(verdict, "constant_answer").answer());
  }

  @Test
  void probabilitiesThatOrderTheRowsByChanceAreRejected() {
    int[] labels = IntStream.range(0, 1000).map(row -> row % 10 == 0 ? 0 : 1).toArray();
    double[] probabilities = new double[2000];
    for (int row = 0; row < 1000; row++) {
      // Answers are mostly right; the few wrong ones are the surest.
      double positive =
          labels[row] == 1 ? (row % 100 == 1 ? 0.4 : 0.6) : row % 20 == 0 ? 0.3 : 0.99;
      probabilities[2 * row] = 1 - positive;
      probabilities[2 * row + 1] = positive;
    }
    Predictions candidate = new Predictions(labels, probabilities, 2, 1, 0.5);
    Verdict verdict = judge(ACCURACY, Evidence.INTERVAL, candidate, candidate);
    assertEquals(Kind.REJECTED, verdict.kind());
    assertEquals(Answer.PASSED, check(verdict, Check.GATE).answer());
    assertEquals(Answer.FAILED, check(verdict, "chance").answer());
  }

  @Test
  void fewRowsLeaveAGoodCandidateUndecided() {
    Verdict few = judge(ACCURACY, Evidence.INTERVAL, right(200, 0.5, 78), right(200, 0.5, 50));
    assertEquals(Kind.UNDECIDED, few.kind());
    Check gate = check(few, Check.GATE);
    assertTrue(gate.moreRows() > 500 && gate.moreRows() < 3000, gate.toString());
    assertTrue(
        few.reason()
            .matches(
                "accuracy 0\\.7800 \\(between 0\\.7\\d+ and 0\\.8\\d+, each with 95 % confidence\\)"
                    + " is above the threshold of 0\\.75 with a lower bound below it; about [\\d,]+"
                    + " more rows would decide\\."),
        few.reason());
    assertEquals(
        Kind.APPROVED,
        judge(ACCURACY, Evidence.INTERVAL, right(4000, 0.5, 78), right(4000, 0.5, 50)).kind());
    assertEquals(
        Kind.REJECTED,
        judge(ACCURACY, Evidence.INTERVAL, right(4000, 0.5, 72), right(4000, 0.5, 50)).kind());
  }

  @Test
  void fewRowsOfTheRarestClassDecideNothing() {
    Predictions rare = right(2000, 0.02, 95);
    Verdict verdict =
        judge(new Gate(Metric.F1_MACRO, 0.5), Evidence.INTERVAL, rare, right(2000, 0.02, 70));
    assertEquals(Kind.UNDECIDED, verdict.kind());
    assertTrue(
        verdict.reason().contains("the rarest class has 40 of the 50 rows"), verdict.reason());
    assertNull(check(verdict, Check.GATE).interval());
    assertEquals(500, check(verdict, Check.GATE).moreRows());
  }

  @Test
  void manyClassesWithAFewRowsEachCanBeJudged() {
    Verdict verdict =
        judge(
            new Gate(Metric.F1_MACRO, 0.6),
            Evidence.INTERVAL,
            ofClasses(77, 770, 90),
            ofClasses(77, 770, 50));
    assertEquals(Kind.APPROVED, verdict.kind(), verdict.reason());
  }

  @Test
  void equalModelsAreApprovedWhereTheGateIsSurelyReached() {
    Predictions same = right(2000, 0.5, 85);
    assertEquals(Kind.APPROVED, judge(ACCURACY, Evidence.INTERVAL, same, same).kind());
  }

  @Test
  void aLossOnOrdinaryRowsIsToldOrHolds() {
    Comparison ordinary =
        new Comparison(ACCURACY, Evidence.POINT, 0.05, right(1000, 0.5, 60), right(1000, 0.5, 80));
    Comparison day =
        new Comparison(ACCURACY, Evidence.POINT, 0.05, right(100, 0.5, 90), right(100, 0.5, 60));
    Verdict told =
        day.judge(
            PromotionPolicy.FLOOR,
            List.of(
                new Retention(0.05, OnConflict.PROMOTE)
                    .check(ordinary, "retention_days", "ordinary rows of m/2026-11-05")));
    assertEquals(Kind.APPROVED, told.kind());
    assertTrue(
        told.reason()
            .endsWith(
                "on the same rows. But on the 1,000 ordinary rows of m/2026-11-05 the candidate has"
                    + " 0.6000, 0.2000 below the champion's 0.8000; 0.05 may be lost. To keep such"
                    + " a version out, set gate.on_conflict to hold, or to ask to decide"
                    + " yourself."),
        told.reason());
    Verdict held =
        day.judge(
            PromotionPolicy.FLOOR,
            List.of(
                new Retention(0.05, OnConflict.HOLD)
                    .check(ordinary, "retention_days", "ordinary rows of m/2026-11-05")));
    assertEquals(Kind.REJECTED, held.kind());
    assertEquals(
        Kind.APPROVED,
        day.judge(
                PromotionPolicy.FLOOR,
                List.of(
                    new Retention(0.3, OnConflict.HOLD)
                        .check(ordinary, "retention_days", "ordinary rows of m/2026-11-05")))
            .kind());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          superior(0.05)        | 90 | 80 | APPROVED
          superior(0.15)        | 90 | 80 | REJECTED
          non_inferior(0.01)    | 90 | 80 | APPROVED
          within(recall, 0.02)  | 90 | 80 | APPROVED
          flips(0.05)           | 90 | 80 | APPROVED
          flips                 | 90 | 80 | APPROVED
          """)
  void aPolicyAsksMore(String policy, int candidate, int champion, Kind expected) {
    Comparison comparison =
        new Comparison(
            ACCURACY,
            Evidence.INTERVAL,
            0.05,
            right(2000, 0.5, candidate),
            right(2000, 0.5, champion));
    Verdict verdict = comparison.judge(PromotionPolicy.parse(policy), List.of());
    assertEquals(expected, verdict.kind(), verdict.reason());
  }

  @Test
  void aBetterCandidateBelowTheGateMayBePromoted() {
    Gate high = new Gate(Metric.ACCURACY, 0.95);
    Comparison comparison =
        new Comparison(high, Evidence.POINT, 0.05, right(2000, 0.5, 90), right(2000, 0.5, 60));
    assertEquals(Kind.REJECTED, comparison.judge(PromotionPolicy.FLOOR, List.of()).kind());
    Verdict promoted =
        comparison.judge(PromotionPolicy.FLOOR, List.of(), BelowGate.PROMOTE_IF_SUPERIOR);
    assertEquals(Kind.APPROVED, promoted.kind());
    assertTrue(
        promoted
            .reason()
            .matches(
                "accuracy 0\\.9000 is below the threshold of 0\\.95 but is above the champion's"
                    + " 0\\.6000 on the same rows by 0\\.3000 \\(at least 0\\.2\\d{3} with 95 %"
                    + " confidence\\), and the loop promotes a better version below the gate\\."),
        promoted.reason());

    Comparison alike =
        new Comparison(high, Evidence.POINT, 0.05, right(2000, 0.5, 61), right(2000, 0.5, 61));
    assertEquals(
        Kind.REJECTED,
        alike.judge(PromotionPolicy.FLOOR, List.of(), BelowGate.PROMOTE_IF_SUPERIOR).kind());
    assertEquals(
        Kind.REJECTED, alike.judge(PromotionPolicy.parse("superior(0)"), List.of()).kind());
  }

  @Test
  void aPersonIsAskedAboutABetterCandidateBelowTheGate() {
    Gate high = new Gate(Metric.ACCURACY, 0.95);
    Comparison comparison =
        new Comparison(high, Evidence.POINT, 0.05, right(2000, 0.5, 90), right(2000, 0.5, 60));
    Verdict asked = comparison.judge(PromotionPolicy.FLOOR, List.of(), BelowGate.ASK);
    assertEquals(Kind.ASKED, asked.kind());
    assertEquals("undecided", asked.kind().decision().id());
    assertFalse(asked.passed());
    assertTrue(
        asked
            .reason()
            .matches(
                "accuracy 0\\.9000 is below the threshold of 0\\.95 but is above the champion's"
                    + " 0\\.6000 on the same rows by 0\\.3000 \\(at least 0\\.2\\d{3} with 95 %"
                    + " confidence\\)\\."),
        asked.reason());
    Check gain = asked.checks().getLast();
    assertEquals(Check.GAIN, gain.name());
    assertEquals(0.3, gain.value(), 1e-12);
    assertNotNull(gain.interval(), "a person sees the interval with evidence: point, too");
    assertFalse(gain.decisive());

    assertEquals(
        Kind.REJECTED,
        comparison.judge(PromotionPolicy.parse("superior(0.5)"), List.of(), BelowGate.ASK).kind(),
        "what else is asked of it must pass");
    Comparison alike =
        new Comparison(high, Evidence.POINT, 0.05, right(2000, 0.5, 61), right(2000, 0.5, 61));
    assertEquals(
        Kind.REJECTED, alike.judge(PromotionPolicy.FLOOR, List.of(), BelowGate.ASK).kind());
    Comparison few =
        new Comparison(high, Evidence.POINT, 0.05, right(60, 0.5, 80), right(60, 0.5, 70));
    assertEquals(Kind.UNDECIDED, few.judge(PromotionPolicy.FLOOR, List.of(), BelowGate.ASK).kind());
  }

  @Test
  void aPersonIsAskedAboutALossOnOrdinaryRows() {
    Comparison ordinary =
        new Comparison(ACCURACY, Evidence.POINT, 0.05, right(1000, 0.5, 60), right(1000, 0.5, 80));
    Comparison day =
        new Comparison(ACCURACY, Evidence.POINT, 0.05, right(100, 0.5, 90), right(100, 0.5, 60));
    Verdict asked =
        day.judge(
            PromotionPolicy.FLOOR,
            List.of(
                new Retention(0.05, OnConflict.ASK)
                    .check(ordinary, "retention_days", "ordinary rows of m/2026-11-05")));
    assertEquals(Kind.ASKED, asked.kind());
    assertTrue(
        asked
            .reason()
            .endsWith(
                "on the same rows. But on the 1,000 ordinary rows of m/2026-11-05 the candidate has"
                    + " 0.6000, 0.2000 below the champion's 0.8000; 0.05 may be lost."),
        asked.reason());
    assertEquals(
        Kind.APPROVED,
        day.judge(
                PromotionPolicy.FLOOR,
                List.of(
                    new Retention(0.3, OnConflict.ASK)
                        .check(ordinary, "retention_days", "ordinary rows of m/2026-11-05")))
            .kind());
  }

  @Test
  void rowsThatTurnWrongAreCounted() {
    Predictions champion = right(1000, 0.5, 80);
    int[] labels = champion.labels();
    double[] probabilities = new double[2000];
    // Wrong where the champion is right on the first tenth, right everywhere else.
    for (int row = 0; row < 1000; row++) {
      int answer = row < 100 ? 1 - labels[row] : labels[row];
      probabilities[2 * row + answer] = 1;
    }
    Comparison comparison =
        new Comparison(
            ACCURACY,
            Evidence.POINT,
            0.05,
            new Predictions(labels, probabilities, 2, 1, 0.5),
            champion);
    Verdict verdict = comparison.judge(PromotionPolicy.parse("flips(0.05)"), List.of());
    assertEquals(Kind.REJECTED, verdict.kind());
    assertTrue(
        verdict
            .reason()
            .endsWith(
                "it gets 10.00 % of the rows wrong that the champion has right; 5.00 % may be."),
        verdict.reason());
  }

  private static Verdict judge(
      Gate gate, Evidence evidence, Predictions candidate, Predictions champion) {
    return new Comparison(gate, evidence, 0.05, candidate, champion)
        .judge(PromotionPolicy.FLOOR, List.of());
  }

  private static Check check(Verdict verdict, String name) {
    return verdict.checks().stream()
        .filter(check -> check.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /**
   * Two classes, of which one has this share; the same percentage of either is answered rightly.
   */
  private static Predictions right(int rows, double share, int percent) {
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    int[] seen = new int[2];
    int positives = (int) Math.round(rows * share);
    for (int row = 0; row < rows; row++) {
      labels[row] = row < positives ? 1 : 0;
      int place = seen[labels[row]]++;
      int ofClass = labels[row] == 1 ? positives : rows - positives;
      int answer = place < ofClass * percent / 100.0 ? labels[row] : 1 - labels[row];
      probabilities[2 * row + answer] = 0.9;
      probabilities[2 * row + 1 - answer] = 0.1;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }

  /** So many classes with equally many rows. */
  private static Predictions ofClasses(int classes, int rows, int percent) {
    int[] labels = new int[rows];
    double[] probabilities = new double[classes * rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = row % classes;
      boolean isRight = row / classes * classes * 100 < percent * rows;
      probabilities[row * classes + (isRight ? labels[row] : (labels[row] + 1) % classes)] = 1;
    }
    return new Predictions(labels, probabilities, classes, 0, 0.5);
  }
}
