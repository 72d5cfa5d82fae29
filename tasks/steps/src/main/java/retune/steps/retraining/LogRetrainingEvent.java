package retune.steps.retraining;

import com.google.auto.service.AutoService;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.bson.Document;
import retune.core.split.QualityFilter.Reason;
import retune.model.Champions;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.Lease;
import retune.steps.retraining.RetrainingEvents.Status;

@About(
    value =
        "Records how a retraining ended: deployed (approved for the deployment), rejected, or"
            + " failed where it has no outcome, which it tells people. Gives the model's lease"
            + " back.",
    pipeline = Pipeline.RETRAINING,
    work = Work.METADATA,
    example = "--model credit-default --retraining-id retraining-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class LogRetrainingEvent
    implements Step<LogRetrainingEvent.Input, LogRetrainingEvent.Output> {
  private static final Logger LOGGER = System.getLogger(LogRetrainingEvent.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the retraining, as check_retraining_trigger returns it") String retrainingId) {}

  public record Output(
      @Field("deployed, rejected or failed") String status,
      @Field("what started the retraining") String trigger,
      @Field("the event's id in retraining_events") String eventId,
      @Field("the retraining's page, as an id in comparison_reports") String report) {}

  @Override
  public Output run(Input input, StepContext context) {
    String model = input.model();
    String retrainingId = input.retrainingId();
    Document started = RetrainingEvents.started(context.store(), model, retrainingId);
    Optional<RetrainingOutcome> outcome =
        RetrainingOutcome.find(context.store(), model, retrainingId);
    Status status =
        outcome
            .map(ended -> ended.approved() ? Status.DEPLOYED : Status.REJECTED)
            .orElse(Status.FAILED);
    Instant now = context.clock().instant();
    Document details =
        new Document(
            "duration_seconds",
            Duration.between(Instant.parse(started.getString("timestamp")), now).toMillis() / 1e3);
    Document event = new Document("details", details);
    TrainingSet.find(context, model, retrainingId)
        .ifPresent(
            set -> {
              details.append("dataset_size", set.rows());
              event.append("last_day", set.lastDay().toString());
            });
    filterStats(context, model, retrainingId)
        .ifPresent(stats -> details.append("filter_stats", stats));
    outcome.ifPresent(ended -> tell(ended, details, event));
    String trigger = started.getString("trigger");
    if (status == Status.FAILED) {
      String champion = new Champions(context.store()).get(model).modelId();
      String message =
          "%s (%s) failed; the version in production stays. See its run, correct the cause and retrain again."
              .formatted(retrainingId, trigger);
      event.append("model_id", champion).append("champion_id", champion);
      details.append("reason", message);
      new Conclusion(context, model, retrainingId).tell("retraining_failed", champion, message);
    }
    outcome.ifPresent(ended -> keepHistory(context, ended, started));
    RetrainingEvents.add(context, model, retrainingId, trigger, status, event);
    Lease.toRetrain(context.store(), model).release(retrainingId);
    String report = report(context, model, retrainingId, status);
    LOGGER.log(Level.INFO, "{0} ended as {1}.", retrainingId, status.id());
    return new Output(
        status.id(), trigger, RetrainingEvents.id(model, retrainingId, status), report);
  }

  /** The page of the last comparison, or else one that says why nothing was compared. */
  private static String report(
      StepContext context, String model, String retrainingId, Status status) {
    Document event =
        RetrainingEvents.find(context.store(), model, retrainingId, status).orElseThrow();
    Document details = event.get("details", Document.class);
    return RetrainingJudgement.last(context, model, retrainingId)
        .map(judged -> RetrainingReport.id(model, retrainingId, judged.championId()))
        .orElseGet(
            () ->
                RetrainingReport.keepEnd(
                    context,
                    model,
                    retrainingId,
                    event.getString("champion_id"),
                    status,
                    details.getString(status == Status.FAILED ? "reason" : "deployment_reason")));
  }

  /** A line of the model's training history, as earlier readers know it. */
  private static void keepHistory(StepContext context, RetrainingOutcome ended, Document started) {
    String candidateId = ended.candidateId();
    context
        .store()
        .events()
        .startingWith(
            "training_candidates", TrainingSet.dataPath(ended.model(), ended.retrainingId()) + "/")
        .stream()
        .filter(candidate -> candidateId != null)
        .filter(candidate -> Objects.equals(candidateId, candidate.getString("model_id")))
        .findFirst()
        .ifPresent(
            candidate ->
                context
                    .store()
                    .events()
                    .append(
                        "training_history",
                        TrainingSet.dataPath(ended.model(), ended.retrainingId()),
                        new Document("model", ended.model())
                            .append("model_id", candidateId)
                            .append("trained_at", candidate.getString("timestamp"))
                            .append("train_samples", candidate.getInteger("train_samples"))
                            .append("val_loss", candidate.getDouble("val_loss"))
                            .append(
                                RetrainingEvents.DRIFT_DETECTED,
                                started.getBoolean(RetrainingEvents.DRIFT_DETECTED, false))
                            .append("promoted", ended.approved())));
  }

  /** What filter_training_data has left out, from the split of the training set. */
  static Optional<Document> filterStats(StepContext context, String model, String retrainingId) {
    Document split =
        context
            .store()
            .collection("data_splits")
            .find(Filters.eq("data_path", TrainingSet.dataPath(model, retrainingId)))
            .projection(Projections.include("counts", "rejected"))
            .first();
    if (split == null) {
      return Optional.empty();
    }
    Document counts = split.get("counts", Document.class);
    Document rejected = split.get("rejected", new Document());
    int kept = counts.getInteger("training") + counts.getInteger("validation");
    int malformed =
        count(rejected, Reason.OUT_OF_RANGE) + count(rejected, Reason.CONTRADICTING_LABELS);
    int duplicates = count(rejected, Reason.DUPLICATE);
    int uncertain = count(rejected, Reason.LOW_CONFIDENCE);
    return Optional.of(
        new Document("original_count", kept + duplicates + uncertain + malformed)
            .append("duplicates_removed", duplicates)
            .append("low_confidence_removed", uncertain)
            .append("malformed_removed", malformed)
            .append("final_count", kept));
  }

  private static int count(Document rejected, Reason reason) {
    return rejected.get(reason.id(), new Document()).getInteger("count", 0);
  }

  private static void tell(RetrainingOutcome ended, Document details, Document event) {
    Document comparison = ended.comparison();
    if (comparison.containsKey("new_accuracy")) {
      details
          .append("accuracy", comparison.get("new_accuracy"))
          .append("f1_macro", comparison.get("new_f1_macro"));
      Document summary = new Document(comparison).append("deployment_reason", ended.message());
      summary.remove("should_deploy");
      summary.remove("reason");
      event.append("performance_summary", summary);
    }
    details.append("comparison", comparison).append("deployment_reason", ended.message());
    event
        .append("model_id", ended.modelId())
        .append("candidate_id", ended.candidateId())
        .append("champion_id", ended.championId());
  }
}
