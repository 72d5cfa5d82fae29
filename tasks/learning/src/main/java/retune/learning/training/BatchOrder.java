package retune.learning.training;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Batches of rows, epoch after epoch without end; each epoch has another order. */
public final class BatchOrder {
  private final int rows;
  private final int batchSize;
  private final RandomGenerator random;
  private final Queue<int[]> left = new ArrayDeque<>();

  public BatchOrder(int rows, int batchSize, RandomGenerator random) {
    this.rows = rows;
    this.batchSize = batchSize;
    this.random = random;
  }

  /** The next batches; an epoch is shuffled when its first batch is needed. */
  public List<int[]> next(int count) {
    List<int[]> batches = new ArrayList<>();
    while (batches.size() < count) {
      if (left.isEmpty()) {
        left.addAll(shuffled(rows, batchSize, random));
      }
      batches.add(left.remove());
    }
    return batches;
  }

  /** All rows in random order (Fisher–Yates), in batches; the last one has the remaining rows. */
  static List<int[]> shuffled(int rows, int batchSize, RandomGenerator random) {
    int[] order = IntStream.range(0, rows).toArray();
    for (int last = rows - 1; last > 0; last--) {
      int other = random.nextInt(last + 1);
      int row = order[last];
      order[last] = order[other];
      order[other] = row;
    }
    List<int[]> batches = new ArrayList<>();
    for (int from = 0; from < rows; from += batchSize) {
      batches.add(Arrays.copyOfRange(order, from, Math.min(from + batchSize, rows)));
    }
    return batches;
  }
}
