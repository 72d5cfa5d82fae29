package retune.core.distribution;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The contingency table of two columns: how often each pair of codes occurs.
 *
 * @param cells the pairs that occur, ascending: the first code in the upper 32 bits, the second in
 *     the lower 32
 * @param counts number of rows of each pair
 * @param rows total number of rows
 */
record Contingency(long[] cells, int[] counts, int rows) {
  /**
   * Counts the pairs of two columns.
   *
   * @param first codes, one per row, 0 or more
   * @param second codes of the same rows, 0 or more
   */
  static Contingency of(int[] first, int[] second) {
    long[] sorted =
        IntStream.range(0, first.length)
            .mapToLong(row -> (long) first[row] << Integer.SIZE | second[row])
            .sorted()
            .toArray();
    long[] cells = new long[sorted.length];
    int[] counts = new int[sorted.length];
    int size = 0;
    for (long cell : sorted) {
      if (size == 0 || cells[size - 1] != cell) {
        cells[size++] = cell;
      }
      counts[size - 1]++;
    }
    return new Contingency(Arrays.copyOf(cells, size), Arrays.copyOf(counts, size), sorted.length);
  }

  /** The total variation distance: half the sum of the absolute differences of shares, 0 … 1. */
  double totalVariation(Contingency other) {
    double sum = 0;
    for (int i = 0, j = 0; i < cells.length || j < other.cells.length; ) {
      long mine = i < cells.length ? cells[i] : Long.MAX_VALUE;
      long theirs = j < other.cells.length ? other.cells[j] : Long.MAX_VALUE;
      double share = mine <= theirs ? (double) counts[i++] / rows : 0;
      double otherShare = theirs <= mine ? (double) other.counts[j++] / other.rows : 0;
      sum += Math.abs(share - otherShare);
    }
    return sum / 2;
  }

  /**
   * Cramér's V (Cramér 1946, "Mathematical methods of statistics"), 0 … 1; NaN if a column has only
   * one code.
   */
  double cramersV() {
    int[] rowSums = new int[1 + Arrays.stream(cells).mapToInt(Contingency::first).max().orElse(0)];
    int[] columnSums =
        new int[1 + Arrays.stream(cells).mapToInt(Contingency::second).max().orElse(0)];
    for (int cell = 0; cell < cells.length; cell++) {
      rowSums[first(cells[cell])] += counts[cell];
      columnSums[second(cells[cell])] += counts[cell];
    }
    double meanSquare = -1;
    for (int cell = 0; cell < cells.length; cell++) {
      double expected = (double) rowSums[first(cells[cell])] * columnSums[second(cells[cell])];
      meanSquare += (double) counts[cell] * counts[cell] / expected;
    }
    long least = Math.min(occurring(rowSums), occurring(columnSums)) - 1;
    return least == 0 ? Double.NaN : Math.sqrt(Math.max(0, meanSquare) / least);
  }

  private static int first(long cell) {
    return (int) (cell >>> Integer.SIZE);
  }

  private static int second(long cell) {
    return (int) cell;
  }

  private static long occurring(int[] sums) {
    return Arrays.stream(sums).filter(sum -> sum > 0).count();
  }
}
