package retune.steps.drift;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.util.Optional;
import org.bson.Document;
import org.bson.conversions.Bson;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The last report of {@link DetectDrift}, without its page.
 *
 * @param id in the collection of reports
 * @param detected whether anything has drifted
 */
public record LastDriftReport(String id, boolean detected) {
  /** The field that says whether anything has drifted. */
  public static final String DETECTED = "overall_drift_detected";

  /** Of any batch of a model. */
  public static Optional<LastDriftReport> ofModel(DocumentStore store, String model) {
    return last(store, below(model));
  }

  /** Of a batch as it is now, compared with the reference of a version. */
  public static Optional<LastDriftReport> ofBatch(
      DocumentStore store, ProcessedBatch batch, String modelId) {
    return last(
        store,
        Filters.and(
            below(batch.batchId()),
            Filters.eq("model_id", modelId),
            Filters.eq("content_hash", batch.contentHash())));
  }

  /** Ids that begin with this and a slash, which {@code 0} follows. */
  private static Bson below(String name) {
    return Filters.and(Filters.gte("_id", name + "/"), Filters.lt("_id", name + "0"));
  }

  private static Optional<LastDriftReport> last(DocumentStore store, Bson filter) {
    Document report =
        store
            .collection(DetectDrift.COLLECTION)
            .find(filter)
            .projection(Projections.include(DETECTED))
            .sort(Sorts.descending("timestamp"))
            .first();
    return Optional.ofNullable(report)
        .map(found -> new LastDriftReport(found.getString("_id"), found.getBoolean(DETECTED)));
  }
}
