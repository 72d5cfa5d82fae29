package retune.core.preprocessing;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Counts of outcomes by column; tells an observer of each that is about one row. */
final class OutcomeCounts {
  private final Map<Occurrence, Integer> counts = new TreeMap<>();
  private final Preprocessing.Observer observer;

  OutcomeCounts(Preprocessing.Observer observer) {
    this.observer = observer;
  }

  /** Counts an outcome of one row, given as its position in the raw table. */
  void addRow(Outcome outcome, String column, int row) {
    addTimes(outcome, column, 1);
    observer.handled(row, outcome, column);
  }

  void addTimes(Outcome outcome, String column, int times) {
    if (times > 0) {
      counts.merge(new Occurrence(outcome, column), times, Integer::sum);
    }
  }

  Map<Occurrence, Integer> counts() {
    return Collections.unmodifiableMap(counts);
  }
}
