package retune.core.judgement.ledger;

import java.util.Arrays;

/**
 * Bets against the hypothesis that a share is at least a limit, exact for any number of rows.
 *
 * <p>A row that counts gains {@code 1 − limit} when it is right and loses {@code limit} when it is
 * wrong, and the hypothesis says that the mean gain is not negative. A bet of the stake λ
 * multiplies its wealth by {@code 1 − λ · gain}, so the wealth is an e-value (Waudby-Smith &amp;
 * Ramdas, 2023, "Estimating means of bounded random variables by betting"). Each stake is fixed
 * beforehand and positive wealth is certain: λ is {@code (limit − q) / (limit · (1 − limit))} for a
 * share {@code q} below the limit, which makes the wealth the likelihood ratio of the two shares.
 * The order of the rows does not matter. Several shares are bet on at once, as in section B.3
 * there.
 */
final class ShareBets {
  /** How far the log odds of the shares that are bet on lie below those of the limit. */
  private static final double[] FALLS = {1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2, 1};

  private static final double GREATEST_LIMIT = 1 - 1e-9;

  private ShareBets() {}

  /**
   * The log wealth of each bet after a day.
   *
   * @param right rows that count and are right
   * @param wrong rows that count and are wrong
   * @param limit the least share of right rows by the hypothesis, 0 … 1
   */
  static double[] logWealth(long right, long wrong, double limit) {
    if (limit <= 0) {
      return new double[FALLS.length];
    }
    double share = Math.min(limit, GREATEST_LIMIT);
    double odds = share / (1 - share);
    return Arrays.stream(FALLS)
        .map(
            fall -> {
              double lower = odds * Math.exp(-fall);
              double ofRight = Math.log(lower / (1 + lower) / share);
              double ofWrong = -Math.log((1 + lower) * (1 - share));
              return right * ofRight + wrong * ofWrong;
            })
        .toArray();
  }
}
