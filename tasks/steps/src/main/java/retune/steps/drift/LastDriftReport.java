package retune.steps.drift;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.util.Optional;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The report of {@link DetectDrift} on the latest day, without its page. A day that is compared
 * again, as when its late labels have come, does not become the latest.
 *
 * @param id in the collection of reports
 * @param detected whether anything has drifted
 * @param shift what kind of change it looks like; null in a report of an earlier release
 * @param shiftReason how sure that is and what helps; null in such a report
 */
public record LastDriftReport(
    String id, boolean detected, @Nullable String shift, @Nullable String shiftReason) {
  /** The field that says whether anything has drifted. */
  public static final String DETECTED = "overall_drift_detected";

  /** The field with what kind of change it looks like. */
  static final String SHIFT = "shift";

  static final String KIND = "kind";
  static final String REASON = "reason";

  /** Of any batch of a model. */
  public static Optional<LastDriftReport> ofModel(DocumentStore store, String model) {
    return last(store, below(model));
  }

  /** Of any rows of a day. */
  public static Optional<LastDriftReport> ofDay(DocumentStore store, String batchId) {
    return last(store, below(batchId));
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
            .projection(Projections.include(DETECTED, SHIFT + "." + KIND, SHIFT + "." + REASON))
            .sort(Sorts.descending("logical_date", "timestamp"))
            .first();
    return Optional.ofNullable(report).map(LastDriftReport::of);
  }

  private static LastDriftReport of(Document report) {
    Document shift = report.get(SHIFT, new Document());
    return new LastDriftReport(
        report.getString("_id"),
        report.getBoolean(DETECTED),
        shift.getString(KIND),
        shift.getString(REASON));
  }
}
