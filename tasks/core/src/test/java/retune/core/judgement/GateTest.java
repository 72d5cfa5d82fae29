package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class GateTest {
  private static final Gate GATE = new Gate(Metric.ACCURACY, 0.75);

  @Test
  void aChampionOnTheThresholdIsApproved() {
    Verdict verdict = GATE.judge(ofAccuracy(75));
    assertInstanceOf(Verdict.Approved.class, verdict);
    assertEquals("accuracy 0.7500 reaches the threshold of 0.75.", verdict.reason());
  }

  @Test
  void aChampionBelowTheThresholdNeedsRetraining() {
    Verdict verdict = GATE.judge(ofAccuracy(74));
    assertInstanceOf(Verdict.NeedsRetraining.class, verdict);
    assertEquals("accuracy 0.7400 is below the threshold of 0.75.", verdict.reason());
    assertEquals(0.74, verdict.value());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          80 | 70 | Approved | and is not below the champion's 0.7000 on the same rows.
          80 | 80 | Approved | and is not below the champion's 0.8000 on the same rows.
          80 | 90 | Rejected | but is below the champion's 0.9000 on the same rows.
          70 | 60 | Rejected | is below the threshold of 0.75.
          70 | 90 | Rejected | is below the threshold of 0.75.
          """)
  void aCandidateReachesTheThresholdAndIsNotBelowTheChampion(
      int candidate, int champion, String expected, String reason) {
    Verdict verdict = GATE.judge(ofAccuracy(candidate), ofAccuracy(champion));
    assertEquals(expected, verdict.getClass().getSimpleName());
    assertEquals(reason, verdict.reason().substring(verdict.reason().length() - reason.length()));
  }

  @Test
  void aMetricThatIsNotDefinedDecidesNothing() {
    Map<String, Double> oneClass =
        Evaluation.of(new Predictions(new int[] {1}, new double[] {.2, .8}, 2, 1, 0.5)).toMap();
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class, () -> new Gate(Metric.ROC_AUC, 0.7).judge(oneClass));
    assertEquals(
        "roc_auc is not defined on these rows, because one class has no row; choose another"
            + " metric or a larger batch.",
        refusal.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"-0.1", "1.1", "NaN"})
  void aThresholdOutOfRangeIsRefused(double threshold) {
    assertThrows(InvalidInputException.class, () -> new Gate(Metric.F1_SCORE, threshold));
  }

  /** A hundred rows of two classes, so many of them answered rightly. */
  private static Map<String, Double> ofAccuracy(int percent) {
    int[] labels = new int[100];
    double[] probabilities = new double[200];
    for (int row = 0; row < 100; row++) {
      labels[row] = row % 2;
      int answer = row < percent ? labels[row] : 1 - labels[row];
      probabilities[2 * row + answer] = 1;
    }
    assertEquals(50, Arrays.stream(labels).sum());
    return Evaluation.of(new Predictions(labels, probabilities, 2, 1, 0.5)).toMap();
  }
}
