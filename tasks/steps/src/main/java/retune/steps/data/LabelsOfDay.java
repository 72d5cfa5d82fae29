package retune.steps.data;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
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
record LabelsOfDay(@Nullable String key, Map<String, String> byKey, String stamp) {
  /** None can come. */
  static final LabelsOfDay NONE = new LabelsOfDay(null, Map.of(), "");

  /** As of now. */
  static LabelsOfDay of(StepContext context, RawBatch raw) {
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

  Table withoutKey(Table chunk) {
    return key == null ? chunk : chunk.without(Set.of(key));
  }

  void requireNoFeature(ModelVersion version) {
    if (key != null) {
      RowKeys.requireNoFeature(key, version);
    }
  }
}
