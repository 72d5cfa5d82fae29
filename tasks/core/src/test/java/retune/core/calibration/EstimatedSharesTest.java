package retune.core.calibration;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import retune.core.metrics.Predictions;

class EstimatedSharesTest {
  private static final int CLASSES = 3;

  /**
   * Rows of classes whose probabilities follow from a score that is drawn by class.
   *
   * @param shares of the classes
   */
  private static Predictions rows(Random random, int rows, double[] shares) {
    int[] labels = new int[rows];
    double[] probabilities = new double[rows * CLASSES];
    double[] usual = {0.5, 0.3, 0.2};
    for (int row = 0; row < rows; row++) {
      double drawn = random.nextDouble();
      labels[row] = drawn < shares[0] ? 0 : drawn < shares[0] + shares[1] ? 1 : 2;
      double score = 1.5 * labels[row] + random.nextGaussian();
      double sum = 0;
      for (int label = 0; label < CLASSES; label++) {
        double distance = score - 1.5 * label;
        probabilities[row * CLASSES + label] = usual[label] * Math.exp(-distance * distance / 2);
        sum += probabilities[row * CLASSES + label];
      }
      for (int label = 0; label < CLASSES; label++) {
        probabilities[row * CLASSES + label] /= sum;
      }
    }
    return new Predictions(labels, probabilities, CLASSES, 0, 0);
  }

  @Test
  void theIntervalHoldsTheTrueShareAboutAsOftenAsItSays() {
    double[] usual = {0.5, 0.3, 0.2};
    double[] now = {0.3, 0.3, 0.4};
    int inside = 0;
    int days = 100;
    for (int day = 0; day < days; day++) {
      Random random = new Random(day);
      Predictions reference = rows(random, 400, usual);
      EstimatedShares estimated =
          EstimatedShares.of(reference, rows(random, 300, now).probabilities());
      assertTrue(estimated.converged());
      inside += estimated.interval(2, 0.95).contains(now[2]) ? 1 : 0;
    }
    // 95 are expected; fewer than 89 come about once in 100 times.
    assertTrue(inside >= 89, inside + " of " + days);
  }

  @Test
  void probabilitiesThatAreTooHighOnTheReferenceAreMadeRightFirst() {
    Random random = new Random(3);
    Predictions reference = rows(random, 4_000, new double[] {0.5, 0.3, 0.2});
    Predictions day = rows(random, 4_000, new double[] {0.3, 0.3, 0.4});
    EstimatedShares plain = EstimatedShares.of(reference, day.probabilities());
    EstimatedShares tilted = EstimatedShares.of(tilted(reference), tilted(day).probabilities());
    for (int label = 0; label < CLASSES; label++) {
      assertTrue(
          Math.abs(plain.shares()[label] - tilted.shares()[label]) < 0.002,
          "class %d: %s and %s".formatted(label, plain.shares()[label], tilted.shares()[label]));
    }
  }

  /** The same with the odds of the last class five times as high. */
  private static Predictions tilted(Predictions rows) {
    double[] tilted = rows.probabilities().clone();
    for (int from = 0; from < tilted.length; from += CLASSES) {
      tilted[from + 2] *= 5;
      double sum = tilted[from] + tilted[from + 1] + tilted[from + 2];
      for (int label = 0; label < CLASSES; label++) {
        tilted[from + label] /= sum;
      }
    }
    return new Predictions(rows.labels(), tilted, CLASSES, 0, 0);
  }
}
