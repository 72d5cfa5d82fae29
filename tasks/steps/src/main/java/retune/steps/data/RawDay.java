package retune.steps.data;

import java.util.Iterator;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * A day's raw rows as a version reads them, whatever preprocessing made the features that are
 * stored. Nothing is stored.
 */
public record RawDay(StepContext context, RawBatch raw, ModelVersion version, LabelsOfDay late) {
  /**
   * The raw rows of a batch; empty where they are not in the store, or where the version cannot
   * read the first of them.
   *
   * @param batchId {@code model/date}
   */
  public static Optional<RawDay> find(StepContext context, String batchId, ModelVersion version) {
    return context
        .store()
        .rawBatches()
        .find(batchId)
        .map(raw -> new RawDay(context, raw, version, LabelsOfDay.of(context, raw)))
        .filter(RawDay::isReadable);
  }

  private boolean isReadable() {
    try {
      late.requireNoFeature(version);
      rows().next();
      return true;
    } catch (InvalidInputException unreadable) {
      return false;
    }
  }

  /** Identifies the features and labels, as of the batch that process_data would store. */
  public String contentHash() {
    return Processing.contentHash(raw, version.preprocessing(), version.target(), late);
  }

  /** The rows, chunk by chunk. */
  public Iterator<Rows> rows() {
    return new Processing(
        version.preprocessing(), version.target(), context.store().rawBatches().read(raw), late);
  }
}
