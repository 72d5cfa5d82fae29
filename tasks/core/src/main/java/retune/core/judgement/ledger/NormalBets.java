package retune.core.judgement.ledger;

import java.util.Arrays;

/**
 * Bets against the hypothesis that the mean of a normal estimate with a known standard error is at
 * least a limit: {@code exp(λz − λ²/2)} with {@code z = (limit − estimate) / standard error} is an
 * e-value for each λ. Valid asymptotically, because the standard error is estimated.
 */
final class NormalBets {
  private NormalBets() {}

  /** The log wealth of each bet after a day. */
  static double[] logWealth(double estimate, double standardError, double limit) {
    double z = (limit - estimate) / standardError;
    return Arrays.stream(TangentBets.STAKES).map(stake -> stake * z - stake * stake / 2).toArray();
  }
}
