package retune.steps.evaluation;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import retune.core.judgement.Check;
import retune.core.statistics.Interval;
import retune.judgement.ApprovalAnswer;
import retune.judgement.ApprovalRequest;
import retune.judgement.RunOutcome;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.steps.notification.Notification;
import retune.steps.notification.Notification.Severity;
import retune.steps.notification.Notifier;

/** Asks people whether a version may follow the champion. */
final class Question {
  private Question() {}

  /** Keeps the question, before the day's outcome says that it was asked. */
  static ApprovalRequest ask(
      StepContext context, ProcessedBatch batch, RunOutcome.Asked asked, Champion champion) {
    String version = new ModelStore(context).get(asked.candidate().modelId()).modelVersion();
    return ApprovalRequest.of(context, batch, asked, champion, version).keep(context);
  }

  /** Tells people, once, unless someone has answered. */
  static void send(StepContext context, ApprovalRequest request) {
    if (ApprovalAnswer.find(context.store(), request).isPresent()) {
      return;
    }
    new Notifier(context)
        .send(
            new Notification(
                "approval_request/" + request.id(),
                "approval_request",
                Severity.INFO,
                request.askedAt(),
                request.modelId(),
                request.modelVersion(),
                request.question(),
                details(context, request)));
  }

  private static Map<String, String> details(StepContext context, ApprovalRequest request) {
    ApprovalRequest.Gain gain = request.gain();
    Map<String, String> details = new LinkedHashMap<>();
    details.put("request_id", request.id());
    details.put("expires_at", request.expiresAt().toString());
    details.put("logical_date", request.date().toString());
    details.put("metric", request.key().rules().gate().metric().id());
    details.put("threshold", Double.toString(request.key().rules().gate().threshold()));
    details.put("best_candidate_id", request.modelId());
    details.put("best_candidate_value", Check.fourDecimals(gain.value()));
    details.put("champion_id", request.championId());
    details.put("champion_value", Check.fourDecimals(gain.championValue()));
    details.put("gain", Check.fourDecimals(gain.difference()));
    Optional<Interval> interval = Optional.ofNullable(gain.interval());
    interval.ifPresent(
        found ->
            details.put(
                "gain_interval",
                "%s to %s"
                    .formatted(Check.fourDecimals(found.low()), Check.fourDecimals(found.high()))));
    details.put("approve", "./retune approve " + request.modelId());
    details.put("reject", "./retune reject " + request.modelId());
    details.put("run_id", request.runId());
    context.settings().find("RETUNE_RUN_URL").ifPresent(url -> details.put("run_url", url));
    return details;
  }
}
