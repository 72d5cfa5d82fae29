package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import retune.core.data.Shard;
import retune.core.judgement.LabelMaturity;
import retune.core.metrics.Evaluation;
import retune.judgement.Challengers;
import retune.judgement.DayLabels;
import retune.judgement.EvaluatedDays;
import retune.judgement.MeasuredVersion;
import retune.model.batch.Batch;
import retune.model.batch.FeatureCache;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

@About(
    value =
        "Measures a model on the labelled rows of a batch that no training of it has seen, and"
            + " beside the model in production its challengers. The encoded rows are stored, so"
            + " that later steps do not encode them again. While labels still come (rows with"
            + " keys), measures nothing.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example = "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class EvaluateModel implements Step<EvaluateModel.Input, EvaluateModel.Output> {
  private static final Logger LOGGER = System.getLogger(EvaluateModel.class.getName());

  /** Share and age at which late labels suffice, unless stated. */
  static final String MATURE_SHARE = "0.8";

  static final String MATURE_DAYS = "14";

  /** The dataset's name of a day's evaluation. */
  static final String TEST = EvaluatedDays.DATASET;

  public record Input(
      @Field("the version to measure") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field(value = "the name under which the metrics are stored", byDefault = TEST)
          String datasetName,
      @Field(
              value =
                  "number of shards; run the step once for each shard, then once without --shard to"
                      + " merge the results",
              byDefault = "1",
              min = 1,
              max = Shard.MOST)
          int shards,
      @Field(value = "the shard to process, from 0", min = 0) @Nullable Integer shard,
      @Field(
              value =
                  "where rows have keys, so that labels can come later: the least share of them"
                      + " with a label for a verdict on the day",
              byDefault = MATURE_SHARE,
              min = 0,
              max = 1)
          double matureShare,
      @Field(
              value =
                  "where rows have keys: the least number of days (UTC) from the day to a verdict"
                      + " on it, unless every row has a label",
              byDefault = MATURE_DAYS,
              min = 0,
              max = 3650)
          int matureDays) {}

  public record Output(
      @Field("the version measured") String modelId,
      @Field("metrics by name; empty for a shard, and while the day's labels have not matured")
          Map<String, Double> metrics,
      @Field("the processed batch, as model/date") String dataPath,
      @Field("number of labelled rows measured; for a shard, its number of rows") int samples,
      @Field(
              "source of the encoded rows: reused, computed, recomputed: damaged, computed, too"
                  + " many to keep, or none where nothing was measured")
          String features,
      @Field("number of challengers measured on the same rows; for a shard, encoded")
          int challengers,
      @Field("duration in seconds") double seconds,
      @Field(
              "where rows have keys: whether enough labels have come for a verdict; null elsewhere"
                  + " and for a shard")
          @Nullable Boolean labelsMatured,
      @Field("share of the rows with a label, 0 to 1") @Nullable Double labelledShare,
      @Field("days from the day to now, UTC") @Nullable Long labelAgeDays,
      @Field("the same as a sentence") @Nullable String labels) {}

  @Override
  public Output run(Input input, StepContext context) {
    Instant start = context.clock().instant();
    ProcessedBatch batch = Batch.describe(context, input.dataPath());
    if (input.shard() != null) {
      return keepShard(input, new Shard(input.shard(), input.shards()), batch, context, start);
    }
    Optional<DayLabels> labels =
        batch.lateLabels() == null || !input.datasetName().equals(TEST)
            ? Optional.empty()
            : Optional.of(
                DayLabels.decide(
                    context, batch, new LabelMaturity(input.matureShare(), input.matureDays())));
    labels.ifPresent(found -> LOGGER.log(Level.INFO, found.sentence()));
    if (labels.isPresent() && !labels.get().matured()) {
      return output(input, Map.of(), 0, "none", 0, secondsSince(start, context), labels);
    }
    Function<String, MeasuredVersion> measuring = measuring(input, batch, context);
    MeasuredVersion measured = measuring.apply(input.modelId());
    measured.keep(context, input.datasetName());
    int challengers =
        input.datasetName().equals(TEST)
            ? new Challengers(context, batch.model()).measure(measured, measuring)
            : 0;
    Evaluation evaluation = measured.evaluation();
    LOGGER.log(
        Level.INFO,
        String.format(
            Locale.ROOT,
            "Evaluation metrics - Accuracy: %.4f, ROC-AUC: %.4f, F1-score: %.4f",
            evaluation.accuracy(),
            evaluation.rocAuc(),
            evaluation.f1Score()));
    return output(
        input,
        evaluation.toMap(),
        evaluation.rows(),
        measured.features().words(),
        challengers,
        secondsSince(start, context),
        labels);
  }

  private static Output output(
      Input input,
      Map<String, Double> metrics,
      int samples,
      String features,
      int challengers,
      double seconds,
      Optional<DayLabels> labels) {
    return new Output(
        input.modelId(),
        metrics,
        input.dataPath(),
        samples,
        features,
        challengers,
        seconds,
        labels.map(DayLabels::matured).orElse(null),
        labels.map(found -> found.labels().share()).orElse(null),
        labels.map(found -> found.labels().ageDays()).orElse(null),
        labels.map(DayLabels::sentence).orElse(null));
  }

  /** Measures a version on the batch; several versions read its rows once. */
  private static Function<String, MeasuredVersion> measuring(
      Input input, ProcessedBatch batch, StepContext context) {
    if (input.shards() > 1) {
      return modelId -> MeasuredVersion.ofShards(context, modelId, batch, input.shards());
    }
    Batch rows = Batch.load(context, input.dataPath());
    return modelId -> MeasuredVersion.ofAll(context, modelId, rows);
  }

  private static Output keepShard(
      Input input, Shard shard, ProcessedBatch batch, StepContext context, Instant start) {
    FeatureCache.Source source = MeasuredVersion.keepShard(context, input.modelId(), batch, shard);
    int challengers = 0;
    for (String challenger : new Challengers(context, batch.model()).beside(input.modelId())) {
      Runnable keep = () -> MeasuredVersion.keepShard(context, challenger, batch, shard);
      challengers += Challengers.attempt(challenger, keep) ? 1 : 0;
    }
    return output(
        input,
        Map.of(),
        FeatureCache.rows(batch, shard),
        source.words(),
        challengers,
        secondsSince(start, context),
        Optional.empty());
  }

  private static double secondsSince(Instant start, StepContext context) {
    return Duration.between(start, context.clock().instant()).toMillis() / 1000.0;
  }
}
