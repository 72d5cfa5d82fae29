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

  /** What is left of a sum of squares by rounding alone. */
  private static final double ROUNDING = 1e-12;

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

  /**
   * The score of each value by the spread of the others. The observed value is not among the values
   * that it is compared with, either: by a spread that it is part of, a value looks less rare, and
   * the limit would be too low.
   */
  static double[] scores(double[] values) {
    int others = values.length - 1;
    double mean = 0;
    for (double value : values) {
      mean += value / values.length;
    }
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    double[] scores = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      double deviation = values[i] - mean;
      double left = squares - deviation * deviation * values.length / others;
      double variance = left > ROUNDING * squares ? left / (others - 1) : 0;
      double ofOthers = mean - deviation / others;
      boolean isZero = ofOthers <= ROUNDING * values[i];
      Spread spread =
          isZero ? new Spread(0, 0) : new Spread(ofOthers, variance / (9 * ofOthers * ofOthers));
      scores[i] = spread.score(values[i]);
    }
    return scores;
  }

  /** About a standard normal number (Wilson and Hilferty, 1931); the larger, the rarer. */
  double score(double value) {
    if (ninth < 1e-18) {
      return value > mean * (1 + 1e-9) + 1e-12 ? BEYOND_CHANCE : -BEYOND_CHANCE;
    }
    double score = (Math.cbrt(value / mean) - (1 - ninth)) / Math.sqrt(ninth);
    // Of values that are nearly always 0, the approximation takes 0 itself for a rare one.
    return value <= mean ? Math.min(0, score) : score;
  }

  /** The value of that score. */
  double value(double score) {
    double root = 1 - ninth + score * Math.sqrt(ninth);
    return mean * Math.max(1, root * root * root);
  }
}
