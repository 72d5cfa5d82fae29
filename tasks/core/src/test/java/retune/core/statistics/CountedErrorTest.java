package retune.core.statistics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
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
    for (int classes : new int[] {2, 3, 4, 138}) {
      Predictions rows = rows(classes, 3_000);
      double expected = Influence.of(metric, rows).standardError();

      double error = CountedError.of(metric, rows.confusion(), 1);

      assertEquals(expected, error, 1e-12, classes + " classes");
    }
  }

  /** The bootstrap draws rows anew and knows nothing of influences. */
  @Test
  void errorsOf138ClassesAreThoseOfTheBootstrap() {
    ConfusionMatrix confusion = rows(138, 20_000).confusion();
    int[] cells =
        IntStream.range(0, 138 * 138)
            .flatMap(
                cell ->
                    LongStream.range(0, confusion.counts()[cell / 138][cell % 138])
                        .mapToInt(_ -> cell))
            .toArray();
    SplittableRandom random = new SplittableRandom(5);
    List<ConfusionMatrix> drawn = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      long[][] counts = new long[138][138];
      for (int row = 0; row < cells.length; row++) {
        int cell = cells[random.nextInt(cells.length)];
        counts[cell / 138][cell % 138]++;
      }
      drawn.add(new ConfusionMatrix(counts));
    }
    for (Metric metric : Metric.values()) {
      if (metric.dependsOnAnswers()) {
        double[] values = drawn.stream().mapToDouble(matrix -> metric.of(matrix, 1)).toArray();
        double mean = Arrays.stream(values).average().orElseThrow();
        double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
        double error = CountedError.of(metric, confusion, 1);
        // Three standard errors of a deviation of 300 draws are 12 %.
        assertEquals(Math.sqrt(squares / 299), error, 0.12 * error, metric.id());
      }
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
  }

  private static Predictions rows(int classes, int count) {
    SplittableRandom random = new SplittableRandom(classes);
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
