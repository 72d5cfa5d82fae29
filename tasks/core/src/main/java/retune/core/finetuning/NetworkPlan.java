package retune.core.finetuning;

import java.util.Locale;

/**
 * How a strategy trains a network.
 *
 * @param epochs passes over the training rows, at least 1
 * @param learningRate step size of the optimizer, above 0
 */
public record NetworkPlan(Strategy strategy, int epochs, double learningRate) {
  /**
   * The plan of a strategy that trains a network.
   *
   * @param epochs of the gentlest strategy, {@link Strategy#HEAD}
   * @param learningRate of the same
   */
  public static NetworkPlan of(Strategy strategy, int epochs, double learningRate) {
    return switch (strategy) {
      case HEAD -> new NetworkPlan(strategy, epochs, learningRate);
      case HEAD_LONG, HEAD_NEW -> new NetworkPlan(strategy, 4 * epochs, 10 * learningRate);
      case FULL -> new NetworkPlan(strategy, epochs, 3 * learningRate);
      case TREES, TREES_REPLAY -> throw noNetwork(strategy);
    };
  }

  /** Whether the encoder's weights change too. */
  public boolean trainsEncoder() {
    return strategy == Strategy.FULL;
  }

  /** Whether the head starts from random weights instead of the champion's. */
  public boolean drawsHead() {
    return strategy == Strategy.HEAD_NEW;
  }

  /** Whether the decision threshold is chosen anew on validation rows. */
  public boolean choosesThreshold() {
    return strategy != Strategy.HEAD;
  }

  /** A description with the numbers. */
  public String description() {
    return String.format(
        Locale.ROOT, "%s (%d epochs, learning rate %.1e)", what(), epochs, learningRate);
  }

  private String what() {
    String threshold = "; decision threshold chosen on validation rows";
    return switch (strategy) {
      case HEAD -> "the classifier head only, encoder frozen";
      case HEAD_LONG -> "the classifier head only, encoder frozen, longer and faster" + threshold;
      case FULL -> "the whole network" + threshold;
      case HEAD_NEW -> "a new classifier head with random weights, encoder frozen" + threshold;
      case TREES, TREES_REPLAY -> throw noNetwork(strategy);
    };
  }

  private static IllegalArgumentException noNetwork(Strategy strategy) {
    return new IllegalArgumentException(strategy.id() + " trains no network");
  }
}
