package retune.judgement;

import java.nio.ByteBuffer;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Retention;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
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
 * @param rules what the loop asks of its models
 */
public record DayKey(
    String rawContentHash, String labelsHash, @Nullable String loopFileHash, Rules rules) {
  private static final int DIGITS = 12;
  private static final String SELECTION = "selection";
  private static final String EVIDENCE = "evidence";
  private static final String POLICY = "policy";
  private static final String RETENTION_LIMIT = "retention_limit";
  private static final String ON_CONFLICT = "on_conflict";
  private static final String BELOW_GATE = "below_gate";

  /** The key of a batch as it is now. */
  public static DayKey of(
      StepContext context, ProcessedBatch batch, @Nullable String loopFileHash, Rules rules) {
    int[] labels = context.store().processedBatches().labels(batch);
    ByteBuffer bytes = ByteBuffer.allocate(labels.length * Integer.BYTES);
    bytes.asIntBuffer().put(labels);
    return new DayKey(batch.rawContentHash(), Hashing.sha256(bytes.array()), loopFileHash, rules);
  }

  /** The first 12 hexadecimal digits of the SHA-256 of all parts. */
  public String id() {
    return Hashing.sha256(toDocument().toJson()).substring(0, DIGITS);
  }

  /** Without the published rules, so that keys of earlier versions hold. */
  Document toDocument() {
    Document document =
        new Document("raw_content_hash", rawContentHash)
            .append("labels_hash", labelsHash)
            .append("loop_file_hash", loopFileHash)
            .append("metric", rules.gate().metric().id())
            .append("threshold", rules.gate().threshold())
            .append("max_attempts", rules.maxAttempts());
    Rules published = Rules.published(rules.gate(), rules.maxAttempts());
    if (!rules.equals(published)) {
      document
          .append(SELECTION, rules.selection().id())
          .append(EVIDENCE, rules.evidence().id())
          .append(POLICY, rules.policy().text())
          .append(RETENTION_LIMIT, rules.retention().limit())
          .append(ON_CONFLICT, rules.retention().onConflict().id())
          .append(BELOW_GATE, rules.belowGate().id());
    }
    return document;
  }

  static DayKey of(Document document) {
    Gate gate =
        new Gate(Metric.ofId(document.getString("metric")), document.getDouble("threshold"));
    int maxAttempts = document.getInteger("max_attempts");
    Rules rules =
        document.containsKey(SELECTION)
            ? new Rules(
                gate,
                maxAttempts,
                Selection.ofId(document.getString(SELECTION)),
                Evidence.ofId(document.getString(EVIDENCE)),
                PromotionPolicy.parse(document.getString(POLICY)),
                new Retention(
                    document.getDouble(RETENTION_LIMIT),
                    OnConflict.ofId(document.getString(ON_CONFLICT))),
                BelowGate.ofId(document.getString(BELOW_GATE)))
            : Rules.published(gate, maxAttempts);
    return new DayKey(
        document.getString("raw_content_hash"),
        document.getString("labels_hash"),
        document.getString("loop_file_hash"),
        rules);
  }
}
