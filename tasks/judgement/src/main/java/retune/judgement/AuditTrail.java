package retune.judgement;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.store.DocumentStore;

/**
 * What the store tells of decisions, as its documents have it: {@code verdicts}, {@code outcomes},
 * {@code retraining_events}, questions to people and their answers, {@code deployment_events},
 * {@code control_events}, {@code data_splits} and the status history of versions. Everything is
 * sorted by time, the oldest first.
 */
public final class AuditTrail {
  private static final String STATUS_HISTORY = "status_history";
  private static final String CREATED_AT = "created_at";

  /** What an entry of the history takes from its document as it is. */
  private static final List<String> TOLD =
      List.of(
          "by",
          "logical_date",
          "retraining_id",
          "dag_id",
          "run_id",
          "task_id",
          "run_url",
          "started_by",
          "code_revision",
          "step_image");

  private static final Comparator<Document> BY_TIME =
      Comparator.comparing(document -> Instant.parse(document.getString("timestamp")));

  private final DocumentStore store;

  public AuditTrail(DocumentStore store) {
    this.store = store;
  }

  /** The version's document without its model; an {@link InvalidInputException} if none. */
  public Document version(String modelId) {
    return Optional.ofNullable(
            store
                .collection("model_metadata")
                .find(Filters.eq(modelId))
                .projection(Projections.exclude("model_json"))
                .first())
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is no model version '%s'; './retune history MODEL' lists those of a model."
                        .formatted(modelId)));
  }

  /** The moves of a version's status. */
  public static List<Document> moves(Document version) {
    return version.getList(STATUS_HISTORY, Document.class, List.of());
  }

  /** The verdicts on a version, each with the number of {@code rows} judged where it is known. */
  public List<Document> verdicts(String model, String modelId) {
    return store.events().startingWith("verdicts", model + "/").stream()
        .filter(verdict -> modelId.equals(verdict.getString("model_id")))
        .sorted(BY_TIME)
        .map(this::withRows)
        .toList();
  }

  private Document withRows(Document verdict) {
    String predictions = verdict.getString("predictions");
    if (predictions != null) {
      store
          .events()
          .find(KeptPredictions.COLLECTION, predictions)
          .ifPresent(kept -> verdict.append("rows", kept.getInteger("rows")));
    }
    return verdict;
  }

  /** The outcomes of a model's days, with earlier revisions. */
  public List<Document> outcomes(String model) {
    return store.events().startingWith("outcomes", model + "/").stream().sorted(BY_TIME).toList();
  }

  /**
   * The questions to people about versions of a model, each with its {@code answer} if it has one.
   */
  public List<Document> questions(String model) {
    return store.events().startingWith(ApprovalRequest.COLLECTION, model + "/").stream()
        .map(
            question ->
                question.append(
                    "answer",
                    store
                        .events()
                        .find(ApprovalAnswer.COLLECTION, question.getString("_id"))
                        .orElse(null)))
        .sorted(BY_TIME)
        .toList();
  }

  /** The judgements on versions that retrainings of a model made. */
  public List<Document> retrainings(String model) {
    return store.events().startingWith("retraining_judgements", model + "/").stream()
        .sorted(BY_TIME)
        .toList();
  }

  /** What put versions of a model into production. */
  public List<Document> deployments(String model) {
    String prefix = "deployment/" + model + "/";
    Bson earlier =
        Filters.and(Filters.gte("_id", prefix), Filters.lt("_id", prefix + Character.MAX_VALUE));
    return store
        .collection("deployment_events")
        .find(Filters.or(Filters.eq("model", model), earlier))
        .into(new ArrayList<>())
        .stream()
        .sorted(BY_TIME)
        .toList();
  }

  /** How a batch of this content was split, without the assignment of single rows. */
  public List<Document> splits(String contentHash) {
    return store
        .collection("data_splits")
        .find(Filters.eq("content_hash", contentHash))
        .projection(Projections.exclude("assignment"))
        .into(new ArrayList<>())
        .stream()
        .sorted(BY_TIME)
        .toList();
  }

  /**
   * What happened to a model's production: {@code timestamp}, {@code event}, {@code model_id},
   * {@code reason}, and what else is known. An event is {@code evaluated_STATUS}, a person's answer
   * ({@code version_approved} or {@code version_rejected}), the type of a deployment event, {@code
   * challenger_started} or {@code challenger_ended}, {@code retraining_STATUS}, {@code
   * control_call} or {@code control_run_ended} for a call of the control API, whatever came of it,
   * and the end of a run that it started, or {@code moved_to_STATUS} for a move of status in a run
   * that has none of those before the calls.
   */
  public List<Document> history(String model) {
    List<Document> outcomes = outcomes(model);
    List<Document> deployments = deployments(model);
    List<Document> answers =
        questions(model).stream()
            .flatMap(question -> Stream.ofNullable(question.get("answer", Document.class)))
            .toList();
    List<Document> retrainings = store.events().startingWith("retraining_events", model + "/");
    List<Document> traffic = store.events().startingWith("challenger_events", model + "/");
    Set<String> told =
        Stream.of(outcomes, deployments, answers, retrainings, traffic)
            .flatMap(List::stream)
            .map(document -> document.getString("run_id"))
            .collect(Collectors.toSet());
    List<Document> history = new ArrayList<>();
    for (Document outcome : outcomes) {
      history.add(
          entry(outcome, "evaluated_" + outcome.getString("status"), "message")
              .append("revision", outcome.getInteger("revision")));
    }
    for (Document answer : answers) {
      history.add(entry(answer, "version_" + answer.getString("answer"), "reason"));
    }
    for (Document event : deployments) {
      history.add(
          entry(event, event.getString("event_type"), "reason")
              .append("previous_model_id", event.getString("previous_model_id"))
              .append("revision", event.get("revision")));
    }
    for (Document event : traffic) {
      history.add(entry(event, event.getString("event_type"), "reason"));
    }
    for (Document event : retrainings) {
      Document details = event.get("details", new Document());
      String why = details.getString("reason");
      history.add(
          entry(event, "retraining_" + event.getString("status"), "reason")
              .append("trigger", event.getString("trigger"))
              .append("reason", why == null ? details.getString("deployment_reason") : why));
    }
    for (Document event : store.events().startingWith("control_events", model + "/")) {
      history.add(control(event));
    }
    for (Document version : versions(model, STATUS_HISTORY)) {
      for (Document move : moves(version)) {
        if (move.getString("from") != null && !told.contains(move.getString("run_id"))) {
          history.add(
              entry(move, "moved_to_" + move.getString("to"), "reason")
                  .append("model_id", version.getString("_id")));
        }
      }
    }
    return history.stream().sorted(BY_TIME).toList();
  }

  /** A call, with the version that it named and its reason, or why it was refused. */
  private static Document control(Document event) {
    Document body = event.get("body", new Document());
    Document entry =
        entry(event, event.getString("event_type"), "message")
            .append("model_id", text(body.get("version_id")));
    if ("".equals(entry.getString("reason"))) {
      entry.append("reason", text(body.get("reason")));
    }
    for (String name : List.of("call", "status", "exit_code")) {
      if (event.containsKey(name)) {
        entry.append(name, event.get(name));
      }
    }
    return entry;
  }

  /** A body is kept as it was sent: where a text was due there may be something else. */
  private static @Nullable String text(@Nullable Object value) {
    return value == null ? null : value.toString();
  }

  /** The model's versions with these fields, the newest first. */
  public List<Document> versions(String model, String... fields) {
    // Ids of versions are the model's name, '-' and a hash; '.' follows '-'.
    return store
        .collection("model_metadata")
        .find(
            Filters.and(
                Filters.gte("_id", model + "-"),
                Filters.lt("_id", model + "."),
                Filters.eq("model_name", model)))
        .projection(
            Projections.include(Stream.concat(Stream.of(CREATED_AT), Stream.of(fields)).toList()))
        .into(new ArrayList<>())
        .stream()
        .sorted(
            Comparator.comparing((Document version) -> version.getString(CREATED_AT))
                .reversed()
                .thenComparing(version -> version.getString("_id")))
        .toList();
  }

  private static Document entry(Document source, String event, String reason) {
    Document entry =
        new Document("timestamp", source.getString("timestamp"))
            .append("event", event)
            .append("model_id", source.getString("model_id"))
            .append("reason", source.getString(reason));
    for (String name : TOLD) {
      if (source.containsKey(name)) {
        entry.append(name, source.get(name));
      }
    }
    return entry;
  }
}
