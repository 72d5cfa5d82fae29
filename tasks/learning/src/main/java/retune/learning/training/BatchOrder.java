package retune.learning.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Shuffles the rows of an epoch into batches. */
final class BatchOrder {
  private BatchOrder() {}

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
