package retune.core.judgement;

import java.util.Locale;

/**
 * What may be lost on ordinary rows.
 *
 * @param limit how much the gate's metric may fall there, 0 … 1
 */
public record Retention(double limit, OnConflict onConflict) {
  /** What happens to a candidate that is better on the day and loses more than the limit. */
  public enum OnConflict {
    /** It is promoted, and the verdict says what is lost. */
    PROMOTE,
    /** The champion stays. */
    HOLD,
    /** A person is asked whether it is promoted. */
    ASK;

    /** The name in documents and loop files: {@code hold}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The value of that {@link #id}. */
    public static OnConflict ofId(String id) {
      return valueOf(id.toUpperCase(Locale.ROOT));
    }
  }

  /**
   * Compares the two on ordinary rows.
   *
   * @param ordinary both on rows of other days that neither was trained on
   * @param where names these rows, for the sentence
   */
  public Check check(Comparison ordinary, String where) {
    Bound bound = Bound.ofDifference(ordinary, ordinary.gate().metric(), -limit);
    double candidate = ordinary.gate().metric().of(ordinary.candidate());
    double champion = ordinary.gate().metric().of(ordinary.champion());
    boolean kept = bound.value() >= -limit;
    Check check =
        bound.check(
            "retention",
            ordinary.candidate().rows(),
            "But on the %,d ordinary rows of %s the candidate has %s and the champion %s; %s may be lost"
                .formatted(
                    ordinary.candidate().rows(),
                    where,
                    Check.fourDecimals(candidate),
                    Check.fourDecimals(champion),
                    limit));
    if (kept) {
      Check passed = check.answered(Check.Answer.PASSED);
      return onConflict == OnConflict.PROMOTE ? passed.advisory() : passed;
    }
    return switch (onConflict) {
      case PROMOTE -> check.answered(Check.Answer.FAILED).advisory();
      case HOLD -> check.answered(Check.Answer.FAILED);
      case ASK -> check.answered(Check.Answer.ASKED);
    };
  }
}
