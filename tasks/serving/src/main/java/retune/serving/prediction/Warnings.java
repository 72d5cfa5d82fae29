package retune.serving.prediction;

import java.util.List;
import retune.core.preprocessing.Outcome;

/**
 * What a caller should know about how a row was read.
 *
 * @param first the warnings, at most {@value #MOST}
 * @param leftOut number of further ones
 */
public record Warnings(List<Warning> first, int leftOut) {
  /** Maximum number of warnings that a row's answer states. */
  static final int MOST = 10;

  static final Warnings NONE = new Warnings(List.of(), 0);

  /**
   * A number is far outside if it is more than this many scales away from its center: interquartile
   * ranges and the median of the training rows. In the example, one training row of 130 has such a
   * number, because its payments have a long tail.
   */
  static final int FAR_OUTSIDE = 50;

  /**
   * One warning.
   *
   * @param kind an {@link Outcome}, or {@code far_outside}
   * @param column the raw column
   * @param message a sentence
   */
  public record Warning(String kind, String column, String message) {
    /** A value that a rule of the preprocessing replaced. */
    static Warning of(Outcome outcome, String column) {
      String message =
          switch (outcome) {
            case IMPUTED ->
                "'%s' has no value; the model reads the one that training chose for this case.";
            case UNSEEN_CATEGORY ->
                "The training rows did not have the value in '%s'; the model reads it as 'other'.";
            case RARE_CATEGORY ->
                "Too few training rows had the value in '%s'; the model reads it as 'other'.";
            case UNKNOWN_CODE ->
                "The code in '%s' is missing or unknown; the model reads its code for the unknown.";
            case CLIPPED, EXTRA_COLUMN, WRONG_TYPE, INFINITE, MISSING_VALUE, UNKNOWN_LABEL ->
                throw new IllegalArgumentException(outcome + " in " + column);
          };
      return new Warning(outcome.id(), column, message.formatted(column));
    }

    /** A text that is not read as it is. */
    static Warning ofText(Outcome outcome, String column) {
      return new Warning(
          outcome.id(),
          column,
          (outcome == Outcome.CLIPPED
                  ? "The text in '%s' has more known words than the model reads; it ignores the"
                      + " last ones."
                  : "The model knows none of the words in '%s'.")
              .formatted(column));
    }

    static Warning farOutside(String column) {
      return new Warning(
          "far_outside",
          column,
          "The value in '%s' is more than %d interquartile ranges away from the median of the training rows."
              .formatted(column, FAR_OUTSIDE));
    }
  }

  public Warnings {
    first = List.copyOf(first);
  }
}
