package retune.core.distribution;

import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.Iterator;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import retune.core.data.Hashing;
import retune.core.data.Table;

/**
 * Draws the rows of a day. Row n of a seed and a logical date is always the same, however many rows
 * are drawn and however they are grouped: each block of {@link #BLOCK_ROWS} rows has random
 * generators of its own (L64X128MixRandom; Steele and Vigna 2021, "LXM: better splittable
 * pseudorandom number generators (and almost as fast)"). A generator is seeded with the SHA-256 of
 * its purpose, the seed, the date and the block number.
 */
public sealed interface DaySampler permits TableSampler, TextSampler {
  int BLOCK_ROWS = 1_000;

  /**
   * The rows from {@code from} inclusive to {@code to} exclusive, in tables of up to {@link
   * #BLOCK_ROWS} rows, each drawn on demand.
   *
   * @param from the start of a block: a multiple of {@link #BLOCK_ROWS}
   */
  Iterator<Table> rows(int from, int to);

  /** The first rows, in tables of up to {@link #BLOCK_ROWS} rows, each drawn on demand. */
  default Iterator<Table> rows(int rows) {
    return rows(0, rows);
  }

  /** The generator of a block for one purpose. */
  static RandomGenerator generator(String purpose, long seed, LocalDate logicalDate, int block) {
    String name =
        String.join(
            "/", purpose, Long.toString(seed), logicalDate.toString(), Integer.toString(block));
    return RandomGeneratorFactory.of("L64X128MixRandom")
        .create(Hashing.sha256().digest(name.getBytes(StandardCharsets.UTF_8)));
  }
}
