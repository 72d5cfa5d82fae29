package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import org.jspecify.annotations.Nullable;
import retune.core.split.QualityFilter;
import retune.core.split.QualityFilter.Reason;
import retune.core.split.Split;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Splits a batch's labelled rows into training, validation and hold-out rows, so that a"
            + " candidate is judged on rows that its training has not seen. Equal rows stay"
            + " together. Training and validation leave out duplicates, equal rows with"
            + " contradicting labels, and rows with a number out of range. Labels that a model gave"
            + " train if it was confident, and never judge.",
    pipeline = Pipeline.EVALUATION,
    example = "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class PrepareRetrainingData
    implements Step<PrepareRetrainingData.Input, PrepareRetrainingData.Output> {
  public record Input(
      @Field("the version to fine-tune") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field(
              value = "share of the labelled rows in the hold-out",
              byDefault = "0.3",
              min = 0.01,
              max = 0.99)
          double holdoutShare,
      @Field(
              value = "share of the other rows used to choose epoch and threshold",
              byDefault = "0.2",
              min = 0.01,
              max = 0.99)
          double validationShare,
      @Field(value = "random seed of the split", byDefault = "0") int seed,
      @Field(
              value =
                  "leave duplicates, contradicting labels and numbers out of range out of training;"
                      + " where more than half of the rows are duplicates or contradict each other,"
                      + " the table repeats rows by nature, and these two stay",
              byDefault = "true")
          boolean qualityFilter,
      @Field(
              value =
                  "least confidence of a model in a label that it gave, for the row to train; for"
                      + " batches with the columns label_source and confidence",
              byDefault = "0.5",
              min = 0,
              max = 1)
          double minConfidence) {}

  public record Output(
      @Field("number of training and validation rows") int retrainSamples,
      @Field("number of hold-out rows") int revalSamples,
      @Field("number of rows in each part") Metadata metadata,
      @Field("what training and validation leave out") FilterStats filterStats,
      @Field("the processed batch, as model/date") String dataPath,
      @Field("the split's id") String splitId) {}

  public record Metadata(
      @Field("training rows") int train,
      @Field("validation rows") int validation,
      @Field("hold-out rows") int holdout,
      @Field("labelled rows equal to an earlier row") int duplicates,
      @Field("rows without a label to judge or train with, which are left out") int unlabelled) {}

  public record FilterStats(
      @Field("rows of training and validation before the filter") int originalCount,
      @Field("rows equal to an earlier one, label included") int duplicatesRemoved,
      @Field("rows that equal another but for the label") int contradictionsRemoved,
      @Field("rows whose label a model gave with too little confidence") int lowConfidenceRemoved,
      @Field("rows with a number beyond the fitted range") int outOfRangeRemoved,
      @Field("whether duplicates and contradictions stayed, being more than half of the rows")
          boolean repeatsByNature,
      @Field("rows of training and validation") int finalCount) {
    private static FilterStats of(@Nullable QualityFilter filter, Split.Counts counts) {
      int used = counts.training() + counts.validation();
      return filter == null
          ? new FilterStats(used, 0, 0, 0, 0, false, used)
          : new FilterStats(
              filter.rows(),
              filter.count(Reason.DUPLICATE),
              filter.count(Reason.CONTRADICTING_LABELS),
              filter.count(Reason.LOW_CONFIDENCE),
              filter.count(Reason.OUT_OF_RANGE),
              filter.repeatsByNature(),
              used);
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    ModelVersion version = new ModelStore(context).get(input.modelId());
    Batch batch = Batch.load(context, input.dataPath()).requireFor(version);
    DataSplit.Plan plan =
        new DataSplit.Plan(
            input.holdoutShare(), input.validationShare(), input.seed(), input.qualityFilter());
    DataSplit split =
        DataSplit.of(context, batch, plan, version.preprocessing(), input.minConfidence());
    Split.Counts counts = split.verify(batch);
    counts.requireEachPart(
        input.dataPath(), "fine-tuning", "Use a larger batch or change the shares.");
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
        FilterStats.of(split.filter(), counts),
        input.dataPath(),
        split.id());
  }
}
