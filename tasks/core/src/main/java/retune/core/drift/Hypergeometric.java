package retune.core.drift;

import org.apache.commons.statistics.distribution.HypergeometricDistribution;
import org.apache.commons.statistics.distribution.NormalDistribution;

/** How many of an urn's marked balls a handful has. */
final class Hypergeometric {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  /** From this variance on, the rounded normal approximation is as good. */
  private static final double LARGE_VARIANCE = 400;

  private final long least;
  private final double mean;
  private final double deviation;
  private final double[] cumulative;

  /**
   * The distribution.
   *
   * @param balls in the urn
   * @param marked of them
   * @param drawn of them, without putting back
   */
  Hypergeometric(long balls, long marked, long drawn) {
    double share = (double) marked / balls;
    mean = drawn * share;
    double variance = mean * (1 - share) * (balls - drawn) / Math.max(1, balls - 1);
    deviation = Math.sqrt(variance);
    if (variance > LARGE_VARIANCE) {
      least = 0;
      cumulative = new double[0];
      return;
    }
    HypergeometricDistribution exact =
        HypergeometricDistribution.of(
            Math.toIntExact(balls), Math.toIntExact(marked), Math.toIntExact(drawn));
    int from = exact.getSupportLowerBound();
    int to = exact.getSupportUpperBound();
    int low = (int) Math.max(from, mean - 10 * deviation - 10);
    int high = (int) Math.min(to, mean + 10 * deviation + 10);
    least = low;
    cumulative = new double[high - low + 1];
    double sum = 0;
    for (int count = low; count <= high; count++) {
      sum += exact.probability(count);
      cumulative[count - low] = sum;
    }
  }

  /**
   * A number of marked balls.
   *
   * @param uniform a random number from 0 to 1
   */
  long draw(double uniform) {
    if (cumulative.length == 0) {
      return Math.round(mean + deviation * NORMAL.inverseCumulativeProbability(clamped(uniform)));
    }
    int index = 0;
    while (index < cumulative.length - 1 && cumulative[index] < uniform) {
      index++;
    }
    return least + index;
  }

  private static double clamped(double uniform) {
    return Math.clamp(uniform, 1e-12, 1 - 1e-12);
  }
}
