package retune.core.drift;

import java.util.stream.IntStream;
import retune.core.statistics.Philox;

/**
 * Random divisions of all rows into a reference and a batch of the sizes that they have. If both
 * are samples of one population, the division at hand is one like these, so that the rank of its
 * statistic among theirs is a p-value for any statistic (Fisher, 1935; Hoeffding, 1952): exact,
 * whatever the sizes are, and with the chance in the reference counted as well.
 *
 * <p>Rows move in groups of equal size, 64 to 127 of them on the smaller side, each spread over its
 * sample. What a statistic needs of a group is added up once, and the sums of a division are those
 * of its groups. Less than a group's rows are left out at the end of either sample.
 */
final class Redivisions {
  private static final int LEAST_GROUPS = 64;

  private final int referenceGroups;
  private final int currentGroups;
  private final int groupSize;
  private final int[][] chosen;

  /**
   * Draws divisions.
   *
   * @param referenceRows at least 1
   * @param currentRows at least 1
   */
  Redivisions(int referenceRows, int currentRows, int count, Philox random) {
    int smaller = Math.min(referenceRows, currentRows);
    groupSize = Math.max(1, smaller / LEAST_GROUPS);
    referenceGroups = referenceRows / groupSize;
    currentGroups = currentRows / groupSize;
    int groups = referenceGroups + currentGroups;
    int[] order = new int[groups];
    for (int group = 0; group < groups; group++) {
      order[group] = group;
    }
    chosen = new int[count][Math.min(referenceGroups, currentGroups)];
    for (int[] some : chosen) {
      // The start of a random order, whatever the order before was.
      for (int i = 0; i < some.length; i++) {
        int j = i + (int) (random.nextDouble() * (groups - i));
        int swapped = order[j];
        order[j] = order[i];
        order[i] = swapped;
        some[i] = swapped;
      }
    }
  }

  int count() {
    return chosen.length;
  }

  int groups() {
    return referenceGroups + currentGroups;
  }

  int groupSize() {
    return groupSize;
  }

  int referenceGroups() {
    return referenceGroups;
  }

  /** The groups that make up the smaller side of a division. */
  int[] chosen(int division) {
    return chosen[division];
  }

  /** The groups that make up the batch's side of a division. */
  int[] currentSide(int division) {
    if (currentGroups <= referenceGroups) {
      return chosen[division];
    }
    boolean[] isReference = new boolean[groups()];
    for (int group : chosen[division]) {
      isReference[group] = true;
    }
    return IntStream.range(0, groups()).filter(group -> !isReference[group]).toArray();
  }

  /** Rows of the reference that move. */
  int referenceRows() {
    return referenceGroups * groupSize;
  }

  /** Rows of the batch that move. */
  int currentRows() {
    return currentGroups * groupSize;
  }

  /** The group of a row of the reference, below {@link #referenceRows}. */
  int groupOfReference(int row) {
    return row % referenceGroups;
  }

  /** The group of a row of the batch, below {@link #currentRows}. */
  int groupOfCurrent(int row) {
    return referenceGroups + row % currentGroups;
  }

  /** Counts by group and bin, {@code [group · bins + bin]}. */
  int[] counts(int[] referenceBins, int[] currentBins, int bins) {
    int[] counts = new int[groups() * bins];
    for (int row = 0; row < referenceRows(); row++) {
      counts[groupOfReference(row) * bins + referenceBins[row]]++;
    }
    for (int row = 0; row < currentRows(); row++) {
      counts[groupOfCurrent(row) * bins + currentBins[row]]++;
    }
    return counts;
  }

  /** Adds up the groups of a division's smaller side. */
  void smaller(int division, int[] countsByGroup, long[] sum) {
    int bins = sum.length;
    int[] buffer = new int[bins];
    for (int group : chosen[division]) {
      int from = group * bins;
      for (int bin = 0; bin < bins; bin++) {
        buffer[bin] += countsByGroup[from + bin];
      }
    }
    for (int bin = 0; bin < bins; bin++) {
      sum[bin] = buffer[bin];
    }
  }
}
