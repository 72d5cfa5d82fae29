package retune.judgement;

import java.nio.ByteBuffer;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.judgement.Rules;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * What decides a day's outcome beside the date. While it is the same, the day keeps its outcome; a
 * change adds a revision.
 *
 * @param rawContentHash the rows as they arrived
 * @param labelsHash the labels known of them, SHA-256
 * @param loopFileHash the loop file, SHA-256; null without one
 * @param rules what the loop asks of its models
 * @param awaitsLabels whether the day was left without a verdict, because its labels have not
 *     matured
 */
public record DayKey(
    String rawContentHash,
    String labelsHash,
    @Nullable String loopFileHash,
    Rules rules,
    boolean awaitsLabels) {
  /** The field of {@code key} in documents that a day without a verdict has. */
  static final String AWAITS_LABELS = "awaits_labels";

  private static final int DIGITS = 12;

  /** The key of a day whose labels are taken as they are. */
  public DayKey(
      String rawContentHash, String labelsHash, @Nullable String loopFileHash, Rules rules) {
    this(rawContentHash, labelsHash, loopFileHash, rules, false);
  }

  /** The key of a batch as it is now. */
  public static DayKey of(
      StepContext context, ProcessedBatch batch, @Nullable String loopFileHash, Rules rules) {
    int[] labels = context.store().processedBatches().labels(batch);
    ByteBuffer bytes = ByteBuffer.allocate(labels.length * Integer.BYTES);
    bytes.asIntBuffer().put(labels);
    boolean awaitsLabels = DayLabels.areAwaited(context.store(), batch);
    return new DayKey(
        batch.rawContentHash(), Hashing.sha256(bytes.array()), loopFileHash, rules, awaitsLabels);
  }

  /** The first 12 hexadecimal digits of the SHA-256 of all parts. */
  public String id() {
    return Hashing.sha256(toDocument().toJson()).substring(0, DIGITS);
  }

  Document toDocument() {
    Document document =
        new Document("raw_content_hash", rawContentHash)
            .append("labels_hash", labelsHash)
            .append("loop_file_hash", loopFileHash);
    document.putAll(RulesDocument.of(rules));
    return awaitsLabels ? document.append(AWAITS_LABELS, true) : document;
  }

  static DayKey of(Document document) {
    return new DayKey(
        document.getString("raw_content_hash"),
        document.getString("labels_hash"),
        document.getString("loop_file_hash"),
        RulesDocument.rules(document),
        document.getBoolean(AWAITS_LABELS, false));
  }
}
