package retune.control;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Query;
import retune.runtime.http.RateLimit;
import retune.runtime.http.Refusal;
import retune.runtime.http.RequestBodies;
import retune.runtime.http.Route;
import retune.runtime.http.Tokens;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Calls that change something: each needs a token and is limited in size and rate. One with a
 * well-formed body and a known model is recorded in {@code control_events}, carried out or refused,
 * with who made it and how it was answered. One that is turned away earlier changes nothing and is
 * in the access log only.
 */
final class Changes {
  private static final Logger LOG = System.getLogger(Changes.class.getName());
  static final String EVENTS = "control_events";

  /** What the id of each call, and of the run that it starts, begins with. */
  static final String RUN = "control__";

  private static final int MOST_BYTES = 64 << 10;

  /** Changing calls a minute of each owner of a token, by program and by page together. */
  static final int MOST_A_MINUTE = 60;

  /**
   * What somebody asks for.
   *
   * @param id of the event, and of a run that the call starts
   * @param by the owner of the token
   */
  record Request(String id, String model, String by, ObjectNode body) {
    /** A text of the body; null if it is missing. */
    @Nullable String text(String field) {
      JsonNode value = body.path(field);
      if (value.isMissingNode() || value.isNull()) {
        return null;
      }
      if (!value.isString() || value.stringValue().isBlank()) {
        throw new Refusal(400, "'%s' must be a text, not %s.".formatted(field, value));
      }
      return value.stringValue();
    }

    /** Why somebody asks, for the record. */
    String reason() {
      return Optional.ofNullable(text("reason")).orElse("no reason given");
    }

    /** A text of the body that must be there. */
    String required(String field) {
      String text = text(field);
      if (text == null) {
        throw new Refusal(400, "'%s' is missing in the body.".formatted(field));
      }
      return text;
    }

    /** A number of the body; empty if it is missing. */
    OptionalDouble number(String field) {
      JsonNode value = body.path(field);
      if (value.isMissingNode() || value.isNull()) {
        return OptionalDouble.empty();
      }
      if (!value.isNumber()) {
        throw new Refusal(400, "'%s' must be a number, not %s.".formatted(field, value));
      }
      return OptionalDouble.of(value.doubleValue());
    }

    /** Whether a field of the body is true. */
    boolean is(String field) {
      JsonNode value = body.path(field);
      if (!value.isMissingNode() && !value.isBoolean()) {
        throw new Refusal(400, "'%s' must be true or false, not %s.".formatted(field, value));
      }
      return value.asBoolean(false);
    }
  }

  /** Does what is asked for. */
  interface Action {
    Answer perform(Request request) throws InterruptedException;
  }

  private final StepContext context;
  private final Models models;
  private final Tokens tokens;
  private final Map<String, Action> actions = new HashMap<>();
  private final RequestBodies bodies =
      new RequestBodies(Runtime.getRuntime().maxMemory(), MOST_BYTES, "send only the fields");
  private final RateLimit rate;

  Changes(StepContext context, Models models, Tokens tokens) {
    this.context = context;
    this.models = models;
    this.tokens = tokens;
    this.rate = new RateLimit(MOST_A_MINUTE, context.clock());
  }

  /**
   * The route of a changing call.
   *
   * @param fields what the body may have, beside {@code model}
   */
  Route route(String path, List<String> fields, Action action) {
    actions.put(path, action);
    return Route.post(
        path,
        Route.OTHER,
        (exchange, _) -> {
          // Before the body is read: whoever may not steer cannot make this service work.
          String by = tokens.holder(exchange);
          rate.require(by, "changing calls");
          ObjectNode body = bodies.read(exchange, bytes -> parse(bytes, fields));
          Optional<String> model =
              Query.of(exchange).find("model").or(() -> models.named(body.path("model")));
          return perform(path, models.chosen(model), by, body, action);
        });
  }

  /**
   * Makes a call for a person who pressed a button of a page.
   *
   * @param path of the call
   * @param by the owner of the token that the person logged in with
   */
  Answer press(String path, String model, String by, ObjectNode body) {
    rate.require(by, "changing calls");
    Action action = Objects.requireNonNull(actions.get(path), path);
    return perform(path, models.chosen(Optional.of(model)), by, body, action);
  }

  private Answer perform(String path, String model, String by, ObjectNode body, Action action) {
    Instant now = context.clock().instant();
    String id = RUN + Times.text(now) + "__" + UUID.randomUUID().toString().substring(0, 8);
    Request request = new Request(id, model, by, body);
    int status = 500;
    String said = "The request failed.";
    boolean isInterrupted = false;
    try {
      Answer answer = action.perform(request);
      status = answer.status();
      said = "";
      return answer;
    } catch (RuntimeException e) {
      Refusal refusal = StoreFailures.refusal(e);
      status = refusal.status();
      said = refusal.sentence();
      throw refusal;
    } catch (InterruptedException e) {
      isInterrupted = true;
      status = 503;
      said = "The service is shutting down.";
      throw new Refusal(status, said);
    } finally {
      record(path, request, status, said);
      if (isInterrupted) {
        // Only now: an interrupted thread writes nothing to the store.
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Keeps what was asked; a store that fails now does not undo what was done. */
  private void record(String path, Request request, int status, String said) {
    LOG.log(
        Level.INFO,
        "{0} called {1} for {2}: {3} {4}",
        request.by,
        path,
        request.model,
        Integer.toString(status),
        said);
    try {
      context
          .store()
          .events()
          .append(
              EVENTS,
              request.model + "/" + request.id,
              new Document("event_type", "control_call")
                  .append("call", path)
                  .append("model", request.model)
                  .append("by", request.by)
                  .append("run_id", request.id)
                  .append("body", kept(request.body))
                  .append("status", status)
                  .append("message", said));
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "The call {0} is not recorded: {1}", request.id, e.getMessage());
    }
  }

  /**
   * The body as a document. What is no plain value stands there as its JSON: the store might refuse
   * it, or take it for a type of its own, and then the call had no record.
   */
  private static Document kept(ObjectNode body) {
    Document kept = new Document();
    body.properties().forEach(field -> kept.append(field.getKey(), plain(field.getValue())));
    return kept;
  }

  private static @Nullable Object plain(JsonNode value) {
    if (value.isString()) {
      return value.stringValue();
    }
    if (value.isBoolean()) {
      return value.booleanValue();
    }
    if (value.isInt() || value.isLong() || value.isDouble()) {
      return value.numberValue();
    }
    return value.isNull() ? null : value.toString();
  }

  private static ObjectNode parse(byte[] bytes, List<String> fields) {
    if (bytes.length == 0) {
      return Json.MAPPER.createObjectNode();
    }
    JsonNode parsed;
    try {
      parsed = Json.MAPPER.readTree(bytes);
    } catch (JacksonException e) {
      throw new Refusal(400, "The body is not JSON: " + e.getOriginalMessage());
    }
    if (!(parsed instanceof ObjectNode body)) {
      throw new Refusal(400, "The body must be a JSON object, such as {\"model\": \"NAME\"}.");
    }
    Set<String> known = new TreeSet<>(fields);
    known.add("model");
    for (String field : body.propertyNames()) {
      if (!known.contains(field)) {
        throw new Refusal(
            400,
            "The body has '%s', which this call does not know; it knows %s."
                .formatted(field, String.join(", ", known)));
      }
    }
    return body;
  }

  /** A successful answer of a changing call: the published fields, and the time. */
  Answer done(int status, Map<String, @Nullable Object> fields) {
    fields.put("timestamp", Times.text(context.clock().instant()));
    return Answer.json(status, fields);
  }
}
