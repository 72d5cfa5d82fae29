package retune.judgement;

import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check;
import retune.core.judgement.ledger.Superiority;
import retune.core.judgement.ledger.Superiority.Standing;

/**
 * What the days so far say of a challenger.
 *
 * @param rows of the last day
 * @param evidence null for a challenger whose place newer ones have taken
 */
public record Challenger(String modelId, long rows, @Nullable Superiority evidence) {
  static final String REPLACED = "replaced";

  /** Whether it is proved to be better than the champion. */
  public boolean isBetter() {
    return evidence != null && evidence.standing() == Standing.BETTER;
  }

  /** Whether it is dropped: no longer a challenger, and not promoted. */
  public boolean isDropped() {
    return evidence == null
        || switch (evidence.standing()) {
          case OPEN, BETTER -> false;
          case WORSE, TOO_OLD -> true;
        };
  }

  /** Where it stands, in a sentence. */
  public String sentence() {
    return evidence == null
        ? "%s is dropped: a model has at most %d challengers, and newer ones have taken its place."
            .formatted(modelId, Superiority.MOST_CHALLENGERS)
        : evidence.sentence(modelId, rows);
  }

  /** The proof that it is better, as a check of its verdict. */
  public Check proof() {
    if (evidence == null) {
      throw new IllegalStateException(modelId + " gathers no evidence");
    }
    return evidence.check(rows);
  }

  /** Where it stands, in a word: {@code better}. */
  String standing() {
    return evidence == null ? REPLACED : evidence.standing().id();
  }
}
