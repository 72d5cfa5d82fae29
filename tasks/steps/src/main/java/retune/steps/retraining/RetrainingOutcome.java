package retune.steps.retraining;

import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.model.Champions.Champion;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Provenance;

/**
 * How a retraining ended. The collection {@code retraining_outcomes} holds it under {@code
 * MODEL/RETRAINING} and never changes it; the deployment reads it.
 *
 * @param approved whether a version was approved to follow the champion
 * @param modelId that version, or the version in production
 * @param candidateId the version that the retraining made; null for none
 * @param championId the version in production that it was compared with
 * @param comparison see {@link RetrainingJudgement}
 * @param message what happened, in sentences
 */
public record RetrainingOutcome(
    String model,
    String retrainingId,
    boolean approved,
    String modelId,
    @Nullable String candidateId,
    String championId,
    Document comparison,
    String message) {
  private static final String COLLECTION = "retraining_outcomes";

  /** The outcome of a retraining; empty while it runs, or where it failed. */
  public static Optional<RetrainingOutcome> find(
      DocumentStore store, String model, String retrainingId) {
    return store
        .events()
        .find(COLLECTION, model + "/" + retrainingId)
        .map(
            document ->
                new RetrainingOutcome(
                    model,
                    retrainingId,
                    document.getBoolean("approved"),
                    document.getString("model_id"),
                    document.getString("candidate_id"),
                    document.getString("champion_id"),
                    document.get("comparison", Document.class),
                    document.getString("message")));
  }

  /** Why a version that was compared with another champion is not deployed. */
  public String overtaken(Champion champion) {
    return "%s was compared with %s, but %s meanwhile; retrain again."
        .formatted(modelId, championId, champion.move());
  }

  /** Keeps this outcome; returns the one that was kept first. */
  RetrainingOutcome keep(StepContext context) {
    Document document = Provenance.of(context);
    document
        .append("model", model)
        .append("retraining_id", retrainingId)
        .append("status", approved ? "promoted" : "kept")
        .append("approved", approved)
        .append("model_id", modelId)
        .append("candidate_id", candidateId)
        .append("champion_id", championId)
        .append("comparison", comparison)
        .append("message", message);
    context.store().events().append(COLLECTION, model + "/" + retrainingId, document);
    return find(context.store(), model, retrainingId).orElseThrow();
  }
}
