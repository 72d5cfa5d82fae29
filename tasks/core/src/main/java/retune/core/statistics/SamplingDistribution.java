package retune.core.statistics;

/** How an estimate would vary from sample to sample, and what that says of the true value. */
public sealed interface SamplingDistribution permits Bootstrap, NormalApproximation {
  /** The value on the rows as they are. */
  double estimate();

  /**
   * The confidence interval with equal tails.
   *
   * @param confidence nominal coverage, 0 … 1
   */
  Interval interval(double confidence);

  /**
   * The p-value of the hypothesis that the true value is the given one: the level at which an end
   * of the interval meets it.
   */
  double pValue(double value);
}
