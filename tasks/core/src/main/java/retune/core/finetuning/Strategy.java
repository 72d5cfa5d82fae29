package retune.core.finetuning;

import java.util.List;
import java.util.Locale;
import retune.core.InvalidInputException;

/**
 * A named way to train a candidate. Every attempt starts from the champion.
 *
 * <p>The name stands in loop files and in a version's lineage.
 */
public enum Strategy {
  /** The classifier head only, encoder frozen. */
  HEAD,
  /** The head only, for longer and with larger steps; the decision threshold is chosen anew. */
  HEAD_LONG,
  /** The whole network, or {@link #HEAD_NEW} where the encoder cannot be trained. */
  FULL,
  /** A new head with random weights on the frozen encoder. */
  HEAD_NEW,
  /** The whole network from random weights, for the rows of many days. */
  SCRATCH,
  /**
   * Boosted trees on the day's columns, beside or after the champion; on the day's rows and as many
   * of ordinary days, or on the day's alone where these are surely better for it.
   */
  TREES,
  /** The same, always with rows of ordinary days. */
  TREES_REPLAY,
  /** No training: corrects the probabilities for the shares of the classes. */
  PRIOR,
  /** No training: chooses the decision threshold anew. */
  THRESHOLD;

  /** The most attempts of a day. */
  public static final int MOST_ATTEMPTS = 8;

  /** The attempts of a loop that names none. */
  public static final List<Strategy> PUBLISHED = List.of(HEAD, HEAD_LONG, FULL);

  /** Whether a {@link Tuning} changes what it gives. */
  public boolean hasSettings() {
    return switch (this) {
      case HEAD, HEAD_LONG, FULL, HEAD_NEW, SCRATCH, TREES, TREES_REPLAY -> true;
      case PRIOR, THRESHOLD -> false;
    };
  }

  /** The name: {@code head_long}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The strategy of that {@link #id}. */
  public static Strategy ofId(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }

  /**
   * The strategy of an attempt that names none.
   *
   * @param attempt from 1
   * @throws InvalidInputException if it needs a name
   */
  public static Strategy ofAttempt(int attempt) {
    if (attempt < 1 || attempt > PUBLISHED.size()) {
      throw new InvalidInputException(
          "Attempt %d has no strategy of its own; name one with --strategy.".formatted(attempt));
    }
    return PUBLISHED.get(attempt - 1);
  }
}
