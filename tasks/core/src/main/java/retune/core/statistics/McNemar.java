package retune.core.statistics;

import org.apache.commons.statistics.distribution.BinomialDistribution;
import retune.core.metrics.Predictions;

/**
 * How two classifiers differ on the same rows (McNemar, 1947).
 *
 * @param lost rows that the first answers rightly and the second wrongly
 * @param gained rows that the first answers wrongly and the second rightly
 * @param rows all rows
 */
public record McNemar(int lost, int gained, int rows) {
  private static final double HALF = 0.5;

  /** Counts on rows that both have answered, in the same order. */
  public static McNemar of(Predictions first, Predictions second) {
    int lost = 0;
    int gained = 0;
    for (int row = 0; row < first.rows(); row++) {
      int label = first.labels()[row];
      boolean firstIsRight = first.answer(row) == label;
      boolean secondIsRight = second.answer(row) == label;
      lost += firstIsRight && !secondIsRight ? 1 : 0;
      gained += !firstIsRight && secondIsRight ? 1 : 0;
    }
    return new McNemar(lost, gained, first.rows());
  }

  /** The share of all rows that the second answers wrongly and the first did not. */
  public double lostShare() {
    return (double) lost / rows;
  }

  /**
   * The exact two-sided p-value of the hypothesis that both err equally often: given the rows on
   * which one alone errs, the lost ones are binomial with probability ½. 1 where there is none.
   */
  public double pValue() {
    int differing = lost + gained;
    if (differing == 0) {
      return 1;
    }
    return Math.min(
        1,
        2 * BinomialDistribution.of(differing, HALF).cumulativeProbability(Math.min(lost, gained)));
  }
}
