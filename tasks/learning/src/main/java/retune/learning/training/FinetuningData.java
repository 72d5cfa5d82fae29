package retune.learning.training;

import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.learning.torch.NetworkInput;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.StepContext;

/** A processed batch and its split into training, validation and hold-out rows. */
public record FinetuningData(Batch batch, DataSplit dataSplit) {
  /**
   * Reads both and checks that no row is in two parts.
   *
   * @param splitId null for the only split of the batch
   * @throws InvalidInputException if one does not exist, the version cannot read the batch, or
   *     training or validation rows are missing
   */
  public static FinetuningData load(
      StepContext context, ModelVersion version, String dataPath, @Nullable String splitId) {
    Batch batch = Batch.load(context, dataPath).requireFor(version);
    DataSplit split = DataSplit.find(context, batch, splitId);
    Split.Counts counts = split.verify(batch);
    if (counts.training() == 0 || counts.validation() == 0) {
      throw new InvalidInputException(
          "The split '%s' has %d rows to train on and %d to validate on; run"
                  .formatted(split.id(), counts.training(), counts.validation())
              + " prepare_retraining_data with other shares.");
    }
    return new FinetuningData(batch, split);
  }

  public Features features() {
    return batch.features();
  }

  /** The positions of a part's rows in the batch. */
  public int[] rows(Part part) {
    return dataSplit.split().rows(part);
  }

  /** The rows of a part, selected from all rows of the batch. */
  public LabelledRows part(NetworkInput all, Part part) {
    return LabelledRows.select(all, batch.rows().trainingLabels(), rows(part));
  }
}
