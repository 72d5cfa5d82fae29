package retune.core.preprocessing;

/** What becomes of a missing value. */
public enum MissingValues {
  /** The fitted value takes its place; training rows had none missing. */
  IMPUTE,
  /**
   * The fitted value takes its place and a feature {@code NAME_missing} of two codes says so (1:
   * missing); training rows had some missing.
   */
  INDICATE,
  /** The row is rejected. */
  REJECT
}
