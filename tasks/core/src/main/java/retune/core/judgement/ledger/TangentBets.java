package retune.core.judgement.ledger;

import java.util.Arrays;

/**
 * Bets against the hypothesis that a smooth function of cell probabilities is at least a limit,
 * such as macro F1 of the cells of the confusion matrix.
 *
 * <p>The day's shares, smoothed, are tilted exponentially along the function's influences (Efron,
 * 1981, "Nonparametric standard errors and confidence intervals", section 11) until the function
 * equals the limit. There the function is replaced by its tangent, whose mean is not negative by
 * the hypothesis, up to second order; a bet of the stake λ multiplies its wealth by {@code 1 − λ ·
 * influence} at each row (Waudby-Smith &amp; Ramdas, 2023). So the skewness of rare cells counts in
 * full, unlike in {@link NormalBets}. Valid asymptotically; the tests and the quiet-year benchmark
 * measure from how many rows on.
 */
final class TangentBets {
  /** A day's smoothed shares of cells, and a function of them. */
  interface Shares {
    /** The function's value. */
    double value();

    /** The greatest influence of a row of any cell, without its sign. */
    double reach();

    /** The greatest influence of a row of any cell. */
    double greatest();

    /** The mean squared influence; the mean influence is 0. */
    double variance();

    /** The shares multiplied by the exponential of their influences times the tilt. */
    Shares tilted(double tilt);

    /** The function's value of the tilted shares. */
    double valueOfTilted(double tilt);

    /** The log wealth of a bet on the tangent after the day's rows. */
    double logWealth(double stake);
  }

  /** Stakes, in units of one over the standard deviation of the day's sum of influences. */
  static final double[] STAKES = {0.25, 0.5, 1, 2, 4};

  /** Added to the counts, in rows for all cells together. */
  static final double SMOOTHING = 2;

  /** The most that a row may cost, as a share of the wealth. */
  private static final double GREATEST_LOSS = 0.5;

  private static final double GREATEST_LIMIT = 0.999;
  private static final double GREATEST_TILT = 60;
  private static final int ROUNDS = 100;
  private static final double PRECISION = 1e-12;

  private TangentBets() {}

  /**
   * The log wealth of each bet after a day.
   *
   * @param rows of the day
   * @param limit the function's least value by the hypothesis
   */
  static double[] logWealth(Shares day, long rows, double limit) {
    Shares shares = tilt(day, Math.min(limit, GREATEST_LIMIT));
    double deviation = Math.sqrt(shares.variance());
    if (deviation == 0 || rows == 0) {
      return new double[STAKES.length];
    }
    double greatest = GREATEST_LOSS / shares.greatest();
    return Arrays.stream(STAKES)
        .map(stake -> Math.min(stake / (deviation * Math.sqrt((double) rows)), greatest))
        .map(shares::logWealth)
        .toArray();
  }

  /** The shares, tilted along the influences until the function equals the limit. */
  private static Shares tilt(Shares shares, double limit) {
    double slope = shares.variance();
    double excess = shares.value() - limit;
    if (slope == 0 || excess == 0) {
      return shares;
    }
    double[] ends = {0, excess};
    double greatest = GREATEST_TILT / shares.reach();
    double tilt = Math.clamp(-excess / slope, -greatest, greatest);
    double beyond = shares.valueOfTilted(tilt) - limit;
    while (beyond * excess > 0 && Math.abs(tilt) < greatest) {
      ends = new double[] {tilt, beyond};
      tilt = Math.clamp(2 * tilt, -greatest, greatest);
      beyond = shares.valueOfTilted(tilt) - limit;
    }
    return beyond * excess > 0
        ? shares.tilted(tilt)
        : root(shares, limit, ends, new double[] {tilt, beyond});
  }

  /** The Illinois method, between a tilt on each side of the limit. */
  private static Shares root(Shares shares, double limit, double[] first, double[] second) {
    double oneTilt = first[0];
    double one = first[1];
    double lastTilt = second[0];
    double last = second[1];
    for (int round = 0; round < ROUNDS && Math.abs(last) > PRECISION; round++) {
      double tilt = lastTilt - last * (lastTilt - oneTilt) / (last - one);
      double excess = shares.valueOfTilted(tilt) - limit;
      if (excess * last <= 0) {
        oneTilt = lastTilt;
        one = last;
      } else {
        one /= 2;
      }
      lastTilt = tilt;
      last = excess;
    }
    return shares.tilted(lastTilt);
  }
}
