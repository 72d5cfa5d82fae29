package retune.bench;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.statistics.distribution.BinomialDistribution;

/**
 * Multinomial draws, one binomial draw a cell by inversion of its distribution function, which is
 * kept for each number of trials. For use by several threads.
 */
final class Sampler {
  private static final double DEVIATIONS = 9;

  private final double[] conditional;
  private final Map<Integer, Inversion>[] ofCell;

  /** The distribution function from the first value on that has any probability worth a name. */
  private record Inversion(int first, double[] cumulative) {
    static Inversion of(int trials, double probability) {
      double mean = trials * probability;
      double reach = DEVIATIONS * Math.sqrt(mean * (1 - probability)) + DEVIATIONS;
      int first = (int) Math.max(0, Math.floor(mean - reach));
      int last = (int) Math.min(trials, Math.ceil(mean + reach));
      BinomialDistribution distribution = BinomialDistribution.of(trials, probability);
      double[] cumulative = new double[last - first + 1];
      double sum = 0;
      for (int value = first; value <= last; value++) {
        sum += distribution.probability(value);
        cumulative[value - first] = sum;
      }
      return new Inversion(first, cumulative);
    }

    int draw(double uniform) {
      int found = Arrays.binarySearch(cumulative, uniform);
      return first + Math.min(found < 0 ? -found - 1 : found, cumulative.length - 1);
    }
  }

  /**
   * Draws with these probabilities.
   *
   * @param shares sum to 1
   */
  @SuppressWarnings({"unchecked", "rawtypes"}) // an array of a generic type
  Sampler(double[] shares) {
    conditional = new double[shares.length];
    ofCell = new Map[shares.length];
    double left = 1;
    for (int cell = 0; cell < shares.length; cell++) {
      conditional[cell] = left <= 0 ? 0 : Math.clamp(shares[cell] / left, 0.0, 1.0);
      ofCell[cell] = new ConcurrentHashMap<>();
      left -= shares[cell];
    }
  }

  /** How many of the trials fall into each cell. */
  long[] draw(int trials, SplittableRandom random) {
    long[] drawn = new long[conditional.length];
    int left = trials;
    for (int cell = 0; cell < drawn.length - 1 && left > 0; cell++) {
      double probability = conditional[cell];
      int count =
          ofCell[cell]
              .computeIfAbsent(left, of -> Inversion.of(of, probability))
              .draw(random.nextDouble());
      drawn[cell] = count;
      left -= count;
    }
    drawn[drawn.length - 1] = left;
    return drawn;
  }
}
