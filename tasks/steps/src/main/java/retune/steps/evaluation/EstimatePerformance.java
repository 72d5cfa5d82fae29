package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
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

@About(
    value =
        "Estimates a metric on a batch whose labels are not known yet, by the model's calibrated"
            + " probabilities, and corrects it by what the last labelled days showed. Stores the"
            + " estimate with its interval, and beside it the metric of the labels that are known."
            + " An estimate never decides about a model.",
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
      @Field("the estimate by the model's probabilities alone") @Nullable Double uncorrected,
      @Field("the batches whose labels correct the estimate") List<String> correctedBy,
      @Field(
              "whether these labels show that the model's probabilities no longer hold, so that the"
                  + " estimate is only as good as its correction")
          boolean contradicted,
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
    double[] probabilities = probabilities(context, version, batch.requireFor(version));
    SequencedMap<String, LabelledDays.Day> days =
        labelledDays(input.metric(), version, batch, context);
    int[] labels = batch.rows().labels();
    int labelled = (int) Arrays.stream(labels).filter(label -> label != Target.UNLABELLED).count();
    Output output =
        new Found(
                input,
                estimate(input.metric(), probabilities, version),
                List.copyOf(days.sequencedKeySet()),
                days.isEmpty()
                    ? Optional.empty()
                    : Optional.of(LabelledDays.of(List.copyOf(days.values()))),
                version.calibration() != null,
                labels.length,
                labelled,
                labelled == 0
                    ? Optional.empty()
                    : known(input.metric(), version, labels, probabilities))
            .output();
    keep(context, batch, output);
    LOGGER.log(Level.INFO, output.reason());
    return output;
  }

  /**
   * What the output is made of.
   *
   * @param days that were compared with their labels
   * @param labels what they showed
   * @param known the metric on the rows whose label is known
   */
  private record Found(
      Input input,
      PerformanceEstimate uncorrected,
      List<String> days,
      Optional<LabelledDays> labels,
      boolean calibrated,
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
                          "The model's probabilities alone give %.4f; the labels of %s change that"
                              + " by %+.4f.",
                          uncorrected.value(),
                          String.join(", ", days),
                          found.mean()))
              .orElse(
                  "No labels correct this, because no earlier day of this version was evaluated and"
                      + " its model has no reference rows."));
      if (contradicted()) {
        sentences.add(
            calibrated
                ? "Those labels contradict the model's probabilities: the label's relation to the"
                    + " columns has changed, and the estimate holds only if it changes no further."
                : "Those labels contradict the model's probabilities, which are not calibrated.");
      } else if (!calibrated) {
        sentences.add("The model's probabilities are not calibrated.");
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

  private static double[] probabilities(StepContext context, ModelVersion version, Batch batch) {
    try (Engine engine =
        Engines.open(
            version, new ModelStore(context).weights(version), batch.description().rows())) {
      Outputs outputs =
          Outputs.of(new FeatureCache(context).answers(version, engine, batch).logits(), version);
      int classes = version.target().classes().size();
      double[] probabilities = new double[outputs.rows() * classes];
      for (int row = 0; row < outputs.rows(); row++) {
        System.arraycopy(outputs.probabilities(row), 0, probabilities, row * classes, classes);
      }
      return probabilities;
    }
  }

  private static PerformanceEstimate estimate(
      Metric metric, double[] probabilities, ModelVersion version) {
    return PerformanceEstimate.of(
        metric, probabilities, DecisionRule.of(version.target(), version.decisionThreshold()));
  }

  /** Truth and estimate on the last labelled days; with few rows there, on the reference, too. */
  private static SequencedMap<String, LabelledDays.Day> labelledDays(
      Metric metric, ModelVersion version, Batch batch, StepContext context) {
    SequencedMap<String, LabelledDays.Day> days = new LinkedHashMap<>();
    EvaluatedDays.before(context, version, batch.description().logicalDate(), MOST_DAYS)
        .forEach((day, predictions) -> add(days, day, metric, version, predictions));
    if (days.values().stream().mapToInt(LabelledDays.Day::rows).sum() < ENOUGH_ROWS) {
      String reference = Batch.referenceId(batch.description().model());
      context
          .store()
          .processedBatches()
          .find(reference)
          .filter(found -> found.preprocessingHash().equals(version.preprocessing().hash()))
          .map(
              found ->
                  MeasuredVersion.ofAll(context, version.modelId(), Batch.load(context, reference)))
          .ifPresent(measured -> add(days, reference, metric, version, measured.predictions()));
    }
    return days;
  }

  private static void add(
      Map<String, LabelledDays.Day> days,
      String name,
      Metric metric,
      ModelVersion version,
      Predictions predictions) {
    PerformanceEstimate estimate = estimate(metric, predictions.probabilities(), version);
    double truth = metric.of(predictions);
    if (Double.isFinite(truth) && Double.isFinite(estimate.value())) {
      days.put(name, new LabelledDays.Day(truth, estimate, predictions.rows()));
    }
  }

  private static Optional<Double> defined(double value) {
    return Double.isFinite(value) ? Optional.of(value) : Optional.empty();
  }

  private static double inRange(double value) {
    return Math.clamp(value, 0, 1);
  }

  private static Optional<Double> known(
      Metric metric, ModelVersion version, int[] labels, double[] probabilities) {
    return defined(
        metric.of(
            Predictions.of(version.target(), labels, probabilities, version.decisionThreshold())));
  }

  private static void keep(StepContext context, Batch batch, Output output) {
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
                .append("rows", output.rows())
                .append("labelled", output.labelled())
                .append("known", output.known())
                .append("reason", output.reason()));
  }
}
