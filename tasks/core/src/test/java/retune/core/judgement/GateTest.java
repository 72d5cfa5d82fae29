package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class GateTest {
  private static final Gate GATE = new Gate(Metric.ACCURACY, 0.75);

  @Test
  void aChampionOnTheThresholdIsApproved() {
    Verdict verdict = GATE.judge(Map.of("accuracy", 0.75), 100);
    assertEquals(Kind.APPROVED, verdict.kind());
    assertEquals("accuracy 0.7500 reaches the threshold of 0.75.", verdict.reason());
  }

  @Test
  void aChampionBelowTheThresholdNeedsRetraining() {
    Verdict verdict = GATE.judge(Map.of("accuracy", 0.74), 100);
    assertEquals(Kind.NEEDS_RETRAINING, verdict.kind());
    assertEquals("accuracy 0.7400 is below the threshold of 0.75.", verdict.reason());
    assertEquals(0.74, verdict.value());
    assertEquals(100, verdict.checks().getFirst().rows());
  }

  @Test
  void aMetricThatIsNotDefinedDecidesNothing() {
    Map<String, Double> oneClass =
        Evaluation.of(new Predictions(new int[] {1}, new double[] {.2, .8}, 2, 1, 0.5)).toMap();
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class, () -> new Gate(Metric.ROC_AUC, 0.7).judge(oneClass, 1));
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
}
