package retune.core.statistics;

/**
 * A confidence interval.
 *
 * @param low lower end, in the unit of the estimated value
 * @param high upper end, at least {@code low}
 * @param confidence nominal coverage, 0 … 1
 */
public record Interval(double low, double high, double confidence) {
  /** Whether the value lies inside, ends included. */
  public boolean contains(double value) {
    return low <= value && value <= high;
  }
}
