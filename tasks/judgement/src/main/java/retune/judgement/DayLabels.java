package retune.judgement;

import java.time.LocalDate;
import java.util.Optional;
import org.bson.Document;
import retune.core.data.Hashing;
import retune.core.judgement.LabelMaturity;
import retune.core.judgement.LabelMaturity.Labels;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * How far the labels of a day whose rows have keys had come when it was evaluated. The collection
 * {@code label_maturity} has a document for each state of the labels, under {@code
 * MODEL/DATE/HASH}. A day that has matured stays so, whatever the clock says later and whatever
 * labels are corrected.
 *
 * @param matured whether a verdict may rest on them
 * @param judged whether one does
 * @param sentence what there is, and where they have not matured, what it takes
 */
public record DayLabels(Labels labels, boolean matured, boolean judged, String sentence) {
  public static final String COLLECTION = "label_maturity";
  private static final int DIGITS = 16;
  private static final String RAW_CONTENT_HASH = "raw_content_hash";
  private static final String MATURED = "matured";
  private static final String JUDGED = "judged";

  /** Decides whether the batch's labels have matured, and keeps the answer. */
  public static DayLabels decide(
      StepContext context, ProcessedBatch batch, LabelMaturity maturity) {
    Labels labels =
        Labels.at(context.clock().instant(), batch.logicalDate(), batch.labelled(), batch.rows());
    DocumentStore store = context.store();
    DayLabels now =
        of(
            labels,
            maturity,
            hasMatured(store, batch.batchId(), batch.rawContentHash()),
            find(store, batch).filter(DayLabels::judged).isPresent());
    now.keep(context, batch);
    return now;
  }

  private static DayLabels of(
      Labels labels, LabelMaturity maturity, boolean hasMatured, boolean judged) {
    boolean matured = hasMatured || maturity.isReachedBy(labels);
    return new DayLabels(
        labels, matured, judged, matured ? labels.sentence() + "." : maturity.wait(labels));
  }

  /** What the last evaluation of the batch as it is decided; empty where its rows have no key. */
  public static Optional<DayLabels> find(DocumentStore store, ProcessedBatch batch) {
    String late = batch.lateLabels();
    return late == null
        ? Optional.empty()
        : store
            .events()
            .find(COLLECTION, id(batch.batchId(), batch.rawContentHash(), late))
            .map(found -> of(batch.logicalDate(), found));
  }

  /** Whether the batch was evaluated before its labels had matured, so that they tell nothing. */
  public static boolean areAwaited(DocumentStore store, ProcessedBatch batch) {
    return find(store, batch).filter(found -> !found.matured).isPresent();
  }

  /**
   * Whether a day is to be judged: its labels have matured, and no verdict rests on them as they
   * are.
   *
   * @param stamp see {@link retune.runtime.store.LateLabels#stamp}
   */
  public static boolean isDue(
      DocumentStore store, RawBatch day, String stamp, Labels labels, LabelMaturity maturity) {
    Optional<Document> known =
        store.events().find(COLLECTION, id(day.batchId(), day.contentHash(), stamp));
    return !known.map(state -> state.getBoolean(JUDGED)).orElse(false)
        && (maturity.isReachedBy(labels) || hasMatured(store, day.batchId(), day.contentHash()));
  }

  /** Notes that a verdict rests on the labels. */
  public void markJudged(StepContext context, ProcessedBatch batch) {
    new DayLabels(labels, matured, true, sentence).keep(context, batch);
  }

  private static boolean hasMatured(DocumentStore store, String batchId, String rawContentHash) {
    return store.events().startingWith(COLLECTION, batchId + "/").stream()
        .anyMatch(
            state ->
                state.getBoolean(MATURED)
                    && rawContentHash.equals(state.getString(RAW_CONTENT_HASH)));
  }

  private void keep(StepContext context, ProcessedBatch batch) {
    Document document =
        toDocument()
            .append("model", batch.model())
            .append("logical_date", batch.logicalDate().toString())
            .append(RAW_CONTENT_HASH, batch.rawContentHash())
            .append(JUDGED, judged)
            .append("sentence", sentence);
    document.putAll(Provenance.of(context));
    context
        .store()
        .events()
        .record(
            COLLECTION,
            id(batch.batchId(), batch.rawContentHash(), String.valueOf(batch.lateLabels())),
            document);
  }

  /** As events have it. */
  public Document toDocument() {
    return new Document("labelled", labels.labelled())
        .append("rows", labels.rows())
        .append("share", labels.share())
        .append("age_days", labels.ageDays())
        .append(MATURED, matured);
  }

  private static DayLabels of(LocalDate date, Document state) {
    return new DayLabels(
        new Labels(
            date,
            state.getInteger("labelled"),
            state.getInteger("rows"),
            state.getLong("age_days")),
        state.getBoolean(MATURED),
        state.getBoolean(JUDGED),
        state.getString("sentence"));
  }

  private static String id(String batchId, String rawContentHash, String stamp) {
    String labels = Hashing.sha256(rawContentHash + "\n" + stamp).substring(0, DIGITS);
    return batchId + "/" + labels;
  }
}
