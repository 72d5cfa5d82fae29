package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.finetuning.Strategy;
import retune.core.judgement.Check;
import retune.core.metrics.Metric;
import retune.judgement.EarlierVersions;
import retune.judgement.Judgement;
import retune.judgement.RunOutcome;
import retune.judgement.RunOutcome.Exhausted;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;
import retune.runtime.store.RawBatches;
import retune.steps.drift.LastDriftReport;
import retune.steps.notification.Notification;
import retune.steps.notification.Notification.Severity;
import retune.steps.notification.Notifier;

@About(
    value =
        "Sends one alert when neither the model in production nor a fine-tuned version passed, by"
            + " webhook, PagerDuty and e-mail, as configured.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default --logical-date 2026-11-05",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class SendAlert implements Step<SendAlert.Input, SendAlert.Output> {
  private static final Logger LOGGER = System.getLogger(SendAlert.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the day that was evaluated") LocalDate logicalDate,
      @Field("the gate's metric, checked against the run's verdict; can be left out")
          @Nullable Metric metric,
      @Field(
              value = "the gate's threshold, checked against the run's verdict; can be left out",
              min = 0,
              max = 1)
          @Nullable Double threshold,
      @Field(
              value =
                  "number of fine-tuning attempts, checked against the run's verdict; can be left"
                      + " out",
              min = 1,
              max = Strategy.MOST_ATTEMPTS)
          @Nullable Integer maxAttempts) {}

  public record Output(
      @Field("the alert's id") String alertId,
      @Field("the text of the alert") String message,
      @Field(
              "below_gate if no candidate reached the threshold, below_champion if the best one did"
                  + " but is below the champion on the same rows, refused if it failed another"
                  + " check, undecided if the rows are too few to tell, nothing_better if no"
                  + " attempt found a candidate")
          String reason,
      @Field(
              "result of each channel: sent, already sent, failed with the reason, or not"
                  + " configured")
          Map<String, String> delivered) {}

  @Override
  public Output run(Input input, StepContext context) {
    ProcessedBatch batch =
        Batch.describe(context, RawBatches.batchId(input.model(), input.logicalDate()));
    Judgement champion =
        Judgement.ofChampion(context, batch)
            .require(input.metric(), input.threshold(), input.maxAttempts());
    if (!(RunOutcome.of(context, batch, champion) instanceof Exhausted exhausted)) {
      throw new InvalidInputException(
          "The run '%s' ended with a version of '%s' that is approved, or that a person is asked about; no alert is needed."
              .formatted(context.run().runId(), input.model()));
    }
    String alertId =
        "alert/%s/%s/%s".formatted(batch.batchId(), context.run().runId(), champion.key().id());
    context.store().events().record("alerts", alertId, alert(exhausted, batch, context));
    Judgement last = exhausted.last();
    Notification notification =
        new Notification(
            alertId,
            "model_performance_failure",
            Severity.CRITICAL,
            context.clock().instant(),
            last.modelId(),
            new ModelStore(context).get(last.modelId()).modelVersion(),
            exhausted.message(),
            details(exhausted, batch, context));
    Map<String, String> delivered = new Notifier(context).send(notification);
    LOGGER.log(Level.INFO, exhausted.message());
    return new Output(alertId, exhausted.message(), exhausted.reason().id(), delivered);
  }

  private static Document alert(Exhausted exhausted, ProcessedBatch batch, StepContext context) {
    Judgement last = exhausted.last();
    Optional<Judgement> best = exhausted.best();
    Judgement compared = best.orElse(exhausted.champion());
    Optional<Judgement> earlier = EarlierVersions.best(exhausted.earlier());
    Document alert =
        new Document("alert_type", "MODEL_PERFORMANCE_FAILURE")
            .append("severity", "CRITICAL")
            .append("model_id", last.modelId())
            .append("original_model_id", last.championId())
            .append("f1_score", last.f1Score())
            .append("f1_threshold", last.verdict().threshold())
            .append("metric", last.verdict().metric().id())
            .append("score", last.verdict().value())
            .append("value", last.verdict().value())
            .append("threshold", last.verdict().threshold())
            .append("reason", exhausted.reason().id())
            .append("best_candidate_id", best.map(Judgement::modelId).orElse(null))
            .append("best_candidate_attempt", best.map(Judgement::attempt).orElse(null))
            .append(
                "best_candidate_value",
                best.map(judgement -> judgement.verdict().value()).orElse(null))
            .append("champion_id", compared.championId())
            .append("champion_value", compared.championValue())
            .append("best_earlier_id", earlier.map(Judgement::modelId).orElse(null))
            .append(
                "best_earlier_value",
                earlier.map(judgement -> judgement.verdict().value()).orElse(null))
            .append("retry_attempts", exhausted.attempts())
            .append("max_retries", last.key().rules().maxAttempts())
            .append("message", exhausted.message())
            .append("verdict_id", compared.id(context, batch))
            .append("logical_date", batch.logicalDate().toString())
            .append("data_path", batch.batchId());
    shift(exhausted, batch, context)
        .ifPresent(
            report ->
                alert.append("shift", report.shift()).append("shift_reason", report.shiftReason()));
    alert.putAll(Provenance.of(context));
    return alert;
  }

  private static Map<String, String> details(
      Exhausted exhausted, ProcessedBatch batch, StepContext context) {
    Judgement compared = exhausted.best().orElse(exhausted.champion());
    Map<String, String> details = new LinkedHashMap<>();
    details.put("reason", exhausted.reason().id());
    details.put("logical_date", batch.logicalDate().toString());
    details.put("metric", compared.verdict().metric().id());
    details.put("threshold", Double.toString(compared.verdict().threshold()));
    exhausted
        .best()
        .ifPresent(
            best -> {
              details.put("best_candidate_id", best.modelId());
              details.put("best_candidate_value", Check.fourDecimals(best.verdict().value()));
            });
    details.put("champion_id", compared.championId());
    details.put("champion_value", Check.fourDecimals(compared.championValue()));
    EarlierVersions.best(exhausted.earlier())
        .ifPresent(
            earlier -> {
              details.put("best_earlier_id", earlier.modelId());
              details.put("best_earlier_value", Check.fourDecimals(earlier.verdict().value()));
            });
    shift(exhausted, batch, context)
        .map(LastDriftReport::shiftReason)
        .ifPresent(reason -> details.put("shift", reason));
    details.put("retry_attempts", Integer.toString(exhausted.attempts()));
    details.put("run_id", context.run().runId());
    runUrl(context).ifPresent(url -> details.put("run_url", url));
    return details;
  }

  /** What detect_drift made of the day, if it was done by now. */
  private static Optional<LastDriftReport> shift(
      Exhausted exhausted, ProcessedBatch batch, StepContext context) {
    return LastDriftReport.ofBatch(context.store(), batch, exhausted.champion().championId());
  }

  private static Optional<String> runUrl(StepContext context) {
    return context.settings().find("RETUNE_RUN_URL");
  }
}
