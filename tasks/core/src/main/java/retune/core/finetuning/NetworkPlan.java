package retune.core.finetuning;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How a strategy trains a network.
 *
 * @param schedule how long training lasts
 * @param learningRate step size of the optimizer, above 0
 */
public record NetworkPlan(Strategy strategy, Schedule schedule, double learningRate) {
  /** Enough steps for a head on a thousand rows, and no more of them on a million. */
  private static final Schedule OF_HEAD = new Schedule.Rounds(40, 8, 50);

  /** More steps than for a network that has learned already, and more patience. */
  private static final Schedule FROM_NOTHING = new Schedule.Rounds(50, 8, 100);

  /** Epochs without a better validation metric after which training from nothing stops. */
  private static final int PATIENCE = 8;

  /** A step of the whole network takes as long as a hundred of the head, and changes more. */
  private static final Schedule OF_NETWORK = new Schedule.Rounds(20, 4, 25);

  /**
   * The plan of a strategy that trains a network.
   *
   * @param epochs of the gentlest strategy, {@link Strategy#HEAD}; null for as many steps as
   *     improve the validation metric, within limits
   * @param learningRate of the same
   */
  public static NetworkPlan of(Strategy strategy, @Nullable Integer epochs, double learningRate) {
    return switch (strategy) {
      case HEAD -> of(strategy, epochs, 1, OF_HEAD, learningRate);
      case HEAD_LONG, HEAD_NEW -> of(strategy, epochs, 4, OF_HEAD, 10 * learningRate);
      case FULL -> of(strategy, epochs, 1, OF_NETWORK, 3 * learningRate);
      case SCRATCH ->
          new NetworkPlan(
              strategy,
              epochs == null ? FROM_NOTHING : new Schedule.Epochs(4 * epochs, PATIENCE),
              3 * learningRate);
      case TREES, TREES_REPLAY, PRIOR, THRESHOLD -> throw noNetwork(strategy);
    };
  }

  private static NetworkPlan of(
      Strategy strategy,
      @Nullable Integer epochs,
      int factor,
      Schedule otherwise,
      double learningRate) {
    return new NetworkPlan(
        strategy,
        epochs == null ? otherwise : Schedule.Epochs.exactly(factor * epochs),
        learningRate);
  }

  /** Whether the encoder's weights change too. */
  public boolean trainsEncoder() {
    return strategy == Strategy.FULL || strategy == Strategy.SCRATCH;
  }

  /** Whether all weights are drawn, so that nothing of the champion remains. */
  public boolean drawsNetwork() {
    return strategy == Strategy.SCRATCH;
  }

  /** Whether the head starts from random weights instead of the champion's, on its encoder. */
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
        Locale.ROOT, "%s (%s, learning rate %.1e)", what(), schedule.words(), learningRate);
  }

  private String what() {
    String threshold = "; decision threshold chosen on validation rows";
    return switch (strategy) {
      case HEAD -> "the classifier head only, encoder frozen";
      case HEAD_LONG -> "the classifier head only, encoder frozen, longer and faster" + threshold;
      case FULL -> "the whole network" + threshold;
      case SCRATCH -> "the whole network from random weights" + threshold;
      case HEAD_NEW -> "a new classifier head with random weights, encoder frozen" + threshold;
      case TREES, TREES_REPLAY, PRIOR, THRESHOLD -> throw noNetwork(strategy);
    };
  }

  private static IllegalArgumentException noNetwork(Strategy strategy) {
    return new IllegalArgumentException(strategy.id() + " trains no network");
  }
}
