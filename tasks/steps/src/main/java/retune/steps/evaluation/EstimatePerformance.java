package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.UnaryOperator;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.estimation.LabelledDays;
import retune.core.estimation.PerformanceEstimate;
import retune.core.metrics.DecisionRule;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Interval;
import retune.core.statistics.NormalApproximation;
import retune.judgement.EvaluatedDays;
import retune.judgement.MeasuredVersion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.FeatureCache;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Outputs;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.drift.LabelCalibration;
import retune.steps.drift.LastDriftReport;

@About(
    value =
        "Estimates a metric on a batch whose labels are not known yet, by the model's calibrated"
            + " probabilities, and corrects it by what the last labelled days showed. Stores the"
            + " estimate with its interval, and beside it the metric of the labels that are known."
            + " It holds where the label depends on the columns as before; says whether"
            + " detect_drift found that the columns have moved. Decides nothing.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example =
        "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05 --metric"
            + " f1_macro --threshold 0.65")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class EstimatePerformance
    implements Step<EstimatePerformance.Input, EstimatePerformance.Output> {
  /** The estimates. */
  public static final String COLLECTION = "performance_estimates";

  private static final Logger LOGGER = System.getLogger(EstimatePerformance.class.getName());
  private static final double CONFIDENCE = 0.95;

  /** Labelled days that correct an estimate. */
  private static final int MOST_DAYS = 5;

  /** With fewer labelled rows of days, the reference corrects, too. */
  private static final int ENOUGH_ROWS = 1_000;

  /** Below this probability, labelled days contradict the model's probabilities. */
  private static final double CONTRADICTED = 0.01;

  public record Input(
      @Field("the version whose performance is estimated") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field(value = "the metric", byDefault = "f1_score") Metric metric,
      @Field(value = "a limit that the estimate is compared with", min = 0, max = 1)
          @Nullable Double threshold) {}

  public record Output(
      @Field("the version whose performance is estimated") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field("the metric") Metric metric,
      @Field("the estimate, corrected; null where the metric is not defined")
          @Nullable Double estimate,
      @Field("lower end of the 95 % interval in which the metric of the true labels is expected")
          @Nullable Double low,
      @Field("upper end of that interval") @Nullable Double high,
      @Field("the estimate by calibrated probabilities alone") @Nullable Double uncorrected,
      @Field("the batches whose labels correct the estimate") List<String> correctedBy,
      @Field(
              "whether these labels show that the model's probabilities no longer hold, so that the"
                  + " estimate is only as good as its correction")
          boolean contradicted,
      @Field(
              "whether detect_drift found that the batch has drifted, so that the estimate may be"
                  + " far off; null where it did not compare the batch")
          @Nullable Boolean drifted,
      @Field("number of rows") int rows,
      @Field("number of those rows whose label is known") int labelled,
      @Field("the metric on the rows whose label is known; null without any")
          @Nullable Double known,
      @Field("whether the interval lies below or above the threshold; null without one")
          @Nullable Position position,
      @Field("what was found, as a sentence") String reason) {}

  /** Where an interval lies, compared with a threshold. */
  public enum Position {
    BELOW("All of the interval is below the threshold of %s."),
    ABOVE("All of the interval reaches the threshold of %s."),
    UNCLEAR("The threshold of %s lies in the interval.");

    private final String sentence;

    Position(String sentence) {
      this.sentence = sentence;
    }

    /** The name in results and in the store. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    private static Position of(Interval interval, double threshold) {
      if (interval.high() < threshold) {
        return BELOW;
      }
      return interval.low() >= threshold ? ABOVE : UNCLEAR;
    }

    private String sentence(@Nullable Double threshold) {
      return sentence.formatted(threshold);
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    Batch batch = Batch.load(context, input.dataPath());
    ModelVersion version = new ModelStore(context).get(input.modelId());
    version.requireHead();
    Predictions answers = answers(context, version, batch.requireFor(version));
    SequencedMap<String, Predictions> labelled = labelled(version, batch, context);
    UnaryOperator<Predictions> calibrated =
        LabelCalibration.of(version, labelled.sequencedValues());
    SequencedMap<String, LabelledDays.Day> days = new LinkedHashMap<>();
    labelled.forEach(
        (name, predictions) ->
            day(input.metric(), calibrated.apply(predictions))
                .ifPresent(day -> days.put(name, day)));
    int[] labels = batch.rows().labels();
    int known = (int) Arrays.stream(labels).filter(label -> label != Target.UNLABELLED).count();
    Output output =
        new Found(
                input,
                estimate(input.metric(), calibrated.apply(answers)),
                List.copyOf(days.sequencedKeySet()),
                days.isEmpty()
                    ? Optional.empty()
                    : Optional.of(LabelledDays.of(List.copyOf(days.values()))),
                version.calibration() != null,
                LastDriftReport.ofBatch(context.store(), batch.description(), version.modelId())
                    .map(LastDriftReport::detected),
                labels.length,
                known,
                known == 0 ? Optional.empty() : known(input.metric(), version, labels, answers))
            .output();
    keep(context, batch, input.threshold(), output);
    LOGGER.log(Level.INFO, output.reason());
    return output;
  }

  /**
   * What the output is made of.
   *
   * @param days that were compared with their labels
   * @param labels what they showed
   * @param calibrated whether the version is
   * @param labelled rows whose label is known
   * @param known the metric on the rows whose label is known
   */
  private record Found(
      Input input,
      PerformanceEstimate uncorrected,
      List<String> days,
      Optional<LabelledDays> labels,
      boolean calibrated,
      Optional<Boolean> drifted,
      int rows,
      int labelled,
      Optional<Double> known) {
    private Output output() {
      Optional<Interval> interval = interval();
      return new Output(
          input.modelId(),
          input.dataPath(),
          input.metric(),
          defined(corrected().estimate()).map(EstimatePerformance::inRange).orElse(null),
          interval.map(Interval::low).orElse(null),
          interval.map(Interval::high).orElse(null),
          defined(uncorrected.value()).orElse(null),
          days,
          contradicted(),
          drifted.orElse(null),
          rows,
          labelled,
          known.orElse(null),
          position().orElse(null),
          reason());
    }

    private NormalApproximation corrected() {
      return labels.map(found -> found.correct(uncorrected)).orElseGet(uncorrected::distribution);
    }

    private Optional<Interval> interval() {
      Interval ends = corrected().interval(CONFIDENCE);
      return defined(ends.low())
          .map(low -> new Interval(inRange(low), inRange(ends.high()), CONFIDENCE));
    }

    private boolean contradicted() {
      return labels.map(found -> found.pValue() < CONTRADICTED).orElse(false);
    }

    private Optional<Position> position() {
      Double threshold = input.threshold();
      return threshold == null
          ? Optional.empty()
          : interval().map(ends -> Position.of(ends, threshold));
    }

    private String reason() {
      if (interval().isEmpty()) {
        return ("%s cannot be estimated on '%s', because the model is certain of the same class for"
                + " all rows.")
            .formatted(input.metric().title(), input.dataPath());
      }
      Interval ends = interval().get();
      List<String> sentences = new ArrayList<>();
      sentences.add(
          String.format(
              Locale.ROOT,
              "%s is estimated at %.4f on the %d rows of '%s'; the labels will give between %.4f"
                  + " and %.4f with 95 %% confidence.",
              input.metric().title(),
              inRange(corrected().estimate()),
              rows,
              input.dataPath(),
              ends.low(),
              ends.high()));
      sentences.add(
          labels
              .map(
                  found ->
                      String.format(
                          Locale.ROOT,
                          "%s alone give %.4f; the labels of %s change that by %+.4f.",
                          calibrated
                              ? "The model's probabilities"
                              : "The model's probabilities, which these labels calibrate,",
                          uncorrected.value(),
                          String.join(", ", days),
                          found.mean()))
              .orElse(
                  "No labels correct this, because no earlier day of this version was evaluated and"
                      + " its model has no reference rows."
                      + (calibrated ? "" : " The model's probabilities are not calibrated.")));
      if (contradicted()) {
        sentences.add(
            "Those labels contradict the model's probabilities: the label's relation to the columns"
                + " has changed, and the estimate holds only if it changes no further.");
      }
      if (drifted.orElse(false)) {
        sentences.add(
            "The batch has drifted from the reference, as detect_drift found: the estimate may be"
                + " far off, because it holds only if the label depends on the columns as before.");
      }
      known.ifPresent(
          value ->
              sentences.add(
                  String.format(
                      Locale.ROOT, "The %d labels that are known give %.4f.", labelled, value)));
      position().ifPresent(position -> sentences.add(position.sentence(input.threshold())));
      return String.join(" ", sentences);
    }
  }

  /** The version's answers to all rows; each label is the first class and says nothing. */
  private static Predictions answers(StepContext context, ModelVersion version, Batch batch) {
    int rows = batch.description().rows();
    try (Engine engine = Engines.open(version, new ModelStore(context).weights(version), rows)) {
      return Outputs.of(new FeatureCache(context).answers(version, engine, batch).logits(), version)
          .against(new int[rows]);
    }
  }

  private static PerformanceEstimate estimate(Metric metric, Predictions answers) {
    return PerformanceEstimate.of(
        metric,
        answers.probabilities(),
        new DecisionRule(answers.classes(), answers.positive(), answers.threshold()));
  }

  /** The answers on the last labelled days; with few rows there, on the reference, too. */
  private static SequencedMap<String, Predictions> labelled(
      ModelVersion version, Batch batch, StepContext context) {
    SequencedMap<String, Predictions> labelled =
        new LinkedHashMap<>(
            EvaluatedDays.before(context, version, batch.description().logicalDate(), MOST_DAYS));
    if (labelled.values().stream().mapToInt(Predictions::rows).sum() < ENOUGH_ROWS) {
      String reference = Batch.referenceId(batch.description().model());
      context
          .store()
          .processedBatches()
          .find(reference)
          .filter(found -> found.preprocessingHash().equals(version.preprocessing().hash()))
          .map(
              found ->
                  MeasuredVersion.ofAll(context, version.modelId(), Batch.load(context, reference)))
          .ifPresent(measured -> labelled.put(reference, measured.predictions()));
    }
    return labelled;
  }

  /** Truth and estimate of labelled rows; empty where the metric is not defined. */
  private static Optional<LabelledDays.Day> day(Metric metric, Predictions labelled) {
    PerformanceEstimate estimate = estimate(metric, labelled);
    double truth = metric.of(labelled);
    return Double.isFinite(truth) && Double.isFinite(estimate.value())
        ? Optional.of(new LabelledDays.Day(truth, estimate, labelled.rows()))
        : Optional.empty();
  }

  private static Optional<Double> defined(double value) {
    return Double.isFinite(value) ? Optional.of(value) : Optional.empty();
  }

  private static double inRange(double value) {
    return Math.clamp(value, 0, 1);
  }

  private static Optional<Double> known(
      Metric metric, ModelVersion version, int[] labels, Predictions answers) {
    return defined(
        metric.of(
            Predictions.of(
                version.target(), labels, answers.probabilities(), answers.threshold())));
  }

  private static void keep(
      StepContext context, Batch batch, @Nullable Double threshold, Output output) {
    Position position = output.position();
    context
        .store()
        .events()
        .record(
            COLLECTION,
            "%s/%s/%s".formatted(output.modelId(), batch.contentHash(), output.metric().id()),
            new Document("model_id", output.modelId())
                .append("data_path", output.dataPath())
                .append("content_hash", batch.contentHash())
                .append("metric", output.metric().id())
                .append("estimate", output.estimate())
                .append("low", output.low())
                .append("high", output.high())
                .append("uncorrected", output.uncorrected())
                .append("corrected_by", output.correctedBy())
                .append("contradicted", output.contradicted())
                .append("drifted", output.drifted())
                .append("rows", output.rows())
                .append("labelled", output.labelled())
                .append("known", output.known())
                .append("threshold", threshold)
                .append("position", position == null ? null : position.id())
                .append("reason", output.reason()));
  }
}
