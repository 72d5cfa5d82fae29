package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.judgement.Check.Answer;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * How often a bound of 5 % is wrong where the true value is known. The share of 5,000 samples has a
 * standard error of 0.3 percentage points.
 */
@Tag("slow")
class BoundCoverageTest {
  private static final int SAMPLES = 5_000;
  private static final double ALPHA = 0.05;
  private static final double TOLERANCE = 0.01 + 3 * 0.0031;

  @ParameterizedTest
  @CsvSource({
    "F1_SCORE, 300, 0.22, 0.5, 0.5",
    "F1_SCORE, 1000, 0.05, 0.7, 0.4",
    "F1_SCORE, 3000, 0.22, 0.3, 0.7",
    "F1_MACRO, 300, 0.22, 0.5, 0.5",
    "F1_MACRO, 1000, 0.06, 0.5, 0.5",
    "F1_MACRO, 3000, 0.5, 0.7, 0.6",
    "ACCURACY, 300, 0.22, 0.5, 0.5"
  })
  void eitherSideIsWrongInFivePercentOfTheCases(
      Metric metric, int rows, double share, double recall, double precision) {
    double[] cells = cells(share, recall, precision);
    double truth = truth(metric, cells);
    Gate gate = new Gate(metric, truth);
    SplittableRandom random = new SplittableRandom(17);
    int above = 0;
    int below = 0;
    int decided = 0;
    for (int sample = 0; sample < SAMPLES; sample++) {
      Predictions drawn = draw(cells, rows, random);
      Bound bound =
          Bound.of(
              new Comparison(gate, Evidence.INTERVAL, ALPHA, drawn, drawn), metric, drawn, truth);
      above += bound.answer() == Answer.PASSED ? 1 : 0;
      below += bound.answer() == Answer.FAILED ? 1 : 0;
      decided += bound.interval() == null ? 0 : 1;
    }
    double mostlyDecided = decided > 0.99 * SAMPLES ? ALPHA - TOLERANCE : 0;
    assertTrue(decided > 0.4 * SAMPLES, "decided " + decided);
    assertBetween(mostlyDecided, (double) above / SAMPLES);
    assertBetween(mostlyDecided, (double) below / SAMPLES);
  }

  private static void assertBetween(double least, double wrong) {
    assertTrue(wrong >= least && wrong <= ALPHA + TOLERANCE, "wrong in " + wrong);
  }

  /** The shares of [true 0, answered 0], [0, 1], [1, 0] and [1, 1]. */
  private static double[] cells(double share, double recall, double precision) {
    double hits = share * recall;
    double falseAlarms = hits / precision - hits;
    return new double[] {1 - share - falseAlarms, falseAlarms, share - hits, hits};
  }

  private static double truth(Metric metric, double[] cells) {
    long[] counts = new long[4];
    for (int cell = 0; cell < 4; cell++) {
      counts[cell] = Math.round(cells[cell] * 1e12);
    }
    return metric.of(
        new ConfusionMatrix(new long[][] {{counts[0], counts[1]}, {counts[2], counts[3]}}), 1);
  }

  private static Predictions draw(double[] cells, int rows, SplittableRandom random) {
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      double place = random.nextDouble();
      int cell = 0;
      while (cell < 3 && place >= cells[cell]) {
        place -= cells[cell++];
      }
      labels[row] = cell / 2;
      probabilities[2 * row + cell % 2] = 1;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }
}
