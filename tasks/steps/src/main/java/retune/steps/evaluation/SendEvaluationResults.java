package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import com.mongodb.client.model.Filters;
import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.core.judgement.VersionStatus.Event;
import retune.core.metrics.Metric;
import retune.judgement.Judgement;
import retune.judgement.RunOutcome;
import retune.model.ModelStore;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.RawBatches;

@About(
    value =
        "Concludes an evaluation from its verdicts: approves the version that passed, rejects the"
            + " candidates that did not, and says which version is to be in production. Nothing"
            + " else approves.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default --logical-date 2026-11-05 --metric f1_macro --threshold 0.65",
    keepsBooks = true)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class SendEvaluationResults
    implements Step<SendEvaluationResults.Input, SendEvaluationResults.Output> {
  private static final String OUTCOMES = "outcomes";

  public record Input(
      @Field("the model's name") String model,
      @Field("the day whose batch was evaluated") LocalDate logicalDate,
      @Field(value = "what was looked at", byDefault = "f1_score") Metric metric,
      @Field(value = "least value that is good enough", byDefault = "0.75", min = 0, max = 1)
          double threshold,
      @Field(value = "attempts at fine-tuning", byDefault = "3", min = 1, max = 3) int maxAttempts,
      @Field(
              value =
                  "whether a fine-tuned version of a day before the last one evaluated may follow"
                      + " the champion",
              byDefault = "false")
          boolean allowBackfillPromotion) {}

  public record Output(
      @Field("approved, retrained, held_back (a back-fill) or failed_max_retries") String status,
      @Field("the version to be in production") String modelId,
      @Field("when that version was made") String modelVersion,
      @Field("the version in production so far") String championId,
      @Field("whether a version was approved") boolean approved,
      @Field("what fine-tuning did") RetrainingInfo retrainingInfo,
      @Field("what happened, in a sentence") String message) {}

  /**
   * Scores of a version that was fine-tuned are on the hold-out, of one that was not on all rows.
   */
  public record RetrainingInfo(
      @Field("whether a fine-tuned version passed") boolean wasRetrained,
      @Field("the version in production so far") @Nullable String originalModelId,
      @Field("its F1 score on the hold-out") @Nullable Double originalF1Score,
      @Field("the version that passed") @Nullable String finetunedModelId,
      @Field("its F1 score on the hold-out") @Nullable Double finetunedF1Score,
      @Field("how much greater its F1 score is") @Nullable Double improvement,
      @Field("the last version's F1 score, where none was retrained") @Nullable Double f1Score,
      @Field("least value that is good enough") @Nullable Double f1Threshold,
      @Field("attempts at fine-tuning") int retryCount) {

    private static RetrainingInfo without(Judgement last) {
      return new RetrainingInfo(
          false,
          null,
          null,
          null,
          null,
          null,
          last.f1Score(),
          last.verdict().threshold(),
          last.attempt());
    }

    private static RetrainingInfo with(Judgement candidate) {
      double original = Judgement.f1Score(candidate.championMetrics());
      return new RetrainingInfo(
          true,
          candidate.championId(),
          original,
          candidate.modelId(),
          candidate.f1Score(),
          candidate.f1Score() - original,
          null,
          null,
          candidate.attempt());
    }

    private Document toDocument() {
      return wasRetrained
          ? new Document("was_retrained", true)
              .append("original_model_id", originalModelId)
              .append("original_f1_score", originalF1Score)
              .append("finetuned_model_id", finetunedModelId)
              .append("finetuned_f1_score", finetunedF1Score)
              .append("improvement", improvement)
              .append("retry_count", retryCount)
          : new Document("was_retrained", false)
              .append("f1_score", f1Score)
              .append("f1_threshold", f1Threshold)
              .append("retry_count", retryCount);
    }
  }

  /**
   * What an outcome comes to.
   *
   * @param production the judgement of the version to be in production
   */
  private record Conclusion(
      String status,
      Judgement production,
      List<Judgement> rejected,
      RetrainingInfo retrainingInfo,
      String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    Gate gate = new Gate(input.metric(), input.threshold());
    String batchId = RawBatches.batchId(input.model(), input.logicalDate());
    RunOutcome outcome = RunOutcome.of(context, batchId, gate, input.maxAttempts());
    Conclusion conclusion =
        input.allowBackfillPromotion || !isBackfill(input, context)
            ? conclude(outcome)
            : concludeBackfill(outcome, input.logicalDate);
    Judgement production = conclusion.production;

    ModelStore models = new ModelStore(context.store(), context.clock());
    conclusion.rejected.forEach(
        judgement -> models.move(judgement.modelId(), Event.REJECT, note(judgement)));
    if (production.passed()) {
      models.move(production.modelId(), Event.APPROVE, note(production));
    }
    Output output =
        new Output(
            conclusion.status,
            production.modelId(),
            models.get(production.modelId()).modelVersion(),
            outcome.champion().modelId(),
            production.passed(),
            conclusion.retrainingInfo,
            conclusion.message);
    record(input, context, output, production);
    return output;
  }

  private static Conclusion conclude(RunOutcome outcome) {
    return switch (outcome) {
      case RunOutcome.Healthy(Judgement champion) ->
          new Conclusion(
              "approved",
              champion,
              List.of(),
              RetrainingInfo.without(champion),
              "%s is approved: %s".formatted(champion.modelId(), champion.verdict().reason()));
      case RunOutcome.Finetuned(Judgement champion, List<Judgement> failed, Judgement candidate) ->
          new Conclusion(
              "retrained",
              candidate,
              failed,
              RetrainingInfo.with(candidate),
              "%s is approved to follow %s: %s"
                  .formatted(
                      candidate.modelId(), champion.modelId(), candidate.verdict().reason()));
      case RunOutcome.Exhausted exhausted ->
          new Conclusion(
              "failed_max_retries",
              exhausted.champion(),
              exhausted.failed(),
              RetrainingInfo.without(exhausted.last()),
              exhausted.message());
    };
  }

  /** A day that was overtaken reports; it does not send an older fit into production. */
  private static Conclusion concludeBackfill(RunOutcome outcome, LocalDate day) {
    if (!(outcome
        instanceof
        RunOutcome.Finetuned(Judgement champion, List<Judgement> failed, Judgement candidate))) {
      return conclude(outcome);
    }
    return new Conclusion(
        "held_back",
        champion,
        failed,
        RetrainingInfo.without(champion),
        "%s passed for %s, but a later day has been evaluated since; allow back-fill promotion to put it into production."
            .formatted(candidate.modelId(), day));
  }

  /** Whether a later day of the model has an outcome; one document a day, so a scan is cheap. */
  private static boolean isBackfill(Input input, StepContext context) {
    String day = input.model + "/" + input.logicalDate;
    String afterAllDays = input.model + "0"; // the character that follows the slash
    return context
            .store()
            .collection(OUTCOMES)
            .find(Filters.and(Filters.gt("_id", day), Filters.lt("_id", afterAllDays)))
            .first()
        != null;
  }

  private static String note(Judgement judgement) {
    Verdict verdict = judgement.verdict();
    return String.format(
        Locale.ROOT,
        "%s Score: %.4f, Threshold: %s, Retry: %d",
        verdict.metric().title(),
        verdict.value(),
        verdict.threshold(),
        judgement.attempt());
  }

  /** The event first, then the marker that the deployment pipeline reads. */
  private static void record(
      Input input, StepContext context, Output output, Judgement production) {
    String day = input.model() + "/" + input.logicalDate();
    String runId = context.run().runId();
    Document event =
        new Document("event_type", "evaluation_complete")
            .append("model_id", output.modelId)
            .append("model_version", output.modelVersion)
            .append("status", output.status)
            .append("metrics", production.metricsDocument())
            .append("metric", input.metric.id())
            .append("threshold", input.threshold)
            .append("retraining_info", output.retrainingInfo.toDocument())
            .append("retry_count", output.retrainingInfo.retryCount)
            .append("message", output.message)
            .append("data_path", RawBatches.batchId(input.model, input.logicalDate))
            .append("dag_id", context.run().dagId())
            .append("run_id", runId);
    context.store().events().record("evaluation_events", "evaluation/" + day + "/" + runId, event);
    Document outcome =
        new Document("status", output.status)
            .append("model_id", output.modelId)
            .append("champion_id", output.championId)
            .append("run_id", runId);
    context.store().events().record(OUTCOMES, day, outcome);
  }
}
