package retune.judgement;

import java.nio.ByteBuffer;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.judgement.Gate;
import retune.core.metrics.Metric;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * What decides a day's outcome beside the date. While it is the same, the day keeps its outcome; a
 * change adds a revision.
 *
 * @param rawContentHash the rows as they arrived
 * @param labelsHash the labels known of them, SHA-256
 * @param loopFileHash the loop file, SHA-256; null without one
 * @param maxAttempts attempts at fine-tuning before the day ends with an alert
 */
public record DayKey(
    String rawContentHash,
    String labelsHash,
    @Nullable String loopFileHash,
    Gate gate,
    int maxAttempts) {
  private static final int DIGITS = 12;

  /** The key of a batch as it is now. */
  public static DayKey of(
      StepContext context,
      ProcessedBatch batch,
      @Nullable String loopFileHash,
      Gate gate,
      int maxAttempts) {
    int[] labels = context.store().processedBatches().labels(batch);
    ByteBuffer bytes = ByteBuffer.allocate(labels.length * Integer.BYTES);
    bytes.asIntBuffer().put(labels);
    return new DayKey(
        batch.rawContentHash(), Hashing.sha256(bytes.array()), loopFileHash, gate, maxAttempts);
  }

  /** The first 12 hexadecimal digits of the SHA-256 of all parts. */
  public String id() {
    return Hashing.sha256(toDocument().toJson()).substring(0, DIGITS);
  }

  Document toDocument() {
    return new Document("raw_content_hash", rawContentHash)
        .append("labels_hash", labelsHash)
        .append("loop_file_hash", loopFileHash)
        .append("metric", gate.metric().id())
        .append("threshold", gate.threshold())
        .append("max_attempts", maxAttempts);
  }

  static DayKey of(Document document) {
    return new DayKey(
        document.getString("raw_content_hash"),
        document.getString("labels_hash"),
        document.getString("loop_file_hash"),
        new Gate(Metric.ofId(document.getString("metric")), document.getDouble("threshold")),
        document.getInteger("max_attempts"));
  }
}
