package retune.judgement;

import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The version from which a loop measures what a candidate may lose: the best that was ever
 * approved. A version takes its place only where its verdict has shown more of the gate's metric on
 * ordinary rows, so that small losses from champion to champion do not add up.
 *
 * @param modelId null where the champion is the best version, or where that cannot be compared
 * @param obstacle why it cannot be compared, as a sentence without a full stop; null where it can
 */
public record Anchor(@Nullable String modelId, @Nullable String obstacle) {
  /** The name of the check that says why there is no comparison with the best version. */
  static final String CHECK = "anchor";

  /** The anchor beside the champion on rows of this batch. */
  static Anchor of(StepContext context, ProcessedBatch batch, String championId) {
    Optional<String> best =
        new Champions(context.store())
            .find(batch.model())
            .map(Champion::bestModelId)
            .filter(modelId -> !modelId.equals(championId));
    if (best.isEmpty()) {
      return new Anchor(null, null);
    }
    ModelStore models = new ModelStore(context);
    Optional<ModelVersion> version = models.find(best.get());
    if (version.isEmpty()) {
      return unusable(best.get(), "is not in the store");
    }
    if (!version.get().preprocessing().hash().equals(batch.preprocessingHash())) {
      return unusable(best.get(), "reads other features");
    }
    return version.get().target().equals(models.get(championId).target())
        ? new Anchor(best.get(), null)
        : unusable(best.get(), "answers other classes");
  }

  private static Anchor unusable(String modelId, String why) {
    return new Anchor(
        null,
        "%s, the best version ever approved, %s, so that losses are measured from the champion"
            .formatted(modelId, why));
  }

  /** The best version's id, if it can be compared with the candidate and is another version. */
  public Optional<String> beside(String candidateId) {
    return Optional.ofNullable(modelId).filter(best -> !best.equals(candidateId));
  }

  /** Says why the best version is not compared; empty if it is. */
  Optional<Check> unanswered() {
    return Optional.ofNullable(obstacle).map(why -> Check.unanswered(CHECK, 0, why));
  }

  /** What sentences call the best version. */
  static String opponent(String modelId) {
    return "best version " + modelId;
  }

  /**
   * The best version once this one has followed the champion: this one, if the last verdict on it
   * compared the two on ordinary rows and found more of the gate's metric, otherwise the best
   * version until now.
   */
  public static String after(StepContext context, Champion champion, String modelId) {
    String best = champion.bestModelId();
    return Stream.of(Judgement.COLLECTION, Judgement.RETRAININGS)
        .flatMap(collection -> Judgement.lastDocument(context, collection, modelId).stream())
        .max(Comparator.comparing(verdict -> Instant.parse(verdict.getString("timestamp"))))
        .filter(verdict -> JudgedPredictions.of(verdict).isAbove(best, verdict))
        .map(verdict -> modelId)
        .orElse(best);
  }
}
