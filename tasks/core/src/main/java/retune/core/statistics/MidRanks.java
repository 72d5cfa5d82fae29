package retune.core.statistics;

/** Places of values among sorted ones. */
final class MidRanks {
  private MidRanks() {}

  /**
   * Twice the number of sorted values below a value, where equal ones count half.
   *
   * @param sorted ascending
   */
  static int twice(double[] sorted, double value) {
    return count(sorted, value, false) + count(sorted, value, true);
  }

  /** Values below the limit, by bisection; with {@code ties} those equal to it as well. */
  private static int count(double[] sorted, double limit, boolean ties) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] < limit || (ties && sorted[middle] == limit)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
