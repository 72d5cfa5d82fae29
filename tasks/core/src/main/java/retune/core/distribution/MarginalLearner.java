package retune.core.distribution;

import java.util.Arrays;

/**
 * Learns a {@link Marginal}. Values that many rows share, and all values of a column that has few,
 * become point masses; between them, neighbouring values are joined until a segment holds its part
 * of the rows. So the error of the distribution function stays below one part, whatever its shape.
 */
final class MarginalLearner {
  /** Fewer rows are not a segment of their own, so that no single row shows. */
  private static final int LEAST_ROWS = 5;

  /** Up to this many different values all stay as they are: such columns hold codes. */
  private static final int FEW_VALUES = 64;

  private MarginalLearner() {}

  /**
   * The marginal of these values; NaN is missing.
   *
   * @param parts that the rows are divided into
   */
  static Marginal learn(double[] values, int parts) {
    double[] sorted =
        Arrays.stream(values).filter(value -> !Double.isNaN(value)).sorted().toArray();
    boolean fewValues =
        Arrays.stream(sorted).distinct().limit(FEW_VALUES + 1).count() <= FEW_VALUES;
    int part = Math.max(LEAST_ROWS, sorted.length / parts);
    Segments segments = new Segments(sorted.length);
    int start = 0;
    for (int from = 0, to; from < sorted.length; from = to) {
      to = endOfTies(sorted, from);
      boolean pointMass = fewValues || to - from >= part;
      if (pointMass && start < from) {
        segments.add(sorted, start, from);
      }
      if (pointMass || to - start >= part || to == sorted.length) {
        segments.add(sorted, pointMass ? from : start, to);
        start = to;
      }
    }
    return segments.marginal(values.length - sorted.length);
  }

  private static int endOfTies(double[] sorted, int from) {
    int to = from + 1;
    while (to < sorted.length && sorted[to] == sorted[from]) {
      to++;
    }
    return to;
  }

  /** Segments as they are found, in rising order. */
  private static final class Segments {
    private final long[] cumulative;
    private final double[] low;
    private final double[] high;
    private int size;

    Segments(int most) {
      cumulative = new long[most];
      low = new double[most];
      high = new double[most];
    }

    void add(double[] sorted, int from, int to) {
      cumulative[size] = to;
      low[size] = sorted[from];
      high[size] = sorted[to - 1];
      size++;
    }

    Marginal marginal(int missing) {
      return new Marginal(
          missing,
          Arrays.copyOf(cumulative, size),
          Arrays.copyOf(low, size),
          Arrays.copyOf(high, size));
    }
  }
}
