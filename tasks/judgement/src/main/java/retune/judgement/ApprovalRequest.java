package retune.judgement;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.judgement.Check;
import retune.core.statistics.Interval;
import retune.judgement.DayOutcome.Status;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * The question to a person whether a version may follow the champion. The collection {@code
 * approval_requests} has it under {@code MODEL/DATE/HASH}, with a hash of what is asked: the same
 * question is asked once. It is never changed; {@link ApprovalAnswer} is a document of its own.
 *
 * @param key what the day's outcome was decided from
 * @param runId the run that asked
 * @param modelId the version that may follow
 * @param modelVersion when that version was made, {@code YYYYMMDD_HHMMSS}
 * @param championId the version in production that it was judged against
 * @param championRevision of the champion's pointer when the question was asked
 * @param approvedAs the day's status once the version is approved
 * @param info what fine-tuning did, once the version is approved
 * @param reason the verdict's sentences
 * @param verdictId the id of the verdict
 * @param askedAt ISO 8601 UTC
 * @param expiresAt from when on an answer comes too late, ISO 8601 UTC
 */
public record ApprovalRequest(
    String id,
    String model,
    LocalDate date,
    DayKey key,
    String runId,
    String modelId,
    String modelVersion,
    String championId,
    long championRevision,
    Status approvedAs,
    RetrainingInfo info,
    Gain gain,
    String reason,
    String verdictId,
    Instant askedAt,
    Instant expiresAt) {
  /** How long a question stays open. */
  public static final Duration OPEN_FOR = Duration.ofDays(7);

  static final String COLLECTION = "approval_requests";
  private static final int DIGITS = 12;

  /**
   * The version beside the champion on the same rows.
   *
   * @param difference of the gate's metric
   * @param interval of the difference; null where the rows are too few for one
   */
  public record Gain(
      double value, double championValue, double difference, @Nullable Interval interval) {
    private static Gain of(Judgement candidate) {
      Check gain =
          candidate.verdict().checks().stream()
              .filter(check -> check.name().equals(Check.GAIN))
              .findFirst()
              .orElseThrow();
      return new Gain(
          candidate.verdict().value(), candidate.championValue(), gain.value(), gain.interval());
    }

    private Document toDocument() {
      Document document =
          new Document("value", value)
              .append("champion_value", championValue)
              .append("difference", difference);
      if (interval != null) {
        document
            .append("low", interval.low())
            .append("high", interval.high())
            .append("confidence", interval.confidence());
      }
      return document;
    }

    private static Gain of(Document document) {
      return new Gain(
          document.getDouble("value"),
          document.getDouble("champion_value"),
          document.getDouble("difference"),
          document.containsKey("low")
              ? new Interval(
                  document.getDouble("low"),
                  document.getDouble("high"),
                  document.getDouble("confidence"))
              : null);
    }
  }

  /**
   * The question that a run comes to.
   *
   * @param champion the pointer, which names the version that the candidate was judged against
   * @param modelVersion when the candidate was made
   */
  public static ApprovalRequest of(
      StepContext context,
      ProcessedBatch batch,
      RunOutcome.Asked asked,
      Champion champion,
      String modelVersion) {
    Judgement candidate = asked.candidate();
    DayKey key = asked.champion().key();
    boolean isEarlier = candidate.attempt() == 0;
    String subject =
        String.join(
            "/",
            key.id(),
            candidate.modelId(),
            champion.modelId(),
            Long.toString(champion.revision()));
    Instant now = context.clock().instant().truncatedTo(ChronoUnit.SECONDS);
    return new ApprovalRequest(
        batch.batchId() + "/" + Hashing.sha256(subject).substring(0, DIGITS),
        batch.model(),
        batch.logicalDate(),
        key,
        context.run().runId(),
        candidate.modelId(),
        modelVersion,
        champion.modelId(),
        champion.revision(),
        isEarlier
            ? candidate.isProved() ? Status.CHALLENGER_PROMOTED : Status.LOOKED_BACK
            : Status.RETRAINED,
        isEarlier
            ? RetrainingInfo.without(candidate, asked.attempts())
            : RetrainingInfo.with(candidate, asked.attempts()),
        Gain.of(candidate),
        candidate.verdict().reason(),
        candidate.id(context, batch),
        now,
        now.plus(OPEN_FOR));
  }

  /** Keeps the question and returns it; where it was asked before, returns that. */
  public ApprovalRequest keep(StepContext context) {
    Document document = Provenance.of(context);
    document.putAll(toDocument());
    return context.store().events().append(COLLECTION, id, document)
        ? this
        : find(context.store(), id).orElseThrow();
  }

  /** The question of that id. */
  public static Optional<ApprovalRequest> find(DocumentStore store, String id) {
    return store.events().find(COLLECTION, id).map(ApprovalRequest::of);
  }

  /** The question that a day's outcome asks; empty where it asks none. */
  public static Optional<ApprovalRequest> of(DocumentStore store, DayOutcome outcome) {
    return outcome.status() != Status.ASKED
        ? Optional.empty()
        : ofModel(store, outcome.model() + "/" + outcome.date() + "/").stream()
            .filter(request -> request.key.equals(outcome.key()))
            .reduce((_, last) -> last);
  }

  /** The last question about a version; empty where there was none. */
  public static Optional<ApprovalRequest> ofVersion(
      DocumentStore store, String model, String modelId) {
    return ofModel(store, model + "/").stream()
        .filter(request -> request.modelId.equals(modelId))
        .reduce((_, last) -> last);
  }

  /** The questions about versions of a model that wait for an answer, the oldest first. */
  public static List<ApprovalRequest> open(StepContext context, String model) {
    DocumentStore store = context.store();
    Optional<Champion> champion = new Champions(store).find(model);
    return champion.isEmpty()
        ? List.of()
        : ofModel(store, model + "/").stream()
            .filter(request -> request.expired(context.clock().instant()).isEmpty())
            .filter(request -> ApprovalAnswer.find(store, request).isEmpty())
            .filter(request -> request.closed(context, champion.get()).isEmpty())
            .toList();
  }

  /**
   * Whether another day has asked about the version, and its question still waits for an answer.
   *
   * @param batchId the day, as model/date
   */
  static boolean isOpenElsewhere(StepContext context, String batchId, String modelId) {
    String model = batchId.substring(0, batchId.lastIndexOf('/'));
    return open(context, model).stream()
        .filter(request -> request.modelId.equals(modelId))
        .anyMatch(request -> !request.id.startsWith(batchId + "/"));
  }

  /** The oldest first. */
  private static List<ApprovalRequest> ofModel(DocumentStore store, String prefix) {
    return store.events().startingWith(COLLECTION, prefix).stream()
        .map(ApprovalRequest::of)
        .sorted(Comparator.comparing(ApprovalRequest::askedAt))
        .toList();
  }

  /** What people are asked, in sentences. */
  public String question() {
    return "May %s follow %s? A person decides. On the rows of %s, %s %s"
            .formatted(modelId, championId, date, reason, gainSentence())
        + " Answer until %s with './retune approve %s' or './retune reject %s'; the version in production stays until then."
            .formatted(expiresAt, modelId, modelId);
  }

  private String gainSentence() {
    Interval interval = gain.interval;
    return String.format(
        Locale.ROOT,
        "The gain in %s is %+.4f (%s).",
        key.rules().gate().metric().id(),
        gain.difference,
        interval == null
            ? "the rows are too few for an interval"
            : String.format(
                Locale.ROOT,
                "%.0f %% interval %+.4f to %+.4f",
                interval.confidence() * 100,
                interval.low(),
                interval.high()));
  }

  /**
   * Why no answer has an effect any more, as a sentence: production or the day's rows are not those
   * that the question was asked about. Empty where they are.
   *
   * @param champion the pointer now
   */
  public Optional<String> closed(StepContext context, Champion champion) {
    if (champion.revision() != championRevision) {
      return Optional.of(
          "The question about %s is closed: %s since it was asked."
              .formatted(modelId, champion.move()));
    }
    return DayOutcome.latest(context.store(), model, date)
        .filter(outcome -> !isAskedBy(outcome))
        .map(
            outcome ->
                "The question about %s is closed: %s%s ended as %s."
                    .formatted(
                        modelId,
                        date,
                        outcome.key().equals(key)
                            ? ""
                            : " was judged again since, with other rows, labels or rules, and",
                        outcome.status().id()));
  }

  /** Whether the outcome asks this question, or is that of its approval. */
  private boolean isAskedBy(DayOutcome outcome) {
    return outcome.key().equals(key)
        && (outcome.status() == Status.ASKED || outcome.modelId().equals(modelId));
  }

  /** The sentence for an answer after the question has expired; empty before that. */
  public Optional<String> expired(Instant now) {
    return now.isBefore(expiresAt)
        ? Optional.empty()
        : Optional.of(
            "The question about %s expired at %s; a later evaluation asks again if it comes to the same."
                .formatted(modelId, expiresAt));
  }

  /** The question; an {@link InvalidInputException} where there is none of that id. */
  public static ApprovalRequest get(DocumentStore store, String id) {
    return find(store, id)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is no question '%s'; give the id that the day's outcome names, MODEL/DATE/HASH."
                        .formatted(id)));
  }

  /** The day's outcome once the version is approved. Its run stays the one that judged. */
  DayOutcome approved(String message) {
    return new DayOutcome(
        model,
        date,
        0,
        key,
        runId,
        approvedAs,
        modelId,
        modelVersion,
        championId,
        true,
        info,
        message);
  }

  private Document toDocument() {
    return new Document("model", model)
        .append("logical_date", date.toString())
        .append("key", key.toDocument())
        .append("run_id", runId)
        .append("model_id", modelId)
        .append("model_version", modelVersion)
        .append("champion_id", championId)
        .append("champion_revision", championRevision)
        .append("approved_as", approvedAs.id())
        .append("retraining_info", info.toDocument())
        .append("metric", key.rules().gate().metric().id())
        .append("threshold", key.rules().gate().threshold())
        .append("gain", gain.toDocument())
        .append("reason", reason)
        .append("verdict_id", verdictId)
        .append("question", question())
        .append("asked_at", askedAt.toString())
        .append("expires_at", expiresAt.toString());
  }

  private static ApprovalRequest of(Document document) {
    return new ApprovalRequest(
        document.getString("_id"),
        document.getString("model"),
        LocalDate.parse(document.getString("logical_date")),
        DayKey.of(document.get("key", Document.class)),
        document.getString("run_id"),
        document.getString("model_id"),
        document.getString("model_version"),
        document.getString("champion_id"),
        document.get("champion_revision", Number.class).longValue(),
        Status.ofId(document.getString("approved_as")),
        RetrainingInfo.of(document.get("retraining_info", Document.class)),
        Gain.of(document.get("gain", Document.class)),
        document.getString("reason"),
        document.getString("verdict_id"),
        Instant.parse(document.getString("asked_at")),
        Instant.parse(document.getString("expires_at")));
  }
}
