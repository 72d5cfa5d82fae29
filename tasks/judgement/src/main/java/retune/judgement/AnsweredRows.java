package retune.judgement;

import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Predictions;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * What a version answers to labelled rows of a batch.
 *
 * @param rows positions in the batch
 * @param predictions the version's, for these rows
 * @param keptId of the {@link KeptPredictions} that these are; null where they were computed
 */
record AnsweredRows(
    ModelVersion version,
    ProcessedBatch batch,
    int[] rows,
    Predictions predictions,
    @Nullable String keptId) {
  AnsweredRows(ModelVersion version, ProcessedBatch batch, int[] rows, Predictions predictions) {
    this(version, batch, rows, predictions, null);
  }

  /** The predictions for several groups of rows, one after the other. */
  static Predictions joined(List<AnsweredRows> parts) {
    return Predictions.joined(parts.stream().map(AnsweredRows::predictions).toList());
  }

  /** Keeps the predictions and returns their id; null if they are too many to keep. */
  @Nullable String keep(StepContext context) {
    return keptId != null
        ? keptId
        : KeptPredictions.keep(context, version, batch, rows, predictions).orElse(null);
  }
}
