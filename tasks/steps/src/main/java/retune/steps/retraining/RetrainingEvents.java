package retune.steps.retraining;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Provenance;

/**
 * What happened to retrainings, as earlier readers know it. The collection {@code
 * retraining_events} holds them under {@code MODEL/RETRAINING/STATUS} and only grows.
 */
final class RetrainingEvents {
  static final String COLLECTION = "retraining_events";

  /** Whether the last drift report before a retraining found drift. */
  static final String DRIFT_DETECTED = "drift_detected";

  private RetrainingEvents() {}

  /** What is known of a retraining at an event. */
  enum Status {
    STARTED,
    DEPLOYED,
    REJECTED,
    FAILED;

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Adds an event; does nothing where the retraining has one of that status. */
  static void add(
      StepContext context,
      String model,
      String retrainingId,
      String trigger,
      Status status,
      Document more) {
    Document event =
        new Document("event_type", "retraining")
            .append("trigger", trigger)
            .append("status", status.id())
            .append("model", model)
            .append("retraining_id", retrainingId);
    event.putAll(more);
    event.putAll(Provenance.of(context));
    context.store().events().append(COLLECTION, id(model, retrainingId, status), event);
  }

  static String id(String model, String retrainingId, Status status) {
    return "%s/%s/%s".formatted(model, retrainingId, status.id());
  }

  /** The event of a retraining's start; an {@link InvalidInputException} where there is none. */
  static Document started(DocumentStore store, String model, String retrainingId) {
    return find(store, model, retrainingId, Status.STARTED)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' of '%s' was never started; run check_retraining_trigger first."
                        .formatted(retrainingId, model)));
  }

  /** The event of that status. */
  static Optional<Document> find(
      DocumentStore store, String model, String retrainingId, Status status) {
    return store.events().find(COLLECTION, id(model, retrainingId, status));
  }

  /** A model's events, the oldest first. */
  static List<Document> of(DocumentStore store, String model) {
    return store.events().startingWith(COLLECTION, model + "/").stream()
        .sorted(
            Comparator.comparing((Document event) -> Instant.parse(event.getString("timestamp")))
                .thenComparing(event -> !event.getString("status").equals(Status.STARTED.id())))
        .toList();
  }

  /** The end of the last retraining that had rows to train on. */
  static Optional<Document> lastEnded(DocumentStore store, String model) {
    return of(store, model).stream()
        .filter(event -> event.containsKey("last_day"))
        .filter(event -> !event.getString("status").equals(Status.FAILED.id()))
        .reduce((earlier, later) -> later);
  }
}
