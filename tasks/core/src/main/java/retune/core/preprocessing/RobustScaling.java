package retune.core.preprocessing;

import java.util.Arrays;

/**
 * Scales by the median and the interquartile range, so that a few extreme training values do not
 * compress all others. If the quartiles are equal (most rows have one value), the scale is the
 * standard deviation, or 1 if that is 0 too. Features beyond ±1,000 scales are clipped, in training
 * and afterwards, so that the network's float32 sums stay accurate.
 */
final class RobustScaling {
  private static final double LIMIT = 1_000;

  private RobustScaling() {}

  /** The scaling fitted to finite values, at least one. */
  static Scaling fit(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double range = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    double scale = range > 0 ? range : standardDeviation(sorted);
    return new Scaling(median(sorted), scale > 0 ? finite(scale) : 1, LIMIT);
  }

  /** The median of sorted values. */
  static double median(double[] sorted) {
    return quantile(sorted, 0.5);
  }

  /** Linear interpolation between order statistics (Hyndman and Fan's type 7, as numpy does). */
  private static double quantile(double[] sorted, double share) {
    double position = share * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    double weight = position - below;
    return (1 - weight) * sorted[below] + weight * sorted[above];
  }

  private static double standardDeviation(double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
    return finite(Math.sqrt(squares / values.length));
  }

  /** Values near the greatest double may overflow; the scale must not. */
  private static double finite(double scale) {
    return Double.isFinite(scale) ? scale : Double.MAX_VALUE;
  }
}
