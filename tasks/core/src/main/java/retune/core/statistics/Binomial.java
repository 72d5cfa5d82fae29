package retune.core.statistics;

import org.apache.commons.statistics.distribution.BinomialDistribution;

/** Binomial random numbers. */
final class Binomial {
  /** What the probabilities of the numbers not yet visited may add up to by rounding alone. */
  private static final double NEGLIGIBLE = 1e-20;

  private Binomial() {}

  /**
   * The number that a uniform one stands for, by the modal method (Kemp, 1986, <i>A modal method
   * for generating binomial variables</i>): the probabilities are added up from the mode outwards,
   * the mode first, then alternately the next number above and below, until the sum exceeds {@code
   * uniform}. Takes about as many steps as the standard deviation.
   *
   * @param trials at least 0
   * @param probability of a success, above 0 and below 1
   * @param uniform from 0 (inclusive) to 1 (exclusive)
   * @return the number of successes
   */
  static int draw(int trials, double probability, double uniform) {
    int mode = (int) Math.min(trials, (trials + 1.0) * probability);
    double atMode = BinomialDistribution.of(trials, probability).probability(mode);
    double left = uniform - atMode;
    if (left < 0) {
      return mode;
    }
    double odds = probability / (1 - probability);
    int above = mode;
    int below = mode;
    double atAbove = atMode;
    double atBelow = atMode;
    while (atAbove + atBelow > NEGLIGIBLE) {
      atAbove *= (trials - above) / (above + 1.0) * odds;
      left -= atAbove;
      if (left < 0) {
        return above + 1;
      }
      above++;
      atBelow *= below / ((trials - below + 1.0) * odds);
      left -= atBelow;
      if (left < 0) {
        return below - 1;
      }
      below--;
    }
    return mode;
  }
}
