package retune.core.drift;

import org.apache.commons.statistics.distribution.NormalDistribution;

/** Distances of two distributions, by bins or by the values of two samples. */
public final class Distances {
  /** A share below this counts as this, so that an empty bin has a finite logarithm. */
  static final double LEAST_SHARE = 1e-4;

  private static final double LN_2 = Math.log(2);

  /** Terms of Kolmogorov's series; those after it are below the precision of a double. */
  private static final int TERMS = 100;

  private Distances() {}

  /**
   * The population stability index: the sum over bins of {@code (p − q) · ln(p / q)}; 0 for equal
   * distributions. Shares below 0.0001 count as 0.0001, as in most published code.
   *
   * @param first counts by bin; their sum is above 0
   * @param second counts of the other sample in the same bins
   */
  public static double psi(long[] first, long[] second) {
    double firstRows = sum(first);
    double secondRows = sum(second);
    double psi = 0;
    for (int bin = 0; bin < first.length; bin++) {
      double p = Math.max(LEAST_SHARE, first[bin] / firstRows);
      double q = Math.max(LEAST_SHARE, second[bin] / secondRows);
      psi += p == q ? 0 : (p - q) * Math.log(p / q);
    }
    return psi;
  }

  /**
   * The Jensen–Shannon divergence with the logarithm to base 2 (Lin, 1991): from 0 for equal
   * distributions to 1 for those without a common bin.
   */
  public static double jensenShannon(long[] first, long[] second) {
    double firstRows = sum(first);
    double secondRows = sum(second);
    double divergence = 0;
    for (int bin = 0; bin < first.length; bin++) {
      double p = first[bin] / firstRows;
      double q = second[bin] / secondRows;
      double middle = (p + q) / 2;
      divergence += term(p, middle) + term(q, middle);
    }
    return Math.max(0, divergence / (2 * LN_2));
  }

  private static double term(double share, double middle) {
    return share == 0 ? 0 : share * Math.log(share / middle);
  }

  /** The greatest difference of two distribution functions at the bins' upper ends. */
  static double kolmogorovSmirnov(long[] first, long[] second) {
    double firstRows = sum(first);
    double secondRows = sum(second);
    double difference = 0;
    double greatest = 0;
    for (int bin = 0; bin < first.length; bin++) {
      difference += first[bin] / firstRows - second[bin] / secondRows;
      greatest = Math.max(greatest, Math.abs(difference));
    }
    return greatest;
  }

  /**
   * The Wasserstein distance of two distributions whose values stand in one place in each bin.
   *
   * @param steps distance from each bin's place to the next; one less than the bins
   */
  static double wasserstein(long[] first, long[] second, double[] steps) {
    double firstRows = sum(first);
    double secondRows = sum(second);
    double difference = 0;
    double distance = 0;
    for (int bin = 0; bin < steps.length; bin++) {
      difference += first[bin] / firstRows - second[bin] / secondRows;
      distance += Math.abs(difference) * steps[bin];
    }
    return distance;
  }

  /**
   * The two-sample Kolmogorov–Smirnov statistic: the greatest difference of the two empirical
   * distribution functions, 0 … 1.
   *
   * @param first ascending, at least one value
   * @param second ascending, at least one value
   */
  public static double kolmogorovSmirnov(float[] first, float[] second) {
    double greatest = 0;
    int i = 0;
    int j = 0;
    while (i < first.length && j < second.length) {
      float value = Math.min(first[i], second[j]);
      while (i < first.length && first[i] == value) {
        i++;
      }
      while (j < second.length && second[j] == value) {
        j++;
      }
      double difference = (double) i / first.length - (double) j / second.length;
      greatest = Math.max(greatest, Math.abs(difference));
    }
    return greatest;
  }

  /**
   * The p-value of a Kolmogorov–Smirnov statistic alone, by its limit distribution with Stephens'
   * correction for few rows (1970). With tied values it is too large, never too small.
   */
  public static double kolmogorovPValue(double statistic, int firstRows, int secondRows) {
    double root = Math.sqrt((double) firstRows * secondRows / ((double) firstRows + secondRows));
    double at = (root + 0.12 + 0.11 / root) * statistic;
    if (at < 0.2) {
      return 1;
    }
    double tail = 0;
    for (int term = 1; term <= TERMS; term++) {
      double size = Math.exp(-2.0 * term * term * at * at);
      tail += term % 2 == 1 ? size : -size;
    }
    return Math.clamp(2 * tail, 0, 1);
  }

  /**
   * The Wasserstein distance of two samples, in the unit of the values: the area between their
   * distribution functions.
   *
   * @param first ascending, at least one value
   * @param second ascending, at least one value
   */
  public static double wasserstein(float[] first, float[] second) {
    double distance = 0;
    int i = 0;
    int j = 0;
    double before = Math.min(first[0], second[0]);
    while (i < first.length || j < second.length) {
      boolean isFirst = j == second.length || (i < first.length && first[i] <= second[j]);
      double value = isFirst ? first[i] : second[j];
      double difference = (double) i / first.length - (double) j / second.length;
      distance += Math.abs(difference) * (value - before);
      before = value;
      if (isFirst) {
        i++;
      } else {
        j++;
      }
    }
    return distance;
  }

  /**
   * The signed root of the likelihood ratio of two shares: about a standard normal number where the
   * true shares are equal (Wilks, 1938).
   */
  static double score(long firstHits, long firstRows, long secondHits, long secondRows) {
    double rows = (double) firstRows + secondRows;
    double hits = (double) firstHits + secondHits;
    double ratio =
        entropy(firstHits, firstRows * hits / rows)
            + entropy(secondHits, secondRows * hits / rows)
            + entropy(firstRows - firstHits, firstRows * (rows - hits) / rows)
            + entropy(secondRows - secondHits, secondRows * (rows - hits) / rows);
    return Math.sqrt(Math.max(0, 2 * ratio));
  }

  private static double entropy(long found, double expected) {
    return found == 0 ? 0 : found * Math.log(found / expected);
  }

  /** Half the width of the 95 % interval of a number with this standard error. */
  static double reach(double standardError) {
    return NormalDistribution.of(0, 1).inverseSurvivalProbability(0.025) * standardError;
  }

  static long sum(long[] counts) {
    long sum = 0;
    for (long count : counts) {
      sum += count;
    }
    return sum;
  }
}
