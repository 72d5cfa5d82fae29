package retune.core.preprocessing;

import java.util.Locale;

/**
 * What can happen to a value that is not plainly readable. Counted by column, see {@link
 * Occurrence}. A column that the data lacks is not counted: it is an {@link
 * retune.core.InvalidInputException}.
 */
public enum Outcome {
  /** Kept: a missing value (NaN is one) became the value fitted for the column. */
  IMPUTED,
  /**
   * Kept: a category that training rows did not have became the reserved code 0, or none of a
   * text's words is known.
   */
  UNSEEN_CATEGORY,
  /** Kept: a category that too few training rows had became the reserved code 0. */
  RARE_CATEGORY,
  /** Kept: a missing or impossible given code became the column's code for the unknown. */
  UNKNOWN_CODE,
  /**
   * Kept: a scaled number beyond the fitted limit became that limit, or a text with more known
   * terms than are read lost the last ones.
   */
  CLIPPED,
  /** Kept: the data has a column that training rows did not have; it is ignored. */
  EXTRA_COLUMN,
  /** Row rejected: the value is not the number, whole number or date that the column needs. */
  WRONG_TYPE,
  /** Row rejected: the number is infinite. */
  INFINITE,
  /** Row rejected: the value is missing in a column that has nothing to put in its place. */
  MISSING_VALUE,
  /** Row rejected: the label is not one of the target's classes; found where labels are read. */
  UNKNOWN_LABEL;

  /** The name in documents, results and metrics: {@code unseen_category}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
