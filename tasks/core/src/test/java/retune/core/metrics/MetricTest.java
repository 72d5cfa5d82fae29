package retune.core.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MetricTest {
  /** 4 rows of class 0, of which 3 are right; 6 rows of class 1, of which 2 are wrong. */
  private static final ConfusionMatrix TWO = new ConfusionMatrix(new long[][] {{3, 1}, {2, 4}});

  private static final ConfusionMatrix THREE =
      new ConfusionMatrix(new long[][] {{2, 0, 0}, {1, 1, 0}, {0, 0, 4}});

  @ParameterizedTest
  @CsvSource({
    "F1_SCORE, 1, 0.7272727272727273", // 2·4 / (6 + 5)
    "F1_SCORE, 0, 0.6666666666666666", // 2·3 / (4 + 5)
    "F1_MACRO, 1, 0.696969696969697", // the mean of both
    "F1_WEIGHTED, 1, 0.703030303030303", // 0.4 · 6/9 + 0.6 · 8/11
    "ACCURACY, 1, 0.7",
    "PRECISION, 1, 0.8", // 4 of 5 answers
    "PRECISION, 0, 0.6",
    "RECALL, 1, 0.6666666666666666", // 4 of 6 rows
    "RECALL, 0, 0.75",
  })
  void twoClassesAreMeasuredByThePositiveOne(Metric metric, int positive, double expected) {
    assertEquals(expected, metric.of(TWO, positive), 1e-15);
  }

  @ParameterizedTest
  @CsvSource({
    "F1_SCORE, 0.8222222222222223", // mean of 4/5, 2/3 and 1
    "F1_MACRO, 0.8222222222222223",
    "F1_WEIGHTED, 0.8666666666666667", // 2/8 · 4/5 + 2/8 · 2/3 + 4/8 · 1
    "ACCURACY, 0.875",
    "PRECISION, 0.8888888888888888", // mean of 2/3, 1 and 1
    "RECALL, 0.8333333333333334", // mean of 1, 1/2 and 1
  })
  void moreClassesAreMeasuredByTheirMean(Metric metric, double expected) {
    assertEquals(expected, metric.of(THREE, -1), 1e-15);
  }

  @Test
  void onlyTheAreaUnderTheCurveNeedsProbabilities() {
    for (Metric metric : Metric.values()) {
      assertEquals(metric != Metric.ROC_AUC, metric.dependsOnAnswers());
    }
    assertThrows(IllegalArgumentException.class, () -> Metric.ROC_AUC.of(TWO, 1));
    Predictions predictions =
        new Predictions(new int[] {1, 0, 1}, new double[] {.1, .9, .4, .6, .5, .5}, 2, 1, 0.5);
    assertEquals(0.5, Metric.ROC_AUC.of(predictions)); // 0.9 is above 0.6, 0.5 is not
    assertEquals(0.8, Metric.F1_SCORE.of(predictions)); // all three are answered positive
  }

  @Test
  void anIdIsTheNameInDocuments() {
    for (Metric metric : Metric.values()) {
      assertEquals(metric, Metric.ofId(metric.id()));
    }
    assertEquals("f1_macro", Metric.F1_MACRO.id());
    assertEquals("Macro F1", Metric.F1_MACRO.title());
  }
}
