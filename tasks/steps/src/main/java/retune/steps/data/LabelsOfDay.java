package retune.steps.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * The labels that came after a day's rows.
 *
 * @param key the column that names each row; null where the rows have no key
 * @param stamp see {@link LateLabels#stamp}
 */
public record LabelsOfDay(@Nullable String key, Map<String, String> byKey, String stamp) {
  /** None can come. */
  static final LabelsOfDay NONE = new LabelsOfDay(null, Map.of(), "");

  /** As of now. */
  public static LabelsOfDay of(StepContext context, RawBatch raw) {
    if (raw.key() == null) {
      return NONE;
    }
    LateLabels labels = context.store().lateLabels();
    List<Arrival> arrivals = labels.arrivals(raw.model());
    return new LabelsOfDay(
        raw.key(),
        labels.labels(raw.model(), arrivals, raw.logicalDate()),
        LateLabels.stamp(arrivals, raw.logicalDate()));
  }

  /** The late label of a row. */
  Optional<String> of(Table chunk, int row) {
    return byKey.isEmpty() || key == null
        ? Optional.empty()
        : Optional.ofNullable(chunk.column(key).text(row)).map(byKey::get);
  }

  /** The rows with their late labels as the labels that people gave. */
  public Table in(Table rows, ModelVersion version) {
    if (byKey.isEmpty()) {
      return rows;
    }
    Table labelled = put(rows, version.target().column(), Function.identity());
    boolean isFeature = version.preprocessing().rawColumns().contains(LabelMarks.SOURCE);
    return isFeature || rows.find(LabelMarks.SOURCE).isEmpty()
        ? labelled
        : put(labelled, LabelMarks.SOURCE, _ -> LabelSource.PERSON);
  }

  /** Puts something in place of a column's values in the rows that have a late label. */
  private Table put(Table rows, String name, Function<String, String> value) {
    Optional<Column> own = rows.find(name);
    @Nullable String[] values = new @Nullable String[rows.rows()];
    for (int row = 0; row < values.length; row++) {
      @Nullable String ofRow = own.isPresent() ? own.get().text(row) : null;
      values[row] = of(rows, row).map(value).orElse(ofRow);
    }
    List<Column> columns = new ArrayList<>(rows.without(Set.of(name)).columns());
    columns.add(new Column.Texts(name, values));
    return new Table(columns);
  }

  Table withoutKey(Table chunk) {
    return key == null ? chunk : chunk.without(Set.of(key));
  }

  void requireNoFeature(ModelVersion version) {
    if (key != null) {
      RowKeys.requireNoFeature(key, version);
    }
  }
}
