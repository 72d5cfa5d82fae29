package retune.core.distribution;

import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.NormalDistribution;

/**
 * The normal scores of a column: for each row, the expected standard normal value, given the rank
 * of the row's value. Equal values share the interval of ranks that they cover, so numbers, codes
 * and categories are treated alike.
 *
 * @param values one per row; 0, the mean, if the value is missing
 * @param coefficients the coefficients of the step function from normal value to score, in
 *     normalised Hermite polynomials of degree 1, 2, …
 */
record NormalScores(double[] values, double[] coefficients) {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);
  private static final int DEGREES = 40;

  // Factors of the polynomials' recurrence, which runs once for each distinct value of a column.
  private static final double[] INVERSE_ROOTS = degrees(k -> 1 / Math.sqrt(k + 1));
  private static final double[] ROOTS_OF_RATIOS = degrees(k -> Math.sqrt(k / (k + 1.0)));

  private static double[] degrees(IntToDoubleFunction value) {
    return IntStream.range(0, DEGREES).mapToDouble(value).toArray();
  }

  /** The scores of the values; NaN is a missing value. */
  static NormalScores of(double[] values) {
    double[] sorted =
        Arrays.stream(values).filter(value -> !Double.isNaN(value)).sorted().toArray();
    double[] scores = new double[values.length];
    double[] scoreAt = new double[sorted.length];
    double[] coefficients = new double[DEGREES];
    double[] lower = new double[DEGREES];
    for (int from = 0, to; from < sorted.length; from = to) {
      to = from + 1;
      while (to < sorted.length && sorted[to] == sorted[from]) {
        to++;
      }
      double[] upper = weightedHermite((double) to / sorted.length);
      double score = (lower[0] - upper[0]) * sorted.length / (to - from);
      Arrays.fill(scoreAt, from, to, score);
      for (int k = 0; k < DEGREES; k++) {
        coefficients[k] += score * (lower[k] - upper[k]) * INVERSE_ROOTS[k];
      }
      lower = upper;
    }
    for (int row = 0; row < values.length; row++) {
      if (!Double.isNaN(values[row])) {
        scores[row] = scoreAt[Arrays.binarySearch(sorted, values[row])];
      }
    }
    return new NormalScores(scores, coefficients);
  }

  /**
   * The correlation of the normal values of two columns at which their scores correlate as
   * observed. Ties weaken the correlation of the scores: by Mehler's formula, it is the power
   * series Σ aₖ bₖ ρᵏ in the correlation ρ of the normal values. The series rises with ρ, so
   * bisection inverts it (Cario and Nelson 1997, "Modeling and generating random vectors with
   * arbitrary marginal distributions and correlation matrix").
   *
   * @param observed correlation of the scores of {@code first} and {@code second}, −1 … 1
   */
  static double normalCorrelation(NormalScores first, NormalScores second, double observed) {
    double[] series = new double[DEGREES];
    double scale = Math.sqrt(first.variance() * second.variance());
    for (int k = 0; k < DEGREES; k++) {
      series[k] = first.coefficients[k] * second.coefficients[k] / scale;
    }
    double low = -1;
    double high = 1;
    while (high - low > 1e-7) {
      double middle = (low + high) / 2;
      if (powerSeries(series, middle) < observed) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  /**
   * The variance of the scores: equal to the first coefficient, because a score is a conditional
   * expectation.
   */
  private double variance() {
    return coefficients[0];
  }

  private static double powerSeries(double[] coefficients, double x) {
    double sum = 0;
    for (int k = coefficients.length - 1; k >= 0; k--) {
      sum = (sum + coefficients[k]) * x;
    }
    return sum;
  }

  /** Hermite polynomials of degree 0, 1, … times the normal density, at the share's quantile. */
  private static double[] weightedHermite(double share) {
    double[] weighted = new double[DEGREES];
    if (share == 1) {
      return weighted; // the density vanishes faster than any polynomial grows
    }
    double z = NORMAL.inverseCumulativeProbability(share);
    double before = 0;
    double current = NORMAL.density(z);
    for (int k = 0; k < DEGREES; k++) {
      weighted[k] = current;
      double next = z * INVERSE_ROOTS[k] * current - ROOTS_OF_RATIOS[k] * before;
      before = current;
      current = next;
    }
    return weighted;
  }
}
