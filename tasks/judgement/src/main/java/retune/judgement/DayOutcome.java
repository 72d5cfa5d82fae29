package retune.judgement;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.time.LocalDate;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import org.bson.Document;
import retune.model.Champions.Champion;
import retune.model.batch.OrdinaryDays;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Provenance;

/**
 * How the evaluation of a model's day ended. The collection {@code outcomes} holds each revision
 * under {@code MODEL/DATE/REVISION} and only grows: a day that is judged again with the same {@link
 * DayKey} keeps its outcome, and a change adds a revision beside the earlier ones.
 *
 * @param revision from 1
 * @param key what the outcome was decided from
 * @param runId the run that decided
 * @param modelId the version to be in production
 * @param modelVersion when that version was made, {@code YYYYMMDD_HHMMSS}
 * @param championId the version in production that was judged
 * @param approved whether a version was approved
 * @param message what happened, in a sentence
 */
public record DayOutcome(
    String model,
    LocalDate date,
    int revision,
    DayKey key,
    String runId,
    Status status,
    String modelId,
    String modelVersion,
    String championId,
    boolean approved,
    RetrainingInfo retrainingInfo,
    String message) {
  private static final String COLLECTION = OrdinaryDays.OUTCOMES;

  /** How a day can end. */
  public enum Status {
    /** The version in production passed. */
    APPROVED,
    /** The version in production is below the gate, which may be chance; it stays. */
    UNDECIDED,
    /** A version that was approved or left undecided earlier passed; nothing was trained. */
    LOOKED_BACK,
    /** A challenger of an earlier day was proved better than the version in production. */
    CHALLENGER_PROMOTED,
    /** A fine-tuned version passed. */
    RETRAINED,
    /** A person is asked whether another version may follow; the one in production stays. */
    ASKED,
    /**
     * Another version passed and stays out: for a day before the last one judged, or because it was
     * rolled back.
     */
    HELD_BACK,
    /** No version passed; an alert was sent. */
    FAILED_MAX_RETRIES;

    /** The statuses as the results of steps describe them. */
    public static final String IN_WORDS =
        "approved, undecided (below the gate, which may be chance), looked_back (a version that was"
            + " approved earlier), challenger_promoted (proved better over days), retrained, asked"
            + " (a person decides), held_back (a back-fill, or a version that was rolled back) or"
            + " failed_max_retries";

    /** The status in documents and results: {@code failed_max_retries}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The status of that name in documents. */
    public static Status ofId(String id) {
      return valueOf(id.toUpperCase(Locale.ROOT));
    }

    /** Whether a version is to be put, or left, in production by this outcome. */
    public boolean approves() {
      return switch (this) {
        case APPROVED, LOOKED_BACK, CHALLENGER_PROMOTED, RETRAINED -> true;
        case UNDECIDED, ASKED, HELD_BACK, FAILED_MAX_RETRIES -> false;
      };
    }
  }

  /** The day's latest outcome. */
  public static Optional<DayOutcome> latest(DocumentStore store, String model, LocalDate date) {
    return revisions(store, model, date).stream()
        .max(Comparator.comparingInt(DayOutcome::revision));
  }

  /** The day's outcome by this key, the latest where a back-fill was released later. */
  public static Optional<DayOutcome> find(
      DocumentStore store, String model, LocalDate date, DayKey key) {
    return revisions(store, model, date).stream()
        .filter(outcome -> outcome.key.equals(key))
        .max(Comparator.comparingInt(DayOutcome::revision));
  }

  /** Whether a later day of the model has an outcome that rests on labels. */
  public static boolean hasLaterDay(DocumentStore store, String model, LocalDate date) {
    return store
            .collection(COLLECTION)
            .find(
                Filters.and(
                    Filters.gte("_id", dayId(model, date.plusDays(1))),
                    Filters.lt("_id", model + "/" + '\uffff'),
                    Filters.ne("key." + DayKey.AWAITS_LABELS, true)))
            .projection(Projections.include("_id"))
            .first()
        != null;
  }

  /** Every outcome of the day. */
  public static List<DayOutcome> revisions(DocumentStore store, String model, LocalDate date) {
    return store.events().startingWith(COLLECTION, dayId(model, date) + "/").stream()
        .map(DayOutcome::of)
        .toList();
  }

  /**
   * Adds this outcome as the day's next revision and returns it; where another run has decided by
   * the same key meanwhile, returns that outcome. One that held a version back is followed by the
   * one that releases it.
   */
  public DayOutcome add(StepContext context) {
    return add(context, outcome -> outcome.status == status || outcome.status != Status.HELD_BACK);
  }

  /** Adds this outcome of a person's answer after the one that asked, once. */
  DayOutcome addAnswer(StepContext context) {
    return add(context, outcome -> outcome.status == status);
  }

  private DayOutcome add(StepContext context, Predicate<DayOutcome> isFinal) {
    DocumentStore store = context.store();
    while (true) {
      List<DayOutcome> earlier = revisions(store, model, date);
      Optional<DayOutcome> same =
          earlier.stream()
              .filter(outcome -> outcome.key.equals(key))
              .filter(isFinal)
              .max(Comparator.comparingInt(DayOutcome::revision));
      if (same.isPresent()) {
        return same.get();
      }
      DayOutcome next = withRevision(earlier.size() + 1);
      String id = dayId(model, date) + "/" + next.revision;
      Document document = Provenance.of(context);
      document.putAll(next.toDocument());
      if (store.events().append(COLLECTION, id, document)) {
        return next;
      }
    }
  }

  /** Why a version that was judged against another champion is not deployed. */
  public String overtaken(Champion champion) {
    return modelId
        + " was judged against "
        + championId
        + ", but "
        + champion.move()
        + " meanwhile; evaluate again.";
  }

  private static String dayId(String model, LocalDate date) {
    return model + "/" + date;
  }

  private DayOutcome withRevision(int next) {
    return new DayOutcome(
        model,
        date,
        next,
        key,
        runId,
        status,
        modelId,
        modelVersion,
        championId,
        approved,
        retrainingInfo,
        message);
  }

  private Document toDocument() {
    return new Document("model", model)
        .append("logical_date", date.toString())
        .append("revision", revision)
        .append("key", key.toDocument())
        .append("run_id", runId)
        .append("status", status.id())
        .append("model_id", modelId)
        .append("model_version", modelVersion)
        .append("champion_id", championId)
        .append("approved", approved)
        .append("retraining_info", retrainingInfo.toDocument())
        .append("message", message);
  }

  private static DayOutcome of(Document document) {
    return new DayOutcome(
        document.getString("model"),
        LocalDate.parse(document.getString("logical_date")),
        document.getInteger("revision"),
        DayKey.of(document.get("key", Document.class)),
        document.getString("run_id"),
        Status.ofId(document.getString("status")),
        document.getString("model_id"),
        document.getString("model_version"),
        document.getString("champion_id"),
        document.getBoolean("approved"),
        RetrainingInfo.of(document.get("retraining_info", Document.class)),
        document.getString("message"));
  }
}
