package retune.core.distribution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Clusters of rows with similar normal scores, whatever their class. A single copula cannot
 * describe columns whose relation differs from one part of the table to another; one copula per
 * region can.
 */
final class Regions {
  private static final int MOST_REGIONS = 16;

  /** Smallest average number of rows per region. */
  private static final int LEAST_ROWS = 500;

  /** Smaller groups of a class are merged, so that a component does not single out a few rows. */
  private static final int LEAST_ROWS_OF_CLASS = 50;

  /** Limits a distribution with many columns or classes to a few MB. */
  private static final int MOST_CORRELATIONS = 200_000;

  /** Enough rows to place the centres; more only cost time. */
  private static final int MOST_CLUSTERED_ROWS = 10_000;

  private final int[] regionOfRow;
  private final int count;

  /**
   * Finds the regions.
   *
   * @param scores normal scores, {@code [column][row]}
   * @param classes number of classes; each gets one copula per region
   */
  Regions(double[][] scores, int classes) {
    int rows = scores[0].length;
    count = count(rows, scores.length, classes);
    regionOfRow = count == 1 ? new int[rows] : cluster(points(scores), count);
  }

  /** Groups rows of one class by region; groups with few rows are merged. */
  List<int[]> split(int[] rows) {
    Comparator<int[]> bySize = Comparator.comparingInt(group -> group.length);
    List<int[]> groups = new ArrayList<>();
    for (int region = 0; region < count; region++) {
      int wanted = region;
      int[] group = Arrays.stream(rows).filter(row -> regionOfRow[row] == wanted).toArray();
      if (group.length > 0) {
        groups.add(group);
      }
    }
    groups.sort(bySize);
    while (groups.size() > 1 && groups.getFirst().length < LEAST_ROWS_OF_CLASS) {
      int[] smallest = groups.removeFirst();
      int[] second = groups.removeFirst();
      groups.add(
          IntStream.concat(Arrays.stream(smallest), Arrays.stream(second)).sorted().toArray());
      groups.sort(bySize);
    }
    return groups;
  }

  private static int count(int rows, int columns, int classes) {
    long correlations = (long) classes * columns * columns / 2 + 1;
    long most = Math.min(rows / LEAST_ROWS, MOST_CORRELATIONS / correlations);
    return Math.clamp(most, 1, MOST_REGIONS);
  }

  private static double[][] points(double[][] scores) {
    double[][] points = new double[scores[0].length][scores.length];
    for (int row = 0; row < points.length; row++) {
      for (int column = 0; column < scores.length; column++) {
        points[row][column] = scores[column][row];
      }
    }
    return points;
  }

  private static int[] cluster(double[][] points, int count) {
    int[] all = IntStream.range(0, points.length).toArray();
    double[][] some =
        Arrays.stream(DistributionLearner.spread(all, MOST_CLUSTERED_ROWS))
            .mapToObj(row -> points[row])
            .toArray(double[][]::new);
    double[][] centres = Clustering.centres(some, count);
    return Arrays.stream(points).mapToInt(point -> Clustering.nearest(centres, point)).toArray();
  }
}
