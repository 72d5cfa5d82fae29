package retune.core.finetuning;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * The training of one attempt at fine-tuning. Every attempt starts from the champion.
 *
 * @param epochs passes over the training rows, at least 1
 * @param learningRate step size of the optimizer, above 0
 */
public record FinetuningStrategy(Kind kind, int epochs, double learningRate) {
  /** The number of attempts; each changes more than the one before. */
  public static final int ATTEMPTS = 3;

  /** What is trained, and how many times the given epochs and learning rate. */
  public enum Kind {
    HEAD("head", 1, 1, "the classifier head only, encoder frozen"),
    HEAD_LONG(
        "head_long",
        4,
        10,
        "the classifier head only, encoder frozen, longer and faster; decision threshold chosen on"
            + " validation rows"),
    FULL("full", 1, 3, "the whole network; decision threshold chosen on validation rows"),
    HEAD_NEW(
        "head_new",
        4,
        10,
        "a new classifier head with random weights, because the encoder cannot be trained; decision"
            + " threshold chosen on validation rows");

    private final String id;
    private final int epochsFactor;
    private final double learningRateFactor;
    private final String description;

    Kind(String id, int epochsFactor, double learningRateFactor, String description) {
      this.id = id;
      this.epochsFactor = epochsFactor;
      this.learningRateFactor = learningRateFactor;
      this.description = description;
    }

    /**
     * The kind of an attempt: 1 the head, 2 the head for longer, 3 the whole network, or a new head
     * if the encoder cannot be trained.
     *
     * @param attempt 1 … {@link #ATTEMPTS}
     */
    public static Kind ofAttempt(int attempt, boolean encoderIsTrainable) {
      return switch (attempt) {
        case 1 -> HEAD;
        case 2 -> HEAD_LONG;
        case 3 -> encoderIsTrainable ? FULL : HEAD_NEW;
        default ->
            throw new InvalidInputException(
                "There is no attempt %d; attempts are 1 to %d.".formatted(attempt, ATTEMPTS));
      };
    }

    public int epochsFactor() {
      return epochsFactor;
    }

    public double learningRateFactor() {
      return learningRateFactor;
    }
  }

  /**
   * The training of this kind.
   *
   * @param epochs multiplied by the factor
   * @param epochsFactor null for the kind's own
   * @param learningRate multiplied by the factor
   * @param learningRateFactor null for the kind's own
   */
  public static FinetuningStrategy of(
      Kind kind,
      int epochs,
      @Nullable Integer epochsFactor,
      double learningRate,
      @Nullable Double learningRateFactor) {
    return new FinetuningStrategy(
        kind,
        epochs * (epochsFactor == null ? kind.epochsFactor : epochsFactor),
        learningRate * (learningRateFactor == null ? kind.learningRateFactor : learningRateFactor));
  }

  /** The name in a version's lineage: {@code head_long}. */
  public String id() {
    return kind.id;
  }

  /** Whether the encoder's weights change too. */
  public boolean trainsEncoder() {
    return kind == Kind.FULL;
  }

  /** Whether the head starts from random weights instead of the champion's. */
  public boolean drawsHead() {
    return kind == Kind.HEAD_NEW;
  }

  /** Whether the decision threshold is chosen anew on validation rows. */
  public boolean calibratesThreshold() {
    return kind != Kind.HEAD;
  }

  /** A description with the numbers. */
  public String description() {
    return String.format(
        Locale.ROOT, "%s (%d epochs, learning rate %.1e)", kind.description, epochs, learningRate);
  }
}
