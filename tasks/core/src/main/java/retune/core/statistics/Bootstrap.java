package retune.core.statistics;

import java.util.Arrays;
import org.apache.commons.statistics.distribution.NormalDistribution;

/**
 * The bootstrap distribution of an estimate (Efron, 1979), and what it says of the true value by
 * BCa, the bias-corrected and accelerated method (Efron, 1987; Davison &amp; Hinkley, 1997, section
 * 5.3.2, whose interpolation between order statistics is used).
 *
 * @param estimate the value on the rows as they are
 * @param sorted the values on resampled rows, ascending, at least 100; none is NaN
 * @param acceleration see {@link Influence#acceleration}
 */
public record Bootstrap(double estimate, double[] sorted, double acceleration)
    implements SamplingDistribution {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);
  private static final int LEAST = 100;

  public Bootstrap {
    if (sorted.length < LEAST) {
      throw new IllegalArgumentException(sorted.length + " resamples; take at least " + LEAST);
    }
    if (Double.isNaN(sorted[sorted.length - 1])) {
      throw new IllegalArgumentException("the estimate is not defined on every resample");
    }
  }

  /** The distribution of values in any order. */
  static Bootstrap of(double estimate, double[] values, double acceleration) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Bootstrap(estimate, sorted, acceleration);
  }

  /** The standard deviation of the resampled values. */
  public double standardError() {
    double mean = Arrays.stream(sorted).average().orElseThrow();
    double squares = Arrays.stream(sorted).map(value -> (value - mean) * (value - mean)).sum();
    return Math.sqrt(squares / (sorted.length - 1));
  }

  /**
   * The BCa interval with equal tails.
   *
   * @param confidence nominal coverage, 0 … 1
   */
  @Override
  public Interval interval(double confidence) {
    double tail = (1 - confidence) / 2;
    return new Interval(bound(tail), bound(1 - tail), confidence);
  }

  /**
   * A one-sided BCa bound: the true value lies below it with the given probability.
   *
   * @param probability 0 … 1; 0.05 gives the lower 95 % bound
   */
  public double bound(double probability) {
    if (sorted[0] == sorted[sorted.length - 1]) {
      return sorted[0];
    }
    double bias = bias();
    double z = bias + NORMAL.inverseCumulativeProbability(probability);
    return quantile(NORMAL.cumulativeProbability(bias + z / (1 - acceleration * z)));
  }

  /**
   * The p-value of the hypothesis that the true value is at most a limit: the level at which the
   * one-sided lower bound meets it.
   */
  public double pValueAbove(double limit) {
    if (sorted[0] == sorted[sorted.length - 1]) {
      return sorted[0] > limit ? 0 : 1;
    }
    double bias = bias();
    double fromBias = normalQuantileOf(limit) - bias;
    return NORMAL.cumulativeProbability(fromBias / (1 + acceleration * fromBias) - bias);
  }

  /**
   * The p-value of the hypothesis that the true value is the given one: the level at which an end
   * of the interval meets it.
   */
  @Override
  public double pValue(double value) {
    if (sorted[0] == sorted[sorted.length - 1]) {
      return sorted[0] == value ? 1 : 0;
    }
    double above = pValueAbove(value);
    return Math.min(1, 2 * Math.min(above, 1 - above));
  }

  /** The normal quantile of the share of resampled values below the estimate. */
  private double bias() {
    return normalQuantileOf(estimate);
  }

  /** The normal quantile of the share of resampled values below a value; ties count half. */
  private double normalQuantileOf(double value) {
    double share = MidRanks.twice(sorted, value) / 2.0 / sorted.length;
    // The true share of an empirical 0 or 1 is not known better than to half a resample.
    double least = 0.5 / sorted.length;
    return NORMAL.inverseCumulativeProbability(Math.clamp(share, least, 1 - least));
  }

  /** Interpolates between order statistics on the scale of normal quantiles. */
  private double quantile(double share) {
    double rank = (sorted.length + 1) * share;
    int below = (int) Math.floor(rank);
    if (below < 1) {
      return sorted[0];
    }
    if (below >= sorted.length) {
      return sorted[sorted.length - 1];
    }
    double low = sorted[below - 1];
    double high = sorted[below];
    if (rank == below) {
      return low;
    }
    double at = NORMAL.inverseCumulativeProbability(share);
    double from = NORMAL.inverseCumulativeProbability(below / (sorted.length + 1.0));
    double to = NORMAL.inverseCumulativeProbability((below + 1) / (sorted.length + 1.0));
    return low + (at - from) / (to - from) * (high - low);
  }
}
