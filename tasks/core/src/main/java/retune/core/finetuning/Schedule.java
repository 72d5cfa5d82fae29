package retune.core.finetuning;

import org.jspecify.annotations.Nullable;

/**
 * How long a training lasts. It goes in rounds of steps; after each round the validation rows are
 * measured, and a training whose metric does not improve any more stops.
 */
public sealed interface Schedule {
  /**
   * A round is an epoch: one pass over the training rows.
   *
   * @param most at least 1
   * @param patience number of consecutive epochs without a better validation metric after which
   *     training stops, at least 1; {@code most} or more disables early stopping
   */
  record Epochs(int most, int patience) implements Schedule {
    public Epochs {
      requirePositive(most, patience);
    }

    /** So many epochs, without early stopping. */
    public static Epochs exactly(int epochs) {
      return new Epochs(epochs, epochs);
    }

    @Override
    public int stepsPerRound(int stepsPerEpoch) {
      return stepsPerEpoch;
    }

    @Override
    public String words() {
      return most + " epochs";
    }
  }

  /**
   * A round is a number of steps, whatever the number of rows, so that a small day trains enough
   * and a large one no longer than it needs.
   *
   * @param most rounds, at least 1
   * @param patience number of consecutive rounds without a better validation metric after which
   *     training stops, at least 1
   * @param steps of a round, at least 1
   */
  record Rounds(int most, int patience, int steps) implements Schedule {
    private static final int LEAST_STEPS = 20;
    private static final int MOST_STEPS = 5_000;
    private static final int LEAST_ROUNDS = 10;
    private static final int PATIENCE = 8;

    public Rounds {
      requirePositive(most, patience);
      requirePositive(steps, steps);
    }

    /**
     * For training a whole network on a table: a round is half an epoch, so that measuring the
     * validation rows takes a small share of the time, and at least {@value #LEAST_STEPS} steps;
     * all rounds together are about {@value #MOST_STEPS} steps, but at least {@value #LEAST_ROUNDS}
     * rounds.
     *
     * @param stepsPerEpoch steps of one pass over the training rows, at least 1
     * @param patience see above; null for {@value #PATIENCE}
     */
    public static Rounds ofTable(int stepsPerEpoch, @Nullable Integer patience) {
      int steps = Math.max(LEAST_STEPS, Math.ceilDiv(stepsPerEpoch, 2));
      int most = Math.max(LEAST_ROUNDS, MOST_STEPS / steps);
      return new Rounds(most, patience == null ? PATIENCE : patience, steps);
    }

    @Override
    public int stepsPerRound(int stepsPerEpoch) {
      return steps;
    }

    @Override
    public String words() {
      return "at most %d rounds of %d steps".formatted(most, steps);
    }
  }

  /** The greatest number of rounds. */
  int most();

  /** The number of rounds without a better validation metric after which training stops. */
  int patience();

  /** The number of steps of a round, where one pass over the training rows takes so many. */
  int stepsPerRound(int stepsPerEpoch);

  /** A description: {@code 5 epochs}. */
  String words();

  private static void requirePositive(int most, int patience) {
    if (most < 1 || patience < 1) {
      throw new IllegalArgumentException(
          "%d rounds or steps, patience %d".formatted(most, patience));
    }
  }
}
