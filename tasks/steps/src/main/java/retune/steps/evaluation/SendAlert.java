package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.judgement.Gate;
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
import retune.steps.notification.Notification;
import retune.steps.notification.Notification.Severity;
import retune.steps.notification.Notifier;

@About(
    value =
        "Tells people, once, that a model falls short and that no attempt at fine-tuning helped:"
            + " by webhook, PagerDuty and e-mail, as far as they are set up.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default --logical-date 2026-11-05 --metric f1_macro --threshold 0.65",
    keepsBooks = true)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class SendAlert implements Step<SendAlert.Input, SendAlert.Output> {
  public record Input(
      @Field("the model's name") String model,
      @Field("the day whose batch was evaluated") LocalDate logicalDate,
      @Field(value = "what was looked at", byDefault = "f1_score") Metric metric,
      @Field(value = "least value that is good enough", byDefault = "0.75", min = 0, max = 1)
          double threshold,
      @Field(value = "attempts at fine-tuning", byDefault = "3", min = 1, max = 3)
          int maxAttempts) {}

  public record Output(
      @Field("names the alert") String alertId,
      @Field("what people are told") String message,
      @Field("by channel: sent, already sent, failed: why, or not configured")
          Map<String, String> delivered) {}

  @Override
  public Output run(Input input, StepContext context) {
    String batchId = RawBatches.batchId(input.model(), input.logicalDate());
    Gate gate = new Gate(input.metric(), input.threshold());
    if (!(RunOutcome.of(context, batchId, gate, input.maxAttempts())
        instanceof RunOutcome.Exhausted exhausted)) {
      throw new InvalidInputException(
          "The run '%s' ended with a version of '%s' that is good enough; there is nothing to alert"
                  .formatted(context.run().runId(), input.model())
              + " of.");
    }
    Judgement last = exhausted.last();
    String alertId =
        "alert/%s/%s/%s".formatted(input.model(), input.logicalDate(), context.run().runId());
    Document alert =
        new Document("alert_type", "MODEL_PERFORMANCE_FAILURE")
            .append("severity", "CRITICAL")
            .append("model_id", last.modelId())
            .append("original_model_id", last.championId())
            .append("f1_score", last.f1Score())
            .append("f1_threshold", input.threshold())
            .append("metric", input.metric().id())
            .append("score", last.verdict().value())
            .append("retry_attempts", last.attempt())
            .append("max_retries", input.maxAttempts())
            .append("message", exhausted.message())
            .append("data_path", batchId)
            .append("dag_id", context.run().dagId())
            .append("run_id", context.run().runId());
    context.store().events().record("alerts", alertId, alert);

    Map<String, String> details = new LinkedHashMap<>();
    details.put("original_model_id", last.championId());
    details.put("logical_date", input.logicalDate().toString());
    details.put("metric", input.metric().id());
    details.put("score", String.format(Locale.ROOT, "%.4f", last.verdict().value()));
    details.put("threshold", Double.toString(input.threshold()));
    details.put("retry_attempts", Integer.toString(last.attempt()));
    details.put("run_id", context.run().runId());
    Notification notification =
        new Notification(
            alertId,
            "model_performance_failure",
            Severity.CRITICAL,
            context.clock().instant(),
            last.modelId(),
            new ModelStore(context.store(), context.clock()).get(last.modelId()).modelVersion(),
            exhausted.message(),
            details);
    return new Output(alertId, exhausted.message(), new Notifier(context).send(notification));
  }
}
