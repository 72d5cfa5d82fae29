package retune.core.drift;

/**
 * How a statistic that is at least 0 spreads by chance, as a gamma distribution of the mean and
 * variance of its values on redivided rows. It puts statistics of different kinds on one scale, on
 * which the greatest of a day is compared with the greatest of each redivision: the rate of false
 * alarms rests on that comparison, and not on the gamma distribution.
 *
 * @param mean of the values
 * @param ninth of the squared coefficient of variation; 0 where all values are equal
 */
record Spread(double mean, double ninth) {
  /** The score of a statistic that moves where chance does not move it. */
  private static final double BEYOND_CHANCE = 40;

  static Spread of(double[] values) {
    double mean = 0;
    for (double value : values) {
      mean += value / values.length;
    }
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    double variance = squares / (values.length - 1);
    return new Spread(mean, mean > 0 ? variance / (9 * mean * mean) : 0);
  }

  /** About a standard normal number (Wilson and Hilferty, 1931); the larger, the rarer. */
  double score(double value) {
    if (ninth < 1e-18) {
      return value > mean * (1 + 1e-9) + 1e-12 ? BEYOND_CHANCE : -BEYOND_CHANCE;
    }
    return (Math.cbrt(value / mean) - (1 - ninth)) / Math.sqrt(ninth);
  }

  /** The value of that score. */
  double value(double score) {
    double root = 1 - ninth + score * Math.sqrt(ninth);
    return mean * Math.max(0, root * root * root);
  }
}
