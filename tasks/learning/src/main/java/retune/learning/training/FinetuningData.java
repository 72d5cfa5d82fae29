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

/** A processed batch and its split into rows to train on, to choose by and to judge by. */
public record FinetuningData(Batch batch, DataSplit dataSplit) {
  /**
   * Reads both and asserts that no row is in two parts; an {@link InvalidInputException} where one
   * is not there, or the version cannot read the batch.
   *
   * @param splitId null for the only split of the batch
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

  /** The numbers of a part's rows. */
  public int[] rows(Part part) {
    return dataSplit.split().rows(part);
  }

  /** A part's rows, out of all of the batch's. */
  public LabelledRows part(NetworkInput all, Part part) {
    return LabelledRows.select(all, batch.rows().labels(), rows(part));
  }
}
