package retune.core.distribution;

import java.util.Arrays;
import retune.core.InvalidInputException;

/**
 * The distribution of one column's values: segments in ascending order, each with a number of rows.
 * A segment with a single value ({@code low == high}) is a point mass; within any other segment,
 * values are uniformly distributed. Texts are represented by their positions in {@link
 * FeatureColumn#categories()}.
 *
 * @param missing number of rows without a value
 * @param cumulative for each segment, the number of rows with a value in it or in an earlier one
 * @param low least value of each segment
 * @param high greatest value of each segment
 */
public record Marginal(long missing, long[] cumulative, double[] low, double[] high) {
  public Marginal {
    if (cumulative.length != low.length || low.length != high.length) {
      throw new InvalidInputException(
          "A marginal has "
              + cumulative.length
              + " counts, "
              + low.length
              + " lower and "
              + high.length
              + " upper bounds; learn the distribution again.");
    }
    for (int segment = 0; segment < low.length; segment++) {
      boolean inOrder =
          cumulative[segment] >= (segment == 0 ? 0 : cumulative[segment - 1])
              && low[segment] <= high[segment]
              && (segment == 0 || low[segment] >= high[segment - 1]);
      if (!inOrder) {
        throw new InvalidInputException(
            "Segment " + segment + " of a marginal is out of order; learn the distribution again.");
      }
    }
  }

  /** Number of rows with a value. */
  public long present() {
    return cumulative.length == 0 ? 0 : cumulative[cumulative.length - 1];
  }

  /** Share of rows without a value, 0 … 1; 1 if no row has a value. */
  public double missingShare() {
    return present() == 0 ? 1 : (double) missing / (missing + present());
  }

  /**
   * The value below which the given share of the values lies. There must be a value.
   *
   * @param share 0 … 1
   * @param decimals decimal places of the result; see {@link FeatureColumn#decimals()}
   */
  public double quantile(double share, int decimals) {
    double rank = Math.min(share * present(), Math.nextDown((double) present()));
    int segment = segmentOf(rank);
    double before = segment == 0 ? 0 : cumulative[segment - 1];
    double within = (rank - before) / (cumulative[segment] - before);
    double width = high[segment] - low[segment];
    if (width == 0) {
      return low[segment];
    }
    if (decimals == FeatureColumn.ANY_DECIMALS) {
      return low[segment] + within * width;
    }
    double scale = Math.pow(10, decimals);
    double steps = Math.floor(within * (Math.rint(width * scale) + 1));
    return Math.rint(low[segment] * scale + steps) / scale;
  }

  /** Share of the values that are at most the given one, 0 … 1. There must be a value. */
  public double shareUpTo(double value) {
    double rows = 0;
    for (int segment = 0; segment < low.length && low[segment] <= value; segment++) {
      double before = segment == 0 ? 0 : cumulative[segment - 1];
      double within =
          value >= high[segment] ? 1 : (value - low[segment]) / (high[segment] - low[segment]);
      rows = before + within * (cumulative[segment] - before);
    }
    return rows / present();
  }

  /** Share of the values that are less than the given one, 0 … 1. There must be a value. */
  public double shareBelow(double value) {
    return shareUpTo(Math.nextDown(value));
  }

  /** The greatest share of the values, 0 … 1, that lies in one point mass. */
  double greatestPointMass() {
    long greatest = 0;
    for (int segment = 0; segment < low.length; segment++) {
      if (low[segment] == high[segment]) {
        long before = segment == 0 ? 0 : cumulative[segment - 1];
        greatest = Math.max(greatest, cumulative[segment] - before);
      }
    }
    return present() == 0 ? 0 : (double) greatest / present();
  }

  /** The first segment whose cumulative number of rows exceeds the rank: never an empty one. */
  private int segmentOf(double rank) {
    int found = Arrays.binarySearch(cumulative, (long) rank);
    int segment = found < 0 ? -found - 1 : found + 1;
    while (segment > 0 && cumulative[segment - 1] > rank) {
      segment--;
    }
    while (cumulative[segment] <= rank) {
      segment++;
    }
    return segment;
  }
}
