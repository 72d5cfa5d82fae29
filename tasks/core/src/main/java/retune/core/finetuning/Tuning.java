package retune.core.finetuning;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * The settings that trials of a retraining vary, as a random search (Bergstra and Bengio, 2012).
 *
 * @param learningRateFactor what the step size of a network is multiplied by
 * @param batchSizeFactor what its rows per step are multiplied by
 * @param growth how trees are boosted
 */
public record Tuning(double learningRateFactor, double batchSizeFactor, Growth growth) {
  public static final Tuning DEFAULT = new Tuning(1, 1, Growth.DEFAULT);

  /** The most trials of a candidate. */
  public static final int MOST_TRIALS = 20;

  private static final int[] DEPTHS = {2, 3, 4, 5, 6, 8};
  private static final int[] LEAST_WEIGHTS = {1, 2, 5, 10, 20};
  private static final int[] L2 = {1, 2, 5, 10, 20};

  /**
   * The settings of a trial: the default ones first, then drawn ones. Rates are drawn evenly on the
   * logarithm, step size 1/8 to 8 times, boosting's step 0.07 to 0.2.
   *
   * @param trial from 1
   * @param seed random seed; the same gives the same
   */
  public static Tuning ofTrial(int trial, long seed) {
    if (trial == 1) {
      return DEFAULT;
    }
    RandomGenerator random = new SplittableRandom(seed + trial);
    return new Tuning(
        between(random, 0.125, 8),
        Math.pow(2, random.nextInt(3) - 1),
        new Growth(
            between(random, 0.07, 0.2),
            one(random, DEPTHS),
            one(random, LEAST_WEIGHTS),
            one(random, L2),
            random.nextDouble(0.6, 1)));
  }

  private static double between(RandomGenerator random, double low, double high) {
    return low * Math.pow(high / low, random.nextDouble());
  }

  private static int one(RandomGenerator random, int[] values) {
    return values[random.nextInt(values.length)];
  }
}
