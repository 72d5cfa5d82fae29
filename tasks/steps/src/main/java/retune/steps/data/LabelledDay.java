package retune.steps.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * What a file's labels do to one day.
 *
 * @param taken the labels by key, without those that the same file has brought earlier
 * @param superseded labels that the file brought earlier and later files have corrected
 * @param filtered keys of rows that the preprocessing of the model in production leaves out
 */
record LabelledDay(
    LateLabels.Day counts, Map<String, String> taken, int superseded, List<String> filtered) {

  /** Compares the labels with those that the day has. */
  static LabelledDay of(
      StepContext context,
      ModelVersion version,
      RawBatch day,
      Set<String> keys,
      LabelFile file,
      List<Arrival> arrivals) {
    LateLabels store = context.store().lateLabels();
    Map<String, String> known = store.labels(day.model(), arrivals, day.logicalDate());
    Set<String> before = new HashSet<>();
    arrivals.stream()
        .filter(arrival -> arrival.contentHash().equals(file.contentHash()))
        .forEach(
            arrival ->
                before.addAll(store.labels(day.model(), arrival, day.logicalDate()).keySet()));
    Counting counting = new Counting(version, day, known, before, keys, file);
    context.store().rawBatches().read(day).forEachRemaining(counting::add);
    return counting.done();
  }

  private static final class Counting {
    private final ModelVersion version;
    private final RawBatch day;
    private final Map<String, String> known;
    private final Set<String> before;
    private final Set<String> keys;
    private final LabelFile file;
    private final Map<String, String> taken = new HashMap<>();
    private final List<String> filtered = new ArrayList<>();
    private int rows;
    private int labelled;
    private int fresh;
    private int same;
    private int corrected;
    private int superseded;

    private Counting(
        ModelVersion version,
        RawBatch day,
        Map<String, String> known,
        Set<String> before,
        Set<String> keys,
        LabelFile file) {
      this.version = version;
      this.day = day;
      this.known = known;
      this.before = before;
      this.keys = keys;
      this.file = file;
    }

    void add(Table chunk) {
      Target target = version.target();
      Column names = chunk.column(String.valueOf(day.key()));
      Optional<Column> own = chunk.find(target.column());
      Optional<LabelSource> source = LabelSource.of(chunk, version.preprocessing());
      Set<Integer> kept = kept(chunk);
      for (int row = 0; row < chunk.rows(); row++) {
        String key = String.valueOf(names.text(row));
        @Nullable String ofRow = own.isPresent() ? own.get().text(row) : null;
        boolean isOfPerson = source.isEmpty() || !source.get().isModel(row);
        @Nullable String label = known.getOrDefault(key, isOfPerson ? ofRow : null);
        if (keys.contains(key)) {
          label = take(key, label);
          if (!kept.contains(row)) {
            filtered.add(key);
          }
        }
        if (kept.contains(row) && (label == null || target.classes().contains(label))) {
          rows++;
          labelled += label == null ? 0 : 1;
        }
      }
    }

    /** The row's label after the file, which does not undo the corrections of later files. */
    private String take(String key, @Nullable String label) {
      String brought = String.valueOf(file.byKey().get(key));
      if (label != null && before.contains(key)) {
        same += label.equals(brought) ? 1 : 0;
        superseded += label.equals(brought) ? 0 : 1;
        return label;
      }
      taken.put(key, brought);
      if (label == null) {
        fresh++;
      } else if (label.equals(brought)) {
        same++;
      } else {
        corrected++;
      }
      return brought;
    }

    /** The rows that the version reads; none where it cannot read the day. */
    private Set<Integer> kept(Table chunk) {
      Set<Integer> kept = new HashSet<>();
      try {
        Table raw = chunk.without(Set.of(version.target().column(), String.valueOf(day.key())));
        IntStream.of(version.preprocessing().apply(raw).keptRows()).forEach(kept::add);
      } catch (InvalidInputException unreadable) {
        // process_data says so for the day.
      }
      return kept;
    }

    LabelledDay done() {
      return new LabelledDay(
          new LateLabels.Day(day.logicalDate(), rows, labelled, fresh, same, corrected, 0),
          taken,
          superseded,
          filtered);
    }
  }
}
