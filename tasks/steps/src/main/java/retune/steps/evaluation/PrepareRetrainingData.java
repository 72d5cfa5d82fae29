package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import retune.core.InvalidInputException;
import retune.core.split.Split;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Splits a batch's labelled rows into training, validation and hold-out rows, so that what"
            + " judges a candidate is never seen in its training. Equal rows stay together.",
    pipeline = Pipeline.EVALUATION,
    example = "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class PrepareRetrainingData
    implements Step<PrepareRetrainingData.Input, PrepareRetrainingData.Output> {
  public record Input(
      @Field("the version to be fine-tuned") String modelId,
      @Field("the processed batch: model/date") String dataPath,
      @Field(
              value = "share of the labelled rows that judges",
              byDefault = "0.3",
              min = 0.01,
              max = 0.99)
          double holdoutShare,
      @Field(
              value = "share of the other rows that chooses epoch and threshold",
              byDefault = "0.2",
              min = 0.01,
              max = 0.99)
          double validationShare,
      @Field(value = "another seed splits otherwise", byDefault = "0") int seed) {}

  public record Output(
      @Field("rows for training and validation") int retrainSamples,
      @Field("rows of the hold-out") int revalSamples,
      @Field("rows of each part") Metadata metadata,
      @Field("the processed batch: model/date") String dataPath,
      @Field("names the split") String splitId) {}

  public record Metadata(
      @Field("rows that fit weights") int train,
      @Field("rows that choose epoch and threshold") int validation,
      @Field("rows that judge") int holdout,
      @Field("labelled rows that repeat another one") int duplicates,
      @Field("rows without a label, left out") int unlabelled) {}

  @Override
  public Output run(Input input, StepContext context) {
    Batch batch =
        Batch.load(context, input.dataPath())
            .requireFor(new ModelStore(context.store(), context.clock()).get(input.modelId()));
    DataSplit.Plan plan =
        new DataSplit.Plan(input.holdoutShare(), input.validationShare(), input.seed());
    DataSplit split = DataSplit.of(batch, plan);
    Split.Counts counts = split.verify(batch);
    if (counts.training() == 0 || counts.validation() == 0 || counts.holdout() == 0) {
      throw new InvalidInputException(
          "'%s' has too few labelled rows to fine-tune on: %d to train, %d to validate and %d to"
                  .formatted(
                      input.dataPath(), counts.training(), counts.validation(), counts.holdout())
              + " judge; bring a larger batch or change the shares.");
    }
    split.keep(context, batch, plan);
    return new Output(
        counts.training() + counts.validation(),
        counts.holdout(),
        new Metadata(
            counts.training(),
            counts.validation(),
            counts.holdout(),
            counts.duplicates(),
            counts.excluded()),
        input.dataPath(),
        split.id());
  }
}
