package retune.core.data;

import java.util.List;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;

/**
 * One of several parts of a table's rows that are processed independently. A shard has whole blocks
 * of consecutive rows, so that results computed by block do not depend on the number of shards. If
 * there are fewer blocks than shards, some shards are empty.
 *
 * @param index counted from 0
 * @param count number of shards, 2 or more
 */
public record Shard(int index, int count) {
  /** Greatest number of shards. */
  public static final int MOST = 64;

  /** Throws an {@link InvalidInputException} if there is no such shard. */
  public Shard {
    if (count < 2) {
      throw new InvalidInputException(
          "A single shard is the whole table. Leave out 'shard', or set 'shards' to 2 or more.");
    }
    if (index < 0 || index >= count) {
      throw new InvalidInputException(
          "Shard %d of %d does not exist. Set 'shard' to a number from 0 to %d."
              .formatted(index, count, count - 1));
    }
  }

  public static List<Shard> all(int count) {
    return IntStream.range(0, count).mapToObj(index -> new Shard(index, count)).toList();
  }

  /** The first row's position. */
  public int from(int rows, int blockRows) {
    return start(index, rows, blockRows);
  }

  /** The position after the last row. */
  public int to(int rows, int blockRows) {
    return start(index + 1, rows, blockRows);
  }

  private int start(int share, int rows, int blockRows) {
    long block = (long) Math.ceilDiv(rows, blockRows) * share / count;
    return (int) Math.min(rows, block * blockRows);
  }
}
