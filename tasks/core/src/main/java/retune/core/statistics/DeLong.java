package retune.core.statistics;

import java.util.Arrays;
import org.apache.commons.statistics.distribution.NormalDistribution;
import retune.core.metrics.Predictions;

/**
 * The area under the ROC curve of one class against the rest, with the variance of DeLong, DeLong
 * &amp; Clarke-Pearson (1988), in O(n log n) by mid-ranks (Sun &amp; Xu, 2014).
 *
 * @param value the area, 0 … 1; NaN where the class has no row, or all rows
 * @param placements one per row: for a row of the class the share of the others that it scores
 *     above, for another row the share of the class that scores above it; ties count half
 * @param isInside one per row: whether it is of the class
 */
public record DeLong(double value, double[] placements, boolean[] isInside) {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  /** The area of a class's probability. */
  public static DeLong of(Predictions predictions, int label) {
    int rows = predictions.rows();
    double[] scores = new double[rows];
    boolean[] isInside = new boolean[rows];
    for (int row = 0; row < rows; row++) {
      scores[row] = predictions.probability(row, label);
      isInside[row] = predictions.labels()[row] == label;
    }
    return of(scores, isInside);
  }

  private static DeLong of(double[] scores, boolean[] isInside) {
    double[] inside = sorted(scores, isInside, true);
    double[] outside = sorted(scores, isInside, false);
    double[] placements = new double[scores.length];
    long twiceWins = 0;
    for (int row = 0; row < scores.length; row++) {
      int twice = MidRanks.twice(isInside[row] ? outside : inside, scores[row]);
      if (isInside[row]) {
        placements[row] = twice / 2.0 / outside.length;
        twiceWins += twice;
      } else {
        placements[row] = 1 - twice / 2.0 / inside.length;
      }
    }
    double value = twiceWins / 2.0 / ((double) inside.length * outside.length);
    return new DeLong(value, placements, isInside);
  }

  private static double[] sorted(double[] scores, boolean[] isInside, boolean wanted) {
    double[] sorted = new double[count(isInside, wanted)];
    int filled = 0;
    for (int row = 0; row < scores.length; row++) {
      if (isInside[row] == wanted) {
        sorted[filled++] = scores[row];
      }
    }
    Arrays.sort(sorted);
    return sorted;
  }

  /** Rows of the class. */
  public int inside() {
    return count(isInside, true);
  }

  /** Rows of other classes. */
  public int outside() {
    return count(isInside, false);
  }

  /** The variance of the area; NaN where a side has fewer than two rows. */
  public double variance() {
    return varianceOf(placements, value);
  }

  /** The interval that a normal distribution gives, within 0 … 1. */
  public Interval interval(double confidence) {
    double reach = NORMAL.inverseSurvivalProbability((1 - confidence) / 2) * Math.sqrt(variance());
    return new Interval(Math.max(0, value - reach), Math.min(1, value + reach), confidence);
  }

  /** The variance of this area minus another one of the same rows. */
  public double varianceOfDifference(DeLong other) {
    if (!Arrays.equals(isInside, other.isInside)) {
      throw new IllegalArgumentException("the areas are not of the same rows");
    }
    double[] differences = new double[placements.length];
    for (int row = 0; row < differences.length; row++) {
      differences[row] = placements[row] - other.placements[row];
    }
    return varianceOf(differences, value - other.value);
  }

  /**
   * The two-sided p-value of the hypothesis that two areas of the same rows are equal; NaN where
   * they do not vary.
   */
  public double pValue(DeLong other) {
    double z = (value - other.value) / Math.sqrt(varianceOfDifference(other));
    return 2 * NORMAL.survivalProbability(Math.abs(z));
  }

  private double varianceOf(double[] values, double mean) {
    double insideSquares = 0;
    double outsideSquares = 0;
    for (int row = 0; row < values.length; row++) {
      double square = (values[row] - mean) * (values[row] - mean);
      if (isInside[row]) {
        insideSquares += square;
      } else {
        outsideSquares += square;
      }
    }
    double inside = inside();
    double outside = outside();
    return insideSquares / (inside - 1) / inside + outsideSquares / (outside - 1) / outside;
  }

  private static int count(boolean[] flags, boolean wanted) {
    int count = 0;
    for (boolean flag : flags) {
      count += flag == wanted ? 1 : 0;
    }
    return count;
  }
}
