package retune.core.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * The bins of a column.
 *
 * <p>Numbers fall between the reference's quantiles, whatever the batch, so that days are
 * comparable: fine bins at every second percentile, coarse ones, for the PSI, at the deciles. A
 * value that several quantiles share has a bin of its own, so that a constant or a column of few
 * values is told apart from what lies around it. A column of codes has one bin for each; beyond
 * {@value #MOST_CODES} the rarest share one.
 *
 * @param coarse the coarse bin of each fine bin
 * @param coarseCount number of coarse bins
 */
record Bins(float[] edges, int[] codeBins, int count, int[] coarse, int coarseCount) {
  static final int MOST_CODES = 64;
  private static final int FINE = 50;
  private static final int FINE_OF_COARSE = 5;

  /**
   * The bins of numbers.
   *
   * @param sorted the reference's values, ascending
   */
  static Bins ofNumbers(float[] sorted) {
    float[] edges = edges(sorted, 1);
    float[] deciles = edges(sorted, FINE_OF_COARSE);
    int[] coarse =
        IntStream.rangeClosed(0, edges.length)
            .map(bin -> bin == 0 ? 0 : below(deciles, edges[bin - 1]))
            .toArray();
    return new Bins(edges, new int[0], edges.length + 1, coarse, deciles.length + 1);
  }

  /**
   * The bins of codes from 0 to {@code cardinality} − 1. What is frequent is counted on both sides:
   * codes that are frequent in the reference alone are so by chance, and are rarer in any batch.
   */
  static Bins ofCodes(int[] reference, int[] current, int cardinality) {
    int[] bins = IntStream.range(0, cardinality).toArray();
    if (cardinality > MOST_CODES) {
      long[] counts = new long[cardinality];
      Arrays.stream(reference).forEach(code -> counts[code]++);
      Arrays.stream(current).forEach(code -> counts[code]++);
      List<Integer> frequent =
          IntStream.range(0, cardinality)
              .boxed()
              .sorted((one, other) -> Long.compare(counts[other], counts[one]))
              .limit(MOST_CODES - 1L)
              .toList();
      Arrays.fill(bins, MOST_CODES - 1);
      IntStream.range(0, frequent.size()).forEach(bin -> bins[frequent.get(bin)] = bin);
    }
    int count = Math.min(cardinality, MOST_CODES);
    return new Bins(new float[0], bins, count, IntStream.range(0, count).toArray(), count);
  }

  /** The fine bin of each value. */
  int[] of(float[] values) {
    int[] bins = new int[values.length];
    for (int row = 0; row < bins.length; row++) {
      bins[row] = below(edges, values[row]);
    }
    return bins;
  }

  /** The bin of each code. */
  int[] of(int[] codes) {
    int[] bins = new int[codes.length];
    for (int row = 0; row < bins.length; row++) {
      bins[row] = codeBins[codes[row]];
    }
    return bins;
  }

  /** Counts by coarse bin. */
  long[] coarse(long[] fine) {
    long[] counts = new long[coarseCount];
    for (int bin = 0; bin < fine.length; bin++) {
      counts[coarse[bin]] += fine[bin];
    }
    return counts;
  }

  long[] counts(int[] bins) {
    long[] counts = new long[count];
    for (int bin : bins) {
      counts[bin]++;
    }
    return counts;
  }

  /**
   * The limits between bins: quantiles, and the next larger number after one that repeats.
   *
   * @param step every how many fine bins
   */
  private static float[] edges(float[] sorted, int step) {
    TreeSet<Float> edges = new TreeSet<>();
    List<Float> quantiles = new ArrayList<>();
    for (int i = step; i < FINE; i += step) {
      quantiles.add(quantile(sorted, (double) i / FINE));
    }
    for (int i = 0; i < quantiles.size(); i++) {
      float quantile = quantiles.get(i);
      edges.add(quantile);
      if (i > 0 && quantiles.get(i - 1) == quantile) {
        edges.add(Math.nextUp(quantile));
      }
    }
    float[] ascending = new float[edges.size()];
    int filled = 0;
    for (float edge : edges) {
      ascending[filled++] = edge;
    }
    return ascending;
  }

  /** Linear interpolation between order statistics, as NumPy does by default. */
  private static float quantile(float[] sorted, double share) {
    double position = share * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    double weight = position - below;
    return (float) ((1 - weight) * sorted[below] + weight * sorted[above]);
  }

  /** How many edges are at most the value. */
  private static int below(float[] edges, float value) {
    int low = 0;
    int high = edges.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (edges[middle] <= value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
