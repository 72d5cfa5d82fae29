package retune.core.statistics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class CountedErrorTest {
  @ParameterizedTest
  @EnumSource(value = Metric.class, names = "ROC_AUC", mode = EnumSource.Mode.EXCLUDE)
  void countsGiveTheErrorThatRowsGive(Metric metric) {
    for (int classes = 2; classes <= 4; classes++) {
      Predictions rows = rows(classes);
      double expected = Influence.of(metric, rows).standardError();

      double error = CountedError.of(metric, rows.confusion(), 1);

      assertEquals(expected, error, 0.01 * expected, classes + " classes");
    }
  }

  @Test
  void theErrorOfTheAccuracyIsThatOfAShare() {
    ConfusionMatrix confusion = new ConfusionMatrix(new long[][] {{700, 100}, {100, 100}});

    assertEquals(Math.sqrt(0.8 * 0.2 / 999), CountedError.of(Metric.ACCURACY, confusion, 1), 1e-4);
    assertArrayEquals(new long[] {700, 100}, confusion.counts()[0], "the counts stay");
  }

  @Test
  void whatCountsDoNotTellHasNone() {
    ConfusionMatrix confusion = new ConfusionMatrix(new long[][] {{5, 1}, {1, 5}});
    assertTrue(Double.isNaN(CountedError.of(Metric.ROC_AUC, confusion, 1)));
    assertTrue(
        Double.isNaN(
            CountedError.of(
                Metric.F1_MACRO, new ConfusionMatrix(new long[][] {{1, 0}, {0, 0}}), 1)));
    assertTrue(
        Double.isNaN(CountedError.of(Metric.F1_MACRO, new ConfusionMatrix(new long[13][13]), 1)));
  }

  private static Predictions rows(int classes) {
    SplittableRandom random = new SplittableRandom(classes);
    int count = 3_000;
    int[] labels = new int[count];
    double[] probabilities = new double[count * classes];
    for (int row = 0; row < count; row++) {
      labels[row] = random.nextInt(100) < 60 ? 0 : random.nextInt(classes);
      int answer = random.nextInt(100) < 70 ? labels[row] : random.nextInt(classes);
      probabilities[row * classes + answer] = 1;
    }
    return new Predictions(labels, probabilities, classes, 1, 0.5);
  }
}
