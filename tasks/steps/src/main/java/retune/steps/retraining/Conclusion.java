package retune.steps.retraining;

import com.mongodb.client.model.Filters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.Verdict;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.StepContext;
import retune.runtime.store.Lease;
import retune.steps.notification.Notification;
import retune.steps.notification.Notification.Severity;
import retune.steps.notification.Notifier;

/** Ends a retraining: moves the candidates' status, and keeps the outcome last. */
final class Conclusion {
  private final StepContext context;
  private final ModelStore models;
  private final String model;
  private final String retrainingId;

  Conclusion(StepContext context, String model, String retrainingId) {
    this.context = context;
    this.models = new ModelStore(context);
    this.model = model;
    this.retrainingId = retrainingId;
  }

  /** The outcome that an earlier try kept. */
  Optional<RetrainingOutcome> earlier() {
    return RetrainingOutcome.find(context.store(), model, retrainingId);
  }

  /** Refuses a retraining whose lease another one has taken. */
  void requireLease() {
    Lease lease = Lease.toRetrain(context.store(), model);
    if (!lease.isOf(retrainingId)) {
      throw new InvalidInputException(
          "'%s' has no lease of '%s' any more%s; nothing is promoted. Retrain again."
              .formatted(
                  retrainingId,
                  model,
                  lease.find().map(held -> ", %s has".formatted(held.holder())).orElse("")));
    }
  }

  /** Approves the candidate; one that was rolled back is kept out. */
  RetrainingOutcome promote(RetrainingJudgement judgement, Champion champion) {
    Optional<Bar> bar = champion.bar(judgement.modelId());
    if (bar.isPresent()) {
      return keep(judgement.modelId(), judgement, champion.modelId(), bar.get().sentence());
    }
    rejectOthers(judgement.modelId());
    models.move(judgement.modelId(), Event.APPROVE, note(judgement.reason()));
    return new RetrainingOutcome(
            model,
            retrainingId,
            true,
            judgement.modelId(),
            judgement.modelId(),
            champion.modelId(),
            judgement.comparison(),
            "%s is approved to follow %s: %s"
                .formatted(judgement.modelId(), champion.modelId(), judgement.reason()))
        .keep(context);
  }

  /**
   * Keeps the version in production and tells people. A candidate that is undecided stays a
   * challenger, which the daily loop measures on.
   *
   * @param candidateId null if the training found nothing
   * @param judgement null if nothing was judged
   */
  RetrainingOutcome keep(
      @Nullable String candidateId,
      @Nullable RetrainingJudgement judgement,
      String championId,
      String reason) {
    rejectOthers(candidateId);
    if (candidateId != null) {
      boolean undecided = judgement != null && judgement.kind() == Verdict.Kind.UNDECIDED;
      models.move(candidateId, undecided ? Event.CHALLENGE : Event.REJECT, note(reason));
    }
    String message =
        candidateId == null
            ? "%s stays: %s".formatted(championId, reason)
            : "%s stays, and %s is not promoted: %s".formatted(championId, candidateId, reason);
    tell("retraining_rejected", championId, message);
    return new RetrainingOutcome(
            model,
            retrainingId,
            false,
            championId,
            candidateId,
            championId,
            judgement == null ? new Document() : judgement.comparison(),
            message)
        .keep(context);
  }

  /** Sends one notification. */
  void tell(String type, String modelId, String message) {
    new Notifier(context)
        .send(
            new Notification(
                "%s/%s/%s".formatted(type, model, retrainingId),
                type,
                Severity.INFO,
                context.clock().instant(),
                modelId,
                models.get(modelId).modelVersion(),
                message,
                Map.of("model", model, "retraining_id", retrainingId)));
  }

  /** Rejects what the retraining registered beside the chosen version. */
  private void rejectOthers(@Nullable String chosen) {
    List<Document> attempts =
        context
            .store()
            .collection("attempts")
            .find(Filters.eq("data_path", TrainingSet.dataPath(model, retrainingId)))
            .into(new ArrayList<>());
    for (Document attempt : attempts) {
      String modelId = attempt.getString("model_id");
      if (modelId != null
          && !modelId.equals(chosen)
          && models.status(modelId) == VersionStatus.CANDIDATE) {
        models.move(
            modelId, Event.REJECT, note("Another candidate was better on the validation rows."));
      }
    }
  }

  private String note(String reason) {
    return "%s: %s".formatted(retrainingId, reason);
  }

  /** The version in production. */
  Champion champion() {
    return new Champions(context.store()).get(model);
  }
}
