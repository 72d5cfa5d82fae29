package retune.judgement;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import org.bson.Document;
import retune.core.judgement.VersionStatus.Event;
import retune.model.ModelStore;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Provenance;

/**
 * A person's answer to an {@link ApprovalRequest}. The collection {@code approval_answers} has it
 * under the question's id, so that of two answers at once one counts; it is never changed.
 *
 * @param reason without a full stop
 */
public record ApprovalAnswer(
    ApprovalRequest request, Kind kind, String by, String reason, Instant at) {
  static final String COLLECTION = "approval_answers";

  /** What a person can answer. */
  public enum Kind {
    APPROVED,
    REJECTED;

    /** The name in documents and results: {@code approved}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The answer to a question; empty where nobody has answered. */
  public static Optional<ApprovalAnswer> find(DocumentStore store, ApprovalRequest request) {
    return store
        .events()
        .find(COLLECTION, request.id())
        .map(
            document ->
                new ApprovalAnswer(
                    request,
                    Kind.valueOf(document.getString("answer").toUpperCase(Locale.ROOT)),
                    document.getString("by"),
                    document.getString("reason"),
                    Instant.parse(document.getString("timestamp"))));
  }

  /**
   * Keeps the answer and returns it; where another was first, returns that.
   *
   * @param reason without a full stop
   */
  public static ApprovalAnswer give(
      StepContext context, ApprovalRequest request, Kind kind, String by, String reason) {
    Document document =
        new Document("model", request.model())
            .append("logical_date", request.date().toString())
            .append("model_id", request.modelId())
            .append("champion_id", request.championId())
            .append("answer", kind.id())
            .append("by", by)
            .append("reason", reason)
            .append("request_id", request.id());
    document.putAll(Provenance.of(context));
    context.store().events().append(COLLECTION, request.id(), document);
    return find(context.store(), request).orElseThrow();
  }

  /** What was answered, as a sentence. */
  public String sentence() {
    return "%s %s %s (%s).".formatted(by, kind.id(), request.modelId(), reason);
  }

  /** Whether all that the answer leads to is done. */
  public boolean isSettled(StepContext context) {
    return switch (kind) {
      case APPROVED ->
          DayOutcome.revisions(context.store(), request.model(), request.date()).stream()
              .anyMatch(
                  outcome ->
                      outcome.key().equals(request.key())
                          && outcome.status() == request.approvedAs());
      case REJECTED ->
          switch (new ModelStore(context).status(request.modelId())) {
            case CANDIDATE, CHALLENGER -> false;
            case APPROVED, REJECTED, DEPLOYED, RETIRED -> true;
          };
    };
  }

  /**
   * Does what the answer leads to. An approved version gets its status before the day gets the
   * outcome that a deployment reads; a rejected one is no challenger any more.
   */
  public void settle(StepContext context) {
    ModelStore models = new ModelStore(context);
    switch (kind) {
      case APPROVED -> {
        models.move(request.modelId(), Event.APPROVE, sentence());
        request
            .approved(
                "%s is approved to follow %s by %s (%s). %s"
                    .formatted(
                        request.modelId(), request.championId(), by, reason, request.reason()))
            .addAnswer(context);
      }
      case REJECTED -> models.move(request.modelId(), Event.REJECT, sentence());
    }
  }
}
