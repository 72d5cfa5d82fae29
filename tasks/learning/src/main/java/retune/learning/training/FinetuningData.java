package retune.learning.training;

import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.finetuning.HalfLife;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.learning.torch.NetworkInput;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.CollectedDays;
import retune.model.batch.DataSplit;
import retune.runtime.StepContext;

/**
 * A processed batch and its split into training, validation and hold-out rows.
 *
 * @param weights what each row of the batch counts in the loss of training, 1 on average over the
 *     training rows; null where all count alike
 */
public record FinetuningData(Batch batch, DataSplit dataSplit, double @Nullable [] weights) {
  /**
   * Reads both and checks that no row is in two parts.
   *
   * @param splitId null for the only split of the batch
   * @param halfLife by which the rows of a training set weigh; null where all weigh alike
   * @throws InvalidInputException if one does not exist, the version cannot read the batch,
   *     training or validation rows are missing, or rows without a day are to weigh by age
   */
  public static FinetuningData load(
      StepContext context,
      ModelVersion version,
      String dataPath,
      @Nullable String splitId,
      @Nullable HalfLife halfLife) {
    Batch batch = Batch.load(context, dataPath).requireFor(version);
    DataSplit split = DataSplit.find(context, batch, splitId);
    Split.Counts counts = split.verify(batch);
    if (counts.training() == 0 || counts.validation() == 0) {
      throw new InvalidInputException(
          "The split '%s' has %d rows to train on and %d to validate on; run"
                  .formatted(split.id(), counts.training(), counts.validation())
              + " prepare_retraining_data with other shares.");
    }
    int[] training = split.split().rows(Part.TRAINING);
    double[] weights =
        halfLife == null ? null : halfLife.weights(ages(context, dataPath), training);
    return new FinetuningData(batch, split, weights);
  }

  private static int[] ages(StepContext context, String dataPath) {
    return CollectedDays.find(context, dataPath)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' is no training set, so that its rows have no age; leave half_life_days out."
                        .formatted(dataPath)))
        .ages();
  }

  public Features features() {
    return batch.features();
  }

  /** The positions of a part's rows in the batch. */
  public int[] rows(Part part) {
    return dataSplit.split().rows(part);
  }

  /** The rows of a part, selected from all rows of the batch; only those that train weigh. */
  public LabelledRows part(NetworkInput all, Part part) {
    return LabelledRows.select(
        all, batch.rows().trainingLabels(), part == Part.TRAINING ? weights : null, rows(part));
  }
}
