package retune.core.judgement.ledger;

import java.util.Arrays;
import java.util.stream.IntStream;

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
  /** A function of cell probabilities. */
  interface Function {
    /** Its value. */
    double value(double[] shares);

    /** The influence of a row of each cell; their mean, weighted by the shares, is 0. */
    double[] influences(double[] shares);
  }

  /** Stakes, in units of one over the standard deviation of the day's sum of influences. */
  static final double[] STAKES = {0.25, 0.5, 1, 2, 4};

  /** The most that a row may cost, as a share of the wealth. */
  private static final double GREATEST_LOSS = 0.5;

  /** Added to the counts, in rows for all cells together. */
  private static final double SMOOTHING = 2;

  private static final double GREATEST_LIMIT = 0.999;
  private static final double GREATEST_TILT = 60;
  private static final int ROUNDS = 100;
  private static final double PRECISION = 1e-12;

  private TangentBets() {}

  /**
   * The log wealth of each bet after a day.
   *
   * @param counts rows of each cell
   * @param limit the function's least value by the hypothesis
   */
  static double[] logWealth(long[] counts, Function function, double limit) {
    double rows = Arrays.stream(counts).sum();
    double each = SMOOTHING / counts.length;
    double[] smoothed =
        Arrays.stream(counts).mapToDouble(count -> (count + each) / (rows + SMOOTHING)).toArray();
    double[] shares = tilt(smoothed, function, Math.min(limit, GREATEST_LIMIT));
    double[] influences = function.influences(shares);
    double deviation =
        Math.sqrt(sum(cell -> shares[cell] * influences[cell] * influences[cell], counts.length));
    if (deviation == 0 || rows == 0) {
      return new double[STAKES.length];
    }
    double greatest = GREATEST_LOSS / Arrays.stream(influences).max().orElseThrow();
    return Arrays.stream(STAKES)
        .map(stake -> Math.min(stake / (deviation * Math.sqrt(rows)), greatest))
        .map(stake -> sum(cell -> logWealth(counts[cell], stake * influences[cell]), counts.length))
        .toArray();
  }

  private static double logWealth(long rows, double cost) {
    return rows == 0 ? 0 : rows * Math.log1p(-cost);
  }

  /** The shares, tilted along the influences until the function equals the limit. */
  private static double[] tilt(double[] shares, Function function, double limit) {
    double[] influences = function.influences(shares);
    double reach = 0;
    double slope = 0;
    for (int cell = 0; cell < shares.length; cell++) {
      reach = Math.max(reach, Math.abs(influences[cell]));
      slope += shares[cell] * influences[cell] * influences[cell];
    }
    double excess = function.value(shares) - limit;
    if (slope == 0 || excess == 0) {
      return shares;
    }
    double[] ends = {0, excess};
    double greatest = GREATEST_TILT / reach;
    double tilt = Math.clamp(-excess / slope, -greatest, greatest);
    double beyond = function.value(tilted(shares, influences, tilt)) - limit;
    while (beyond * excess > 0 && Math.abs(tilt) < greatest) {
      ends = new double[] {tilt, beyond};
      tilt = Math.clamp(2 * tilt, -greatest, greatest);
      beyond = function.value(tilted(shares, influences, tilt)) - limit;
    }
    return beyond * excess > 0
        ? tilted(shares, influences, tilt)
        : root(shares, influences, function, limit, ends, new double[] {tilt, beyond});
  }

  /** The Illinois method, between a tilt on each side of the limit. */
  private static double[] root(
      double[] shares,
      double[] influences,
      Function function,
      double limit,
      double[] first,
      double[] second) {
    double oneTilt = first[0];
    double one = first[1];
    double lastTilt = second[0];
    double last = second[1];
    for (int round = 0; round < ROUNDS && Math.abs(last) > PRECISION; round++) {
      double tilt = lastTilt - last * (lastTilt - oneTilt) / (last - one);
      double excess = function.value(tilted(shares, influences, tilt)) - limit;
      if (excess * last <= 0) {
        oneTilt = lastTilt;
        one = last;
      } else {
        one /= 2;
      }
      lastTilt = tilt;
      last = excess;
    }
    return tilted(shares, influences, lastTilt);
  }

  private static double[] tilted(double[] shares, double[] influences, double tilt) {
    double[] tilted = new double[shares.length];
    double sum = 0;
    for (int cell = 0; cell < shares.length; cell++) {
      tilted[cell] = shares[cell] * Math.exp(tilt * influences[cell]);
      sum += tilted[cell];
    }
    for (int cell = 0; cell < shares.length; cell++) {
      tilted[cell] /= sum;
    }
    return tilted;
  }

  private static double sum(java.util.function.IntToDoubleFunction ofCell, int cells) {
    return IntStream.range(0, cells).mapToDouble(ofCell).sum();
  }
}
