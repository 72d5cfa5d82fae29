package retune.steps.retraining;

import com.google.auto.service.AutoService;
import java.util.Objects;
import java.util.stream.IntStream;
import retune.core.data.Target;
import retune.core.split.Part;
import retune.core.split.QualityFilter;
import retune.core.split.QualityFilter.Reason;
import retune.core.split.Split;
import retune.model.Champions;
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
        "Splits a training set 70/15/15 into training, validation and hold-out rows, by each row's"
            + " hash, so that a row has the same part in every retraining. Training and validation"
            + " leave out duplicates, equal rows with contradicting labels, rows with a number out"
            + " of range, and labels that a model gave with little confidence.",
    pipeline = Pipeline.RETRAINING,
    example = "--model credit-default --retraining-id retraining-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class FilterTrainingData
    implements Step<FilterTrainingData.Input, FilterTrainingData.Output> {
  static final String NAME = "filter_training_data";

  public record Input(
      @Field("the model's name") String model,
      @Field("the retraining, as check_retraining_trigger returns it") String retrainingId,
      @Field(
              value =
                  "least confidence of a model in a label that it gave, for the row to train; for"
                      + " batches with the columns label_source and confidence",
              byDefault = "0.5",
              min = 0,
              max = 1)
          double minConfidence) {}

  public record Output(
      @Field("the training set, as model/retraining") String dataPath,
      @Field("the split's id") String splitId,
      @Field("training rows") int trainSamples,
      @Field("validation rows") int validationSamples,
      @Field("hold-out rows") int holdoutSamples,
      @Field("what training and validation leave out") FilterStats filterStats) {}

  public record FilterStats(
      @Field("rows of training and validation before the filter") int originalCount,
      @Field("rows equal to an earlier one, label included") int duplicatesRemoved,
      @Field("rows whose label a model gave with too little confidence") int lowConfidenceRemoved,
      @Field("rows that are out of range or equal another but for the label") int malformedRemoved,
      @Field("rows of training and validation") int finalCount) {}

  @Override
  public Output run(Input input, StepContext context) {
    return RetrainingReport.orSay(
        context, input.model(), input.retrainingId(), NAME, () -> filter(input, context));
  }

  private static Output filter(Input input, StepContext context) {
    TrainingSet set = TrainingSet.get(context, input.model(), input.retrainingId());
    ModelVersion champion =
        new ModelStore(context).get(new Champions(context.store()).get(input.model()).modelId());
    Batch batch = Batch.load(context, set.dataPath()).requireFor(champion);
    DataSplit split =
        DataSplit.forLife(batch, true, champion.preprocessing(), input.minConfidence());
    Split.Counts counts = split.verify(batch);
    counts.requireEachPart(set.dataPath(), "a retraining", "Collect more days with window_days.");
    keepWhatDaysGive(context, set, batch);
    split.keep(context, batch, DataSplit.planForLife(true));
    QualityFilter filter = Objects.requireNonNull(split.filter());
    return new Output(
        set.dataPath(),
        split.id(),
        counts.training(),
        counts.validation(),
        counts.holdout(),
        new FilterStats(
            filter.rows(),
            filter.count(Reason.DUPLICATE),
            filter.count(Reason.LOW_CONFIDENCE),
            filter.count(Reason.OUT_OF_RANGE) + filter.count(Reason.CONTRADICTING_LABELS),
            counts.training() + counts.validation()));
  }

  /** So that what a version has seen of a day is known wherever it is judged on that day. */
  private static void keepWhatDaysGive(StepContext context, TrainingSet set, Batch batch) {
    long[] hashes = batch.rows().rowHashes();
    int[] labels = batch.rows().labels();
    for (TrainingSet.Day day : set.days()) {
      long[] given =
          IntStream.range(day.first(), day.first() + day.rows())
              .filter(
                  row ->
                      labels[row] == Target.UNLABELLED
                          || Split.forLife(hashes[row]) != Part.HOLDOUT)
              .mapToLong(row -> hashes[row])
              .toArray();
      DataSplit.keepCollected(
          context, set.dayPath(day), set.retrainingId(), set.contentHash(), given);
    }
  }
}
