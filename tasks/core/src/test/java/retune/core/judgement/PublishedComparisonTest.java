package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class PublishedComparisonTest {
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          0.05,   0.04,   'Performance improved: accuracy +0.0500, F1 +0.0400'
          -0.005, -0.003, Performance maintained within tolerance
          -0.05,  -0.08,  'Performance degraded: accuracy -0.0500, F1 -0.0800'
          0.03,   -0.02,  'Performance degraded: accuracy +0.0300, F1 -0.0200'
          0,      0,      Performance maintained within tolerance
          """)
  void theReasonIsInThePublishedWords(double accuracy, double f1, String words) {
    assertEquals(words, PublishedComparison.words(accuracy, f1));
  }

  /**
   * The published decisions: of 2,000 rows, 400 of the second class, so many of each class are
   * right. Differences of accuracy and macro F1 stand beside them.
   */
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          1480, 300, 1420, 260, 0.01, APPROVED, better in both: +0.0500 and +0.0724
          1447, 297, 1450, 300, 0.01, APPROVED, -0.0030 and -0.0045: within the tolerance
          1447, 297, 1450, 300, 0,    REJECTED, the same where harm asks for a better version
          1420, 260, 1480, 300, 0.01, REJECTED, worse in both
          1560, 200, 1440, 280, 0.01, REJECTED, accuracy +0.0200 hides macro F1 -0.0122
          """)
  void theDecisionIsThePublishedOne(
      int ofFirst,
      int ofSecond,
      int championOfFirst,
      int championOfSecond,
      double mayLose,
      Kind kind,
      String because) {
    Predictions candidate = answers(ofFirst, ofSecond);
    Predictions champion = answers(championOfFirst, championOfSecond);
    Gate gate = new Gate(Metric.ACCURACY, 0.8);
    Verdict verdict =
        new Comparison(gate, Evidence.POINT, Comparison.ALPHA, candidate, champion)
            .judge(
                PromotionPolicy.FLOOR,
                PublishedComparison.checks(gate, candidate, champion),
                BelowGate.ALERT,
                mayLose);
    assertEquals(kind, verdict.kind(), because + ". " + verdict.reason());
  }

  /** With a bound, a loss within the tolerance must be shown. */
  @ParameterizedTest
  @CsvSource({"1, APPROVED", "400, UNDECIDED"})
  void aBoundMustShowThatNoMoreIsLost(int exchanged, Kind kind) {
    // Both are right about as often; the more rows they disagree on, the less is known.
    Predictions champion = answers(1450, 300);
    Predictions candidate = answers(1449, 300, exchanged);
    Verdict verdict =
        new Comparison(
                new Gate(Metric.ACCURACY, 0.8),
                Evidence.INTERVAL,
                Comparison.ALPHA,
                candidate,
                champion)
            .judge(PromotionPolicy.FLOOR, List.of(), BelowGate.ALERT, 0.01);
    assertEquals(kind, verdict.kind(), verdict.reason());
  }

  private static Predictions answers(int rightOfFirst, int rightOfSecond) {
    return answers(rightOfFirst, rightOfSecond, 0);
  }

  /** The first rows of each class are right, but so many rows are exchanged with wrong ones. */
  private static Predictions answers(int rightOfFirst, int rightOfSecond, int exchanged) {
    int[] labels = new int[2_000];
    double[] probabilities = new double[4_000];
    for (int row = 0; row < 2_000; row++) {
      boolean second = row >= 1_600;
      labels[row] = second ? 1 : 0;
      int place = second ? row - 1_600 : (row + exchanged) % 1_600;
      boolean right = place < (second ? rightOfSecond : rightOfFirst);
      double sure = right ? 0.7 + 0.2 * (row % 7) / 7 : 0.6;
      int answer = right == second ? 1 : 0;
      probabilities[2 * row + answer] = sure;
      probabilities[2 * row + 1 - answer] = 1 - sure;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }
}
