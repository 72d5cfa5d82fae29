package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.finetuning.Strategy;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Retention;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.core.judgement.Verdict;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Metric;
import retune.judgement.Challenger;
import retune.judgement.Challengers;
import retune.judgement.DayKey;
import retune.judgement.DayLabels;
import retune.judgement.DayOutcome;
import retune.judgement.ErrorLedger;
import retune.judgement.JudgedPredictions;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.model.batch.Batch;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

@About(
    value =
        "Judges the model in production on a batch by the metrics of evaluate_model, and stores the"
            + " verdict with its reason. With evidence interval, adds the day to the evidence about"
            + " it and about its challengers. A day that has its outcome is not judged again. A day"
            + " whose labels still come is undecided, and adds nothing.",
    pipeline = Pipeline.EVALUATION,
    example =
        "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05 --metric"
            + " f1_macro --threshold 0.65",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class CheckModelPerformance
    implements Step<CheckModelPerformance.Input, CheckModelPerformance.Output> {
  private static final Logger LOGGER = System.getLogger(CheckModelPerformance.class.getName());

  public record Input(
      @Field("the version in production") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field(value = "the gate's metric", byDefault = "f1_score") Metric metric,
      @Field(
              value = "the least value of the metric that passes",
              byDefault = "0.75",
              min = 0,
              max = 1)
          double threshold,
      @Field(
              value =
                  "number of fine-tuning attempts before an alert; in a loop file, at most and by"
                      + " default the number of its attempts",
              byDefault = "3",
              min = 1,
              max = Strategy.MOST_ATTEMPTS)
          int maxAttempts,
      @Field(
              value =
                  "first_passing: each attempt is judged on the hold-out until one passes;"
                      + " best_on_validation: only the best attempt on the validation rows is",
              byDefault = "first_passing")
          Selection selection,
      @Field(
              value =
                  "point: the value on the rows decides; interval: the evidence over days decides"
                      + " about the model in production, a confidence bound about a candidate,"
                      + " and where they do not, the verdict is undecided",
              byDefault = "point")
          Evidence evidence,
      @Field(
              value =
                  "what is asked of a candidate beside the gate: floor (nothing), or terms such as"
                      + " non_inferior(0.01), superior(0.02), within(recall, 0.02),"
                      + " within_class(recall, 0.05), slices(COLUMN, 0.05), flips(0.05) or"
                      + " latency(1.5), joined by 'and'",
              byDefault = "floor",
              format = Field.Format.POLICY)
          String policy,
      @Field(
              value =
                  "how much the gate's metric may fall on ordinary rows, which are the model's"
                      + " reference and those of the last days on which production passed: below"
                      + " the champion, and below the best version ever approved",
              byDefault = "0.05",
              min = 0,
              max = 1)
          double retentionLimit,
      @Field(
              value =
                  "what happens to a candidate that passes on the day and loses more than that:"
                      + " promote and say so, hold, or ask a person",
              byDefault = "promote")
          OnConflict onConflict,
      @Field(
              value =
                  "what happens where no candidate reaches the gate: alert,"
                      + " promote_if_superior to promote the best one, or a proved challenger, if"
                      + " it is surely better than the model in production, or ask a person about"
                      + " one that is",
              byDefault = "alert")
          BelowGate belowGate,
      @Field(
              "SHA-256 of the loop file; a day that was judged with another loop file is judged"
                  + " again")
          @Nullable String loopFileHash) {

    private Rules rules() {
      return new Rules(
          new Gate(metric, threshold),
          maxAttempts,
          selection,
          evidence,
          PromotionPolicy.parse(policy),
          new Retention(retentionLimit, onConflict),
          belowGate);
    }
  }

  public record Output(
      @Field("approved, needs_retraining or undecided, or the day's outcome if it has one")
          String status,
      @Field("metrics by name") Map<String, Double> metrics,
      @Field("whether the model must be fine-tuned") boolean needsRetraining,
      @Field(
              "whether a challenger is proved better than the model, so that look_back judges it on"
                  + " the day's rows")
          boolean challengerIsBetter,
      @Field("the threshold, under the name that earlier readers know") double f1Threshold,
      @Field("the gate's metric") Metric metric,
      @Field("the model's value of the gate's metric; null while the day's labels have not matured")
          @Nullable Double value,
      @Field("the least value that passes") double threshold,
      @Field("fine-tuning attempts so far") int retryCount,
      @Field("fine-tuning attempts before an alert") int maxRetries,
      @Field("the reason, as a sentence") String reason) {}

  @Override
  public Output run(Input input, StepContext context) {
    ProcessedBatch batch = Batch.describe(context, input.dataPath());
    Rules rules = input.rules();
    rules.policy().requireColumns(batch.schema().names());
    DayKey key = DayKey.of(context, batch, input.loopFileHash(), rules);
    Optional<DayOutcome> outcome =
        DayOutcome.find(context.store(), batch.model(), batch.logicalDate(), key);
    Output output =
        outcome.isPresent()
            ? repeat(outcome.get(), context, batch)
            : judge(input, context, batch, key);
    DayLabels.find(context.store(), batch)
        .filter(DayLabels::matured)
        .ifPresent(labels -> labels.markJudged(context, batch));
    LOGGER.log(Level.INFO, output.reason);
    return output;
  }

  private static Output judge(Input input, StepContext context, ProcessedBatch batch, DayKey key) {
    Optional<DayLabels> labels = DayLabels.find(context.store(), batch);
    if (key.awaitsLabels()) {
      Judgement awaiting = Judgement.awaitingLabels(input.modelId(), labels.orElseThrow(), key);
      awaiting.keep(context, batch);
      return output(awaiting, awaiting.status(), false, false, 0, awaiting.verdict().reason());
    }
    Document measured = measured(input, context, batch);
    Map<String, Double> metrics = Judgement.numbers(measured.get("metrics", Document.class));
    Gate gate = key.rules().gate();
    int rows = measured.getInteger("judged_rows");
    Verdict verdict =
        switch (key.rules().evidence()) {
          case POINT -> gate.judge(metrics, rows);
          case INTERVAL ->
              new ErrorLedger(context, batch.model())
                  .count(batch, measured, gate)
                  .judge(gate, metrics, rows);
        };
    Judgement judgement =
        new Judgement(
            0,
            false,
            input.modelId(),
            input.modelId(),
            labels.map(found -> restingOn(found, verdict)).orElse(verdict),
            metrics,
            metrics,
            JudgedPredictions.ofChampion(measured.getString(MeasuredVersion.PREDICTIONS)),
            key);
    judgement.keep(context, batch);
    boolean needsRetraining = verdict.kind() == Kind.NEEDS_RETRAINING;
    boolean better = challengerIsBetter(context, batch, judgement);
    return output(
        judgement, judgement.status(), needsRetraining, better, 0, judgement.verdict().reason());
  }

  /** The verdict with what it rests on, where labels come after their rows. */
  private static Verdict restingOn(DayLabels labels, Verdict verdict) {
    return new Verdict(
        verdict.kind(),
        verdict.metric(),
        verdict.value(),
        verdict.threshold(),
        verdict.checks(),
        verdict.reason() + " " + labels.sentence());
  }

  /** Logs where each challenger stands after the day. */
  private static boolean challengerIsBetter(
      StepContext context, ProcessedBatch batch, Judgement champion) {
    List<Challenger> challengers = new Challengers(context, batch.model()).after(batch, champion);
    challengers.forEach(challenger -> LOGGER.log(Level.INFO, challenger.sentence()));
    return challengers.stream().anyMatch(Challenger::isBetter);
  }

  /** The day's verdict as it was, kept for this run too, so that its later steps find it. */
  private static Output repeat(DayOutcome outcome, StepContext context, ProcessedBatch batch) {
    Judgement judgement =
        Judgement.ofChampion(context, batch.batchId(), outcome.runId(), outcome.key())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "The verdict of the run '%s' on '%s' is not in the store, though its outcome"
                                .formatted(outcome.runId(), batch.batchId())
                            + " is; restore the collection verdicts from a backup."));
    judgement.keep(context, batch);
    return output(
        judgement,
        outcome.status().id(),
        false,
        false,
        outcome.retrainingInfo().retryCount(),
        "%s has its outcome, revision %d of the run '%s': %s"
            .formatted(batch.batchId(), outcome.revision(), outcome.runId(), outcome.message()));
  }

  private static Output output(
      Judgement judgement,
      String status,
      boolean needsRetraining,
      boolean challengerIsBetter,
      int attempts,
      String reason) {
    Verdict verdict = judgement.verdict();
    return new Output(
        status,
        judgement.metrics(),
        needsRetraining,
        challengerIsBetter,
        verdict.threshold(),
        verdict.metric(),
        judgement.value(),
        verdict.threshold(),
        attempts,
        judgement.key().rules().maxAttempts(),
        reason);
  }

  private static Document measured(Input input, StepContext context, ProcessedBatch batch) {
    String id = MeasuredVersion.id(input.modelId(), batch.contentHash(), EvaluateModel.TEST);
    return context
        .store()
        .events()
        .find(MeasuredVersion.COLLECTION, id)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' was not evaluated on the current content of '%s'; run evaluate_model first."
                        .formatted(input.modelId(), input.dataPath())));
  }
}
