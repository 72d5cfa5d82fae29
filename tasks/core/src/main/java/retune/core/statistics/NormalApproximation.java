package retune.core.statistics;

import org.apache.commons.statistics.distribution.NormalDistribution;

/**
 * The normal distribution that the estimate of many rows approaches.
 *
 * @param estimate the value on the rows as they are
 * @param standardError of the estimate; 0 or more
 */
public record NormalApproximation(double estimate, double standardError)
    implements SamplingDistribution {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  /** By the influences of the rows on the estimate. For the ROC AUC this is DeLong's. */
  public static NormalApproximation of(double estimate, Influence influence) {
    return new NormalApproximation(estimate, influence.standardError());
  }

  /** Of a mean over rows. */
  public static NormalApproximation ofMean(double[] values) {
    double mean = mean(values);
    double[] influences = new double[values.length];
    for (int row = 0; row < values.length; row++) {
      influences[row] = values[row] - mean;
    }
    return of(mean, new Influence(influences));
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  @Override
  public Interval interval(double confidence) {
    double reach = NORMAL.inverseSurvivalProbability((1 - confidence) / 2) * standardError;
    return new Interval(estimate - reach, estimate + reach, confidence);
  }

  @Override
  public double pValue(double value) {
    double distance = Math.abs(estimate - value);
    if (standardError == 0) {
      return distance == 0 ? 1 : 0;
    }
    return 2 * NORMAL.survivalProbability(distance / standardError);
  }
}
