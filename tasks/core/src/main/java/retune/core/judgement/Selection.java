package retune.core.judgement;

import java.util.Locale;

/** How one of several attempts at fine-tuning becomes the candidate. */
public enum Selection {
  /** Each attempt is judged on the hold-out; the first that passes is the candidate. */
  FIRST_PASSING,
  /**
   * The best attempt on the validation rows is the candidate, or the first that chance may have put
   * behind it; it alone is judged on the hold-out.
   */
  BEST_ON_VALIDATION;

  /** The name in documents and loop files: {@code first_passing}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The selection of that {@link #id}. */
  public static Selection ofId(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }

  /** How many verdicts at most one hold-out gives a run. */
  public int verdicts(int maxAttempts) {
    return switch (this) {
      case FIRST_PASSING -> maxAttempts;
      case BEST_ON_VALIDATION -> 1;
    };
  }
}
