package retune.steps.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.runtime.StepContext;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * Where the rows of some keys are.
 *
 * @param byDay the keys that only this day has, by date
 * @param unknown keys that no day has
 * @param ambiguous keys that several days have
 */
record KeyedDays(Map<RawBatch, Set<String>> byDay, List<String> unknown, List<String> ambiguous) {
  /** Looks the keys up in all the days. */
  static KeyedDays find(StepContext context, List<RawBatch> days, Set<String> keys) {
    Map<String, Integer> found = new HashMap<>();
    Map<RawBatch, Set<String>> byDay = new LinkedHashMap<>();
    for (int i = 0; i < days.size(); i++) {
      RawBatch day = days.get(i);
      Set<String> here = new HashSet<>();
      for (Iterator<Table> chunks = context.store().rawBatches().read(day); chunks.hasNext(); ) {
        Table chunk = chunks.next();
        Column column = chunk.column(String.valueOf(day.key()));
        for (int row = 0; row < chunk.rows(); row++) {
          @Nullable String key = column.text(row);
          if (key != null && keys.contains(key) && here.add(key)) {
            found.merge(key, 1, Integer::sum);
          }
        }
      }
      if (!here.isEmpty()) {
        byDay.put(day, here);
      }
      context.progress("days searched", i + 1, days.size());
    }
    List<String> unknown = new ArrayList<>();
    List<String> ambiguous = new ArrayList<>();
    for (String key : keys) {
      int times = found.getOrDefault(key, 0);
      if (times == 0) {
        unknown.add(key);
      } else if (times > 1) {
        ambiguous.add(key);
      }
    }
    ambiguous.forEach(key -> byDay.values().forEach(here -> here.remove(key)));
    byDay.values().removeIf(Set::isEmpty);
    return new KeyedDays(byDay, unknown, ambiguous);
  }
}
