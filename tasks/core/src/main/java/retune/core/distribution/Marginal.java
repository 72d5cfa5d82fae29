package retune.core.distribution;

import java.util.Arrays;
import retune.core.InvalidInputException;

/**
 * How the values of one column are spread among the rows of one class: segments in rising order,
 * each with a share of the rows. A segment of one value ({@code low == high}) is a point mass; in
 * any other, values are spread evenly. Texts are numbers here: positions in {@link
 * FeatureColumn#categories()}.
 *
 * @param missing rows without a value
 * @param cumulative rows with a value in this segment or one before it, never falling
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

  /** Rows with a value. */
  public long present() {
    return cumulative.length == 0 ? 0 : cumulative[cumulative.length - 1];
  }

  /** Share of rows without a value, 0 … 1; 1 where there are no rows at all. */
  public double missingShare() {
    return present() == 0 ? 1 : (double) missing / (missing + present());
  }

  /**
   * The value below which a share of the values lies.
   *
   * @param share 0 … 1
   * @param decimals places of the result after the point; see {@link FeatureColumn#decimals()}
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

  /** Share of the values that are at most this one, 0 … 1; there must be some. */
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

  /** Share of the values that are less than this one, 0 … 1; there must be some. */
  public double shareBelow(double value) {
    return shareUpTo(Math.nextDown(value));
  }

  /** The greatest share of rows, 0 … 1, that a single value has. */
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

  /** The first segment that goes beyond the rank: empty segments are never hit. */
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
