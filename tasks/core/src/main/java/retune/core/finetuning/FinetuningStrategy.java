package retune.core.finetuning;

import java.util.Locale;
import retune.core.InvalidInputException;

/**
 * What one attempt at fine-tuning does. Every attempt starts from the champion.
 *
 * @param epochs passes over the training rows, at least 1
 * @param learningRate step size of the optimizer, above 0
 */
public record FinetuningStrategy(Kind kind, int epochs, double learningRate) {
  /** Attempts that differ in something that can help; the last one is the last resort. */
  public static final int ATTEMPTS = 3;

  private static final double LONGER_LEARNING_RATE = 10;
  private static final int LONGER_EPOCHS = 4;
  private static final double FULL_LEARNING_RATE = 3;

  /** What is trained, from the gentlest on. */
  public enum Kind {
    HEAD("head", "the classifier head only, encoder frozen"),
    HEAD_LONG(
        "head_long",
        "the classifier head only, encoder frozen, longer and faster; decision threshold chosen on"
            + " validation rows"),
    FULL("full", "the whole network; decision threshold chosen on validation rows"),
    HEAD_NEW(
        "head_new",
        "a new classifier head, drawn at random, because the encoder cannot be trained; decision"
            + " threshold chosen on validation rows");

    private final String id;
    private final String words;

    Kind(String id, String words) {
      this.id = id;
      this.words = words;
    }
  }

  /**
   * The strategy of an attempt: 1 the head as asked; 2 the head with ten times the learning rate
   * and four times the epochs; 3 the whole network with three times the learning rate, or where the
   * encoder cannot be trained a new head, as long and as fast as in attempt 2.
   *
   * @param attempt 1 … {@link #ATTEMPTS}
   * @param epochs as asked by the user
   * @param learningRate as asked by the user
   * @param encoderIsTrainable whether the whole network can be trained
   */
  public static FinetuningStrategy ofAttempt(
      int attempt, int epochs, double learningRate, boolean encoderIsTrainable) {
    return switch (attempt) {
      case 1 -> new FinetuningStrategy(Kind.HEAD, epochs, learningRate);
      case 2 -> longer(Kind.HEAD_LONG, epochs, learningRate);
      case 3 ->
          encoderIsTrainable
              ? new FinetuningStrategy(Kind.FULL, epochs, learningRate * FULL_LEARNING_RATE)
              : longer(Kind.HEAD_NEW, epochs, learningRate);
      default ->
          throw new InvalidInputException(
              "There is no attempt %d; attempts are 1 to %d.".formatted(attempt, ATTEMPTS));
    };
  }

  private static FinetuningStrategy longer(Kind kind, int epochs, double learningRate) {
    return new FinetuningStrategy(
        kind, epochs * LONGER_EPOCHS, learningRate * LONGER_LEARNING_RATE);
  }

  /** The name that a model version's lineage carries: {@code head_long}. */
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

  /** In words, with the numbers. */
  public String description() {
    return String.format(
        Locale.ROOT, "%s (%d epochs, learning rate %.1e)", kind.words, epochs, learningRate);
  }
}
