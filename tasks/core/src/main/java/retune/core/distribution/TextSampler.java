package retune.core.distribution;

import java.time.LocalDate;
import java.util.Iterator;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;

/** Draws the rows of a day from held-back texts, each at most once a day. */
public final class TextSampler implements DaySampler {
  private final HeldBackTexts held;
  private final long seed;
  private final LocalDate logicalDate;
  private final TextDrills drills;

  /** Positions of all texts, in the order of the day. */
  private final int[] order;

  /**
   * A sampler of the texts.
   *
   * @param seed random seed
   * @throws InvalidInputException if the drill is one of tables
   */
  public TextSampler(HeldBackTexts held, long seed, LocalDate logicalDate, Drill drill) {
    this.held = held;
    this.seed = seed;
    this.logicalDate = logicalDate;
    drills = new TextDrills(held, drill);
    order = shuffled(held.rows(), DaySampler.generator("texts", seed, logicalDate, 0));
  }

  /**
   * {@inheritDoc}
   *
   * @throws InvalidInputException if there are fewer texts
   */
  @Override
  public Iterator<Table> rows(int from, int to) {
    if (to > held.rows()) {
      throw new InvalidInputException(
          "%,d rows are asked for, and %,d texts are held back for days; ask for at most as many."
              .formatted(to, held.rows()));
    }
    return IntStream.range(from / BLOCK_ROWS, Math.ceilDiv(to, BLOCK_ROWS))
        .mapToObj(block -> block(block, Math.min(BLOCK_ROWS, to - block * BLOCK_ROWS)))
        .iterator();
  }

  private Table block(int block, int rows) {
    RandomGenerator random = DaySampler.generator("drill", seed, logicalDate, block);
    @Nullable String[] texts = new @Nullable String[rows];
    @Nullable String[] labels = new @Nullable String[rows];
    for (int row = 0; row < rows; row++) {
      int drawn = order[block * BLOCK_ROWS + row];
      TextDrills.Row made =
          drills.apply(
              new TextDrills.Row(held.texts().get(drawn), held.labels().get(drawn)), random);
      texts[row] = made.text();
      labels[row] = made.label();
    }
    return new Table(
        List.of(
            new Column.Texts(held.column(), texts),
            new Column.Texts(held.target().column(), labels)));
  }

  /** Fisher and Yates' shuffle. */
  private static int[] shuffled(int count, RandomGenerator random) {
    int[] order = IntStream.range(0, count).toArray();
    for (int last = count - 1; last > 0; last--) {
      int chosen = random.nextInt(last + 1);
      int moved = order[last];
      order[last] = order[chosen];
      order[chosen] = moved;
    }
    return order;
  }
}
