package retune.core.preprocessing;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Counts of outcomes by column. */
final class OutcomeCounts {
  private final Map<Occurrence, Integer> counts = new TreeMap<>();

  void add(Outcome outcome, String column) {
    add(outcome, column, 1);
  }

  void add(Outcome outcome, String column, int times) {
    if (times > 0) {
      counts.merge(new Occurrence(outcome, column), times, Integer::sum);
    }
  }

  Map<Occurrence, Integer> counts() {
    return Collections.unmodifiableMap(counts);
  }
}
