package retune.core.preprocessing;

/**
 * A column of numbers; gives one numeric feature.
 *
 * @param fill what stands in for a missing value, before scaling: the median in training
 * @param reason why the column is taken as numeric, for people
 */
public record NumericColumn(
    String name, Scaling scaling, double fill, MissingValues missing, String reason) {
  /** A column that is taken as it is, for models whose preprocessing happens elsewhere. */
  public static NumericColumn asIs(String name) {
    return new NumericColumn(name, Scaling.NONE, 0, MissingValues.REJECT, "taken as it is");
  }
}
