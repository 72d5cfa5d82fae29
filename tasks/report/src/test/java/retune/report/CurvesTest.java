package retune.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Predictions;

class CurvesTest {
  @Test
  void theAreaUnderTheCurveIsTheMetricTiesIncluded() {
    Random random = new Random(5);
    int[] labels = new int[150];
    double[] probabilities = new double[300];
    for (int row = 0; row < labels.length; row++) {
      labels[row] = random.nextInt(2);
      double score =
          Math.clamp(Math.round(10 * (random.nextDouble() + 0.3 * labels[row])) / 13.0, 0, 1);
      probabilities[2 * row] = 1 - score;
      probabilities[2 * row + 1] = score;
    }
    Predictions predictions = new Predictions(labels, probabilities, 2, 1, 0.5);
    Line curve = Curves.roc("1", predictions, 1);
    double area = 0;
    for (int i = 1; i < curve.x().length; i++) {
      area += (curve.x()[i] - curve.x()[i - 1]) * (curve.y()[i] + curve.y()[i - 1]) / 2;
    }
    assertEquals(ClassificationMetrics.rocAuc(predictions), area, 1e-12);
  }

  @Test
  void precisionFallsAsRecallRises() {
    Predictions predictions =
        new Predictions(
            new int[] {1, 0, 1, 0}, new double[] {.1, .9, .2, .8, .3, .7, .9, .1}, 2, 1, 0.5);
    Line curve = Curves.precisionRecall("1", predictions, 1);
    assertArrayEquals(new double[] {0.5, 0.5, 1, 1}, curve.x());
    assertArrayEquals(new double[] {1, 0.5, 2.0 / 3, 0.5}, curve.y(), 1e-12);
  }

  @Test
  void calibrationComparesWhatIsStatedWithWhatIs() {
    Predictions predictions =
        new Predictions(
            new int[] {1, 0, 1, 1}, new double[] {.8, .2, .8, .2, .1, .9, .1, .9}, 2, 1, 0.5);
    Line curve = Curves.calibration("1", predictions, 1);
    assertArrayEquals(new double[] {0.2, 0.9}, curve.x(), 1e-12);
    assertArrayEquals(new double[] {0.5, 1}, curve.y(), 1e-12);
  }
}
