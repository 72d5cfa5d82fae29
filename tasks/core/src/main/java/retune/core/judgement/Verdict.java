package retune.core.judgement;

import java.util.List;
import java.util.Locale;
import retune.core.metrics.Metric;

/**
 * The decision on a model, with the numbers behind it.
 *
 * @param metric the gate's
 * @param value the model's value of it
 * @param threshold the least value that passes
 * @param checks what was asked of the rows, in the order in which it is told
 * @param reason as a sentence
 */
public record Verdict(
    Kind kind, Metric metric, double value, double threshold, List<Check> checks, String reason) {
  public Verdict {
    checks = List.copyOf(checks);
  }

  /** Every verdict there is. */
  public enum Kind {
    /** The model passes. */
    APPROVED(Decision.PROMOTE),
    /** The model in production fails and must be fine-tuned. */
    NEEDS_RETRAINING(Decision.KEEP),
    /** The candidate must not replace the champion. */
    REJECTED(Decision.KEEP),
    /** The rows are too few to tell; the champion stays for now. */
    UNDECIDED(Decision.UNDECIDED),
    /** A person is asked whether the candidate replaces the champion, which stays for now. */
    ASKED(Decision.UNDECIDED);

    private final Decision decision;

    Kind(Decision decision) {
      this.decision = decision;
    }

    /** What the verdict on a candidate does to production. */
    public Decision decision() {
      return decision;
    }

    /** The name in documents and results: {@code needs_retraining}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The kind of that {@link #id}. */
    public static Kind ofId(String id) {
      return valueOf(id.toUpperCase(Locale.ROOT));
    }
  }

  /** What happens to production. */
  public enum Decision {
    PROMOTE,
    KEEP,
    UNDECIDED;

    /** The name in documents: {@code promote}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public boolean passed() {
    return kind == Kind.APPROVED;
  }
}
