package retune.core.data;

import java.util.List;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;

/**
 * One of several shares of a table's rows, to be worked on apart from the others. A share is made
 * of whole blocks of consecutive rows, so that what is worked out block by block does not depend on
 * the number of shares. Where there are fewer blocks than shares, some shares are empty.
 *
 * @param index counted from 0
 * @param count number of shares, 2 or more
 */
public record Shard(int index, int count) {
  /** Shares of a table at most. */
  public static final int MOST = 64;

  /** An {@link InvalidInputException} where there is no such share. */
  public Shard {
    if (count < 2) {
      throw new InvalidInputException(
          "One shard is all the rows: leave out 'shard', or give 'shards' of 2 or more.");
    }
    if (index < 0 || index >= count) {
      throw new InvalidInputException(
          "There is no shard %d of %d; 'shard' is counted from 0 to %d."
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
