package retune.model.batch;

import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/** A processed batch in memory. */
public record Batch(ProcessedBatch description, Rows rows) {
  /** What is known of a complete batch; an {@link InvalidInputException} where it is none. */
  public static ProcessedBatch describe(StepContext context, String dataPath) {
    return context
        .store()
        .processedBatches()
        .find(dataPath)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is no complete processed batch '"
                        + dataPath
                        + "'; run process_data for that model and date first."));
  }

  public static Batch load(StepContext context, String dataPath) {
    ProcessedBatch description = describe(context, dataPath);
    return new Batch(description, context.store().processedBatches().readAll(description));
  }

  /** The batch as this version can read it; see {@link #require}. */
  public Batch requireFor(ModelVersion version) {
    require(description, version);
    return this;
  }

  /**
   * An {@link InvalidInputException} where the batch was prepared by another preprocessing than the
   * version's.
   */
  public static void require(ProcessedBatch description, ModelVersion version) {
    if (!description.preprocessingHash().equals(version.preprocessing().hash())) {
      throw new InvalidInputException(
          "The batch '"
              + description.batchId()
              + "' was prepared with another preprocessing than that of '"
              + version.modelId()
              + "'; run process_data again after making that version the champion.");
    }
  }

  /** {@code model/date}. */
  public String id() {
    return description.batchId();
  }

  public Features features() {
    return rows.features();
  }

  /** Names the features' and the labels' content. */
  public String contentHash() {
    return description.contentHash();
  }
}
