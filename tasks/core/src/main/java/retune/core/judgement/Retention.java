package retune.core.judgement;

import java.util.Locale;
import retune.core.metrics.Metric;

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

  /** Says how a loop refuses what {@link OnConflict#PROMOTE} tells. */
  static final String ADVICE =
      "To keep such a version out, set gate.on_conflict to hold, or to ask to decide yourself.";

  /**
   * Compares the two on other rows than the judged ones.
   *
   * @param ordinary both on rows that neither was trained on
   * @param name the check's
   * @param which the rows, for the sentence: {@code ordinary rows of credit-default/2026-11-05}
   */
  public Check check(Comparison ordinary, String name, String which) {
    Metric metric = ordinary.gate().metric();
    Bound bound = Bound.ofDifference(ordinary, metric, -limit);
    if (Double.isNaN(bound.value())) {
      return Check.unanswered(
          name, -limit, "%s is not defined on the %s".formatted(metric.id(), which));
    }
    boolean kept = bound.value() >= -limit;
    Check check =
        bound.check(
            name,
            ordinary.candidate().rows(),
            "on the %,d %s the candidate has %s, %s %s the %s's %s; %s may be lost"
                .formatted(
                    ordinary.candidate().rows(),
                    which,
                    Check.fourDecimals(metric.of(ordinary.candidate())),
                    Check.fourDecimals(Math.abs(bound.value())),
                    bound.value() < 0 ? "below" : "above",
                    ordinary.opponent(),
                    Check.fourDecimals(metric.of(ordinary.champion())),
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
