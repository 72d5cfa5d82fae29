package retune.core.distribution;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * k-means clustering (Lloyd 1982, "Least squares quantization in PCM") with the starting points of
 * k-means++ (Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding"). The
 * same points always give the same clusters.
 */
final class Clustering {
  private static final int MOST_ROUNDS = 30;
  private static final long SEED = 1;

  private Clustering() {}

  /**
   * The centres of the points' clusters.
   *
   * @param points {@code [point][dimension]}, at least one
   * @param count number of clusters, at least 1
   * @return {@code [cluster][dimension]}; fewer than {@code count} clusters if there are fewer
   *     distinct points
   */
  static double[][] centres(double[][] points, int count) {
    double[][] centres = startingPoints(points, count);
    int[] assigned = {};
    for (int round = 0; round < MOST_ROUNDS; round++) {
      double[][] current = centres;
      int[] nearest = Arrays.stream(points).mapToInt(p -> nearest(current, p)).toArray();
      if (Arrays.equals(nearest, assigned)) {
        return centres;
      }
      assigned = nearest;
      centres = means(points, assigned, centres);
    }
    return centres;
  }

  /** The index of the centre nearest to a point. */
  static int nearest(double[][] centres, double[] point) {
    int nearest = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int centre = 0; centre < centres.length; centre++) {
      double distance = squaredDistance(centres[centre], point);
      if (distance < least) {
        least = distance;
        nearest = centre;
      }
    }
    return nearest;
  }

  private static double[][] startingPoints(double[][] points, int count) {
    SplittableRandom random = new SplittableRandom(SEED);
    double[][] starts = new double[count][];
    starts[0] = points[random.nextInt(points.length)];
    double[] distances = new double[points.length];
    Arrays.fill(distances, Double.POSITIVE_INFINITY);
    for (int found = 1; found < count; found++) {
      for (int point = 0; point < points.length; point++) {
        distances[point] =
            Math.min(distances[point], squaredDistance(starts[found - 1], points[point]));
      }
      Weights weights = new Weights(distances);
      if (weights.total() == 0) {
        return Arrays.copyOf(starts, found);
      }
      starts[found] = points[weights.pick(random.nextDouble())];
    }
    return starts;
  }

  /** The mean of each cluster's points; an empty cluster keeps its centre. */
  private static double[][] means(double[][] points, int[] assigned, double[][] centres) {
    double[][] sums = new double[centres.length][points[0].length];
    int[] counts = new int[centres.length];
    for (int point = 0; point < points.length; point++) {
      counts[assigned[point]]++;
      double[] sum = sums[assigned[point]];
      for (int dimension = 0; dimension < sum.length; dimension++) {
        sum[dimension] += points[point][dimension];
      }
    }
    return IntStream.range(0, centres.length)
        .mapToObj(
            centre ->
                counts[centre] == 0
                    ? centres[centre]
                    : Arrays.stream(sums[centre]).map(sum -> sum / counts[centre]).toArray())
        .toArray(double[][]::new);
  }

  private static double squaredDistance(double[] first, double[] second) {
    double sum = 0;
    for (int i = 0; i < first.length; i++) {
      double difference = first[i] - second[i];
      sum += difference * difference;
    }
    return sum;
  }
}
