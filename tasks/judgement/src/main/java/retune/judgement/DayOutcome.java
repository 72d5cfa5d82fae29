package retune.judgement;

import java.time.LocalDate;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import retune.model.Champions.Champion;
import retune.runtime.store.DocumentStore;

/**
 * How the evaluation of a model and date ended, as send_evaluation_results says.
 *
 * @param status {@code approved}, {@code retrained} or {@code failed_max_retries}
 * @param modelId the version to be in production
 * @param championId the version in production that it was judged against
 */
public record DayOutcome(String status, String modelId, String championId) {
  private static final Set<String> APPROVING = Set.of("approved", "retrained");

  public static Optional<DayOutcome> find(
      DocumentStore store, String model, LocalDate logicalDate) {
    return store.events().find("outcomes", model + "/" + logicalDate).map(DayOutcome::of);
  }

  private static DayOutcome of(Document document) {
    return new DayOutcome(
        document.getString("status"),
        document.getString("model_id"),
        document.getString("champion_id"));
  }

  public boolean approves() {
    return APPROVING.contains(status);
  }

  /** Why a version that was judged against another champion is not deployed. */
  public String overtaken(Champion champion) {
    return modelId
        + " was judged against "
        + championId
        + ", but "
        + champion.model()
        + " was promoted to "
        + champion.modelId()
        + " meanwhile; evaluate again.";
  }
}
