package retune.core.preprocessing;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Counts of outcomes by rule and column. */
final class OutcomeCounts {
  private final Map<String, Integer> counts = new TreeMap<>();

  void add(Outcome outcome, String column) {
    add(outcome, column, 1);
  }

  void add(Outcome outcome, String column, int times) {
    if (times > 0) {
      counts.merge(outcome.of(column), times, Integer::sum);
    }
  }

  Map<String, Integer> counts() {
    return Collections.unmodifiableMap(counts);
  }
}
