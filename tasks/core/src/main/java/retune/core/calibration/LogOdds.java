package retune.core.calibration;

import java.util.function.DoubleUnaryOperator;

/** Log-odds, logits and probabilities. */
public final class LogOdds {
  /**
   * How close log-odds may lie to a threshold and still be told apart: 2⁻³⁰, relative above 1. The
   * logits are float32, whose neighbours are 2⁻²⁴ apart.
   */
  static final double RESOLUTION = 0x1p-30;

  /** What rounding changes at most when a threshold is turned into log-odds and back. */
  static final double ROUNDING = 0x1p-50;

  /** Log-odds beyond which a probability is exactly 0 or 1. */
  private static final double EXTREME = 800;

  private static final double SMALLEST = Math.log(Double.MIN_VALUE);

  private LogOdds() {}

  /** The probability with these log-odds, to the bit what {@link #softmax} makes of them. */
  static double probability(double logOdds) {
    if (logOdds >= 0) {
      return 1 / (Math.exp(-logOdds) + 1);
    }
    double odds = Math.exp(logOdds);
    return odds / (odds + 1);
  }

  static double of(double probability) {
    return Math.log(probability) - Math.log1p(-probability);
  }

  /** The natural logarithm of a probability; that of 0 is as of the smallest double above it. */
  static double logarithm(double probability) {
    return Math.max(SMALLEST, Math.log(probability));
  }

  /** The smallest log-odds whose probability is at least the given one, which is above 0. */
  static double reaching(double probability) {
    return reaching(probability, logOdds -> logOdds);
  }

  /**
   * The smallest log-odds that a rising curve takes to at least the given probability, which is
   * above 0.
   */
  static double reaching(double probability, DoubleUnaryOperator curve) {
    double below = -EXTREME;
    double reaching = EXTREME;
    double middle = (below + reaching) / 2;
    while (below < middle && middle < reaching) {
      if (probability(curve.applyAsDouble(middle)) >= probability) {
        reaching = middle;
      } else {
        below = middle;
      }
      middle = (below + reaching) / 2;
    }
    return reaching;
  }

  /** Replaces logits by their softmax; subtracts the greatest first, so that none overflows. */
  public static void softmax(double[] logits) {
    double greatest = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      greatest = Math.max(greatest, logit);
    }
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      logits[i] = Math.exp(logits[i] - greatest);
      sum += logits[i];
    }
    for (int i = 0; i < logits.length; i++) {
      logits[i] /= sum;
    }
  }
}
