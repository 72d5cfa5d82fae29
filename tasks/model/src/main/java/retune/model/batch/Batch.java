package retune.model.batch;

import java.util.List;
import java.util.function.Function;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/** A processed batch in memory. */
public record Batch(ProcessedBatch description, Rows rows) implements FeatureSource {
  /**
   * The id of a model's reference batch: rows of the table that its first version was trained on,
   * put aside before the training, or rows like them.
   */
  public static String referenceId(String model) {
    return model + "/reference";
  }

  /**
   * The metadata of a complete batch.
   *
   * @param dataPath {@code model/date}
   * @throws InvalidInputException if there is no such batch
   */
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

  /**
   * Reads a complete batch.
   *
   * @param dataPath {@code model/date}
   * @throws InvalidInputException if there is no such batch
   */
  public static Batch load(StepContext context, String dataPath) {
    ProcessedBatch description = describe(context, dataPath);
    return new Batch(description, context.store().processedBatches().readAll(description));
  }

  /** This batch, if the version can read it; see {@link #require}. */
  public Batch requireFor(ModelVersion version) {
    require(description, version);
    return this;
  }

  /**
   * Refuses a batch that the version cannot read.
   *
   * @throws InvalidInputException if the batch was prepared with another preprocessing than that of
   *     the version
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

  @Override
  public <T> List<T> map(int[] selected, Function<Features, T> use) {
    return List.of(use.apply(features().select(selected)));
  }

  /** Identifies the content of the features and labels; see {@link ProcessedBatch}. */
  public String contentHash() {
    return description.contentHash();
  }
}
