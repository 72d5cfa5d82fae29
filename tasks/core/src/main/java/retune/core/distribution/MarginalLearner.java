package retune.core.distribution;

import java.util.Arrays;

/**
 * Learns a {@link Marginal}. A value that many rows share becomes a point mass, and so does every
 * value of a column with few distinct values. Between point masses, neighbouring values are joined
 * until a segment holds its part of the rows. Such a segment holds less than two parts, which
 * bounds the error of the distribution function, whatever its shape.
 */
final class MarginalLearner {
  /**
   * Smallest part, so that a segment does not single out a row. Two kinds of segments may be
   * smaller: the rest before a point mass or at the end, and the point masses of a column with few
   * distinct values.
   */
  private static final int LEAST_ROWS = 5;

  /** A column with at most this many distinct values keeps them all: it holds codes. */
  private static final int FEW_VALUES = 64;

  private MarginalLearner() {}

  /**
   * The marginal of the values; NaN is a missing value.
   *
   * @param parts number of parts into which the rows are divided
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

  /** The segments found so far, in ascending order. */
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
