package retune.core.preprocessing;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The rejected rows of a table, each with the first reason found. */
final class Rejections {
  private final @Nullable Occurrence[] reasons;

  Rejections(int rows) {
    reasons = new @Nullable Occurrence[rows];
  }

  void reject(int row, Outcome outcome, String column) {
    if (reasons[row] == null) {
      reasons[row] = new Occurrence(outcome, column);
    }
  }

  boolean isRejected(int row) {
    return reasons[row] != null;
  }

  int[] keptRows() {
    return IntStream.range(0, reasons.length).filter(row -> !isRejected(row)).toArray();
  }

  Map<Occurrence, Integer> counts() {
    Map<Occurrence, Integer> counts = new TreeMap<>();
    for (Occurrence reason : reasons) {
      if (reason != null) {
        counts.merge(reason, 1, Integer::sum);
      }
    }
    return Collections.unmodifiableMap(counts);
  }
}
