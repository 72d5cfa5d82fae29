package retune.core.preprocessing;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The rejected rows of a table, each with the first reason found. */
final class Rejections {
  private final @Nullable String[] reasons;

  Rejections(int rows) {
    reasons = new @Nullable String[rows];
  }

  void reject(int row, Outcome outcome, String column) {
    if (reasons[row] == null) {
      reasons[row] = outcome.of(column);
    }
  }

  boolean isRejected(int row) {
    return reasons[row] != null;
  }

  int[] keptRows() {
    return IntStream.range(0, reasons.length).filter(row -> !isRejected(row)).toArray();
  }

  Map<String, Integer> counts() {
    Map<String, Integer> counts = new TreeMap<>();
    for (String reason : reasons) {
      if (reason != null) {
        counts.merge(reason, 1, Integer::sum);
      }
    }
    return Collections.unmodifiableMap(counts);
  }
}
