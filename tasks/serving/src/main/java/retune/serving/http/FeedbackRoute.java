package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Target;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.RequestBodies;
import retune.runtime.http.Route;
import retune.runtime.http.Tokens;
import retune.runtime.store.Feedback;
import retune.runtime.store.QueryBlock;
import retune.serving.prediction.RequestId;
import retune.serving.prediction.ServedModel;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Takes labels of rows that were predicted earlier, by the request's id. */
public final class FeedbackRoute implements Route.Group {
  private static final Logger LOG = System.getLogger(FeedbackRoute.class.getName());
  static final String PATH = "/feedback";

  /** The list of several labels. */
  private static final String LIST = "feedback";

  private static final String REQUEST_ID = "request_id";
  private static final String ROW = "row";
  private static final String LABEL = "label";
  private static final Set<String> FIELDS = Set.of(REQUEST_ID, ROW, LABEL);
  private static final String SHAPE =
      "{\"request_id\": ID, \"row\": 0, \"label\": CLASS}, or {\"feedback\": [such objects]}";

  private static final int MOST_LABELS = 1_000;
  private static final int MOST_BYTES = 1 << 20;

  /** Who may send feedback. */
  public sealed interface Senders {
    /** Nobody, with the sentence that says why. */
    record Nobody(String why) implements Senders {}

    /** Whoever reaches the service, which listens on this machine alone. */
    record Anybody() implements Senders {}

    /** Those who have a token. */
    record Holders(Tokens tokens) implements Senders {}

    /**
     * As the options of the service say.
     *
     * @param queryLog whether rows are logged, so that feedback finds them
     * @param host the address that the service listens on
     * @param tokenFile null for none
     * @throws InvalidInputException if the file cannot be read, or there is no query log
     */
    static Senders of(boolean queryLog, String host, @Nullable String tokenFile, Clock clock) {
      if (!queryLog) {
        if (tokenFile != null) {
          throw new InvalidInputException(
              "'feedback_token_file' is for feedback on rows of the query log, but that is off;"
                  + " turn it on with 'query_log'.");
        }
        return new Nobody(
            "This service keeps no query log, so that feedback finds no rows; start it with"
                + " --query-log.");
      }
      if (tokenFile != null) {
        return new Holders(new Tokens(Path.of(tokenFile), clock));
      }
      return isLoopback(host)
          ? new Anybody()
          : new Nobody(
              "This service listens beyond its machine and has no tokens for feedback; start it"
                  + " with --feedback-token-file.");
    }

    private static boolean isLoopback(String host) {
      try {
        return InetAddress.getByName(host).isLoopbackAddress();
      } catch (UnknownHostException unknown) {
        return false; // starting the server says so
      }
    }
  }

  /** How long a caller waits for the store. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** Requests that may wait for the store at once. */
  private static final int MOST_WRITES = 16;

  private final Senders senders;
  private final StepContext context;
  private final ServedModel served;
  private final Duration patience;
  private final Semaphore writes = new Semaphore(MOST_WRITES);
  private final RequestBodies bodies =
      new RequestBodies(
          Runtime.getRuntime().maxMemory(), MOST_BYTES, "split the labels over several requests");

  /** The route, for those who may send feedback. */
  public FeedbackRoute(Senders senders, StepContext context, ServedModel served) {
    this(senders, context, served, PATIENCE);
  }

  /**
   * The route.
   *
   * @param patience how long a caller waits for the store
   */
  public FeedbackRoute(
      Senders senders, StepContext context, ServedModel served, Duration patience) {
    this.senders = senders;
    this.context = context;
    this.served = served;
    this.patience = patience;
  }

  @Override
  public List<Route> routes() {
    return List.of(Route.post(PATH, "feedback", (exchange, _) -> take(exchange)));
  }

  private Answer take(HttpExchange exchange) throws IOException {
    // Before the body is read: whoever may not send feedback cannot make this service work.
    @Nullable String by = sender(exchange);
    JsonNode body = bodies.read(exchange, FeedbackRoute::parse);
    return served.use(
        loaded -> {
          // Finer than elsewhere: of two labels of a row, the later one counts.
          Instant now = context.clock().instant().truncatedTo(ChronoUnit.MICROS);
          List<Feedback.Label> labels = labels(body, loaded.version().target(), by, now);
          String model = loaded.version().modelName();
          store(model, labels);
          Map<String, Object> answer = new LinkedHashMap<>();
          answer.put("model", model);
          answer.put("accepted", labels.size());
          answer.put("timestamp", now.truncatedTo(ChronoUnit.MILLIS).toString());
          return Answer.json(202, answer);
        });
  }

  private @Nullable String sender(HttpExchange exchange) {
    return switch (senders) {
      case Senders.Nobody(String why) -> throw new Refusal(403, why);
      case Senders.Holders(Tokens tokens) -> tokens.holder(exchange);
      case Senders.Anybody _ -> {
        // Browsers send it with requests from pages, also from those of other sites.
        if (exchange.getRequestHeaders().containsKey("Origin")) {
          throw new Refusal(
              403,
              "Without --feedback-token-file, this service takes no feedback from web pages: any"
                  + " page could send it.");
        }
        yield null;
      }
    };
  }

  /**
   * Stores labels on a thread of its own: a store that is away must not keep the caller waiting.
   */
  private void store(String model, List<Feedback.Label> labels) {
    if (!writes.tryAcquire()) {
      throw away("others wait for it");
    }
    CompletableFuture<Void> written = new CompletableFuture<>();
    Thread.startVirtualThread(
        () -> {
          try {
            context.store().feedback().add(model, labels);
            written.complete(null);
          } catch (RuntimeException | Error e) {
            written.completeExceptionally(e);
          } finally {
            writes.release();
          }
        });
    try {
      written.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw away("no answer within " + patience.toSeconds() + " s");
    } catch (ExecutionException e) {
      throw away(String.valueOf(e.getCause()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw away("the service stops");
    }
  }

  private static Refusal away(String reason) {
    LOG.log(Level.WARNING, "Feedback was not stored: {0}", reason);
    return new Refusal(503, "The document store does not answer; send the feedback again later.");
  }

  private static JsonNode parse(byte[] body) {
    try {
      return Json.MAPPER.readTree(body);
    } catch (JacksonException e) {
      throw new Refusal(400, "The request body is not valid JSON; send %s.".formatted(SHAPE));
    }
  }

  private static List<Feedback.Label> labels(
      JsonNode body, Target target, @Nullable String by, Instant now) {
    if (!(body.path(LIST).isArray() && body.size() == 1)) {
      return List.of(label(body, "The body", target, by, now));
    }
    JsonNode list = body.path(LIST);
    if (list.isEmpty() || list.size() > MOST_LABELS) {
      throw new Refusal(
          list.isEmpty() ? 400 : 413,
          "'feedback' has %d labels; send 1 to %d.".formatted(list.size(), MOST_LABELS));
    }
    List<Feedback.Label> labels = new ArrayList<>();
    for (JsonNode one : list) {
      labels.add(label(one, "Label " + labels.size(), target, by, now));
    }
    return labels;
  }

  /** A label; all of a request are taken, or none. */
  private static Feedback.Label label(
      JsonNode node, String where, Target target, @Nullable String by, Instant now) {
    if (!(node instanceof ObjectNode object)) {
      throw new Refusal(400, "%s is no JSON object; send %s.".formatted(where, SHAPE));
    }
    Set<String> unknown = new TreeSet<>(object.propertyNames());
    unknown.removeAll(FIELDS);
    if (!unknown.isEmpty()) {
      throw new Refusal(
          400, "%s has the unknown field %s; send %s.".formatted(where, unknown, SHAPE));
    }
    JsonNode id = object.path(REQUEST_ID);
    if (!id.isString() || !RequestId.isValid(id.stringValue())) {
      throw new Refusal(
          422,
          "%s has no valid request_id; send the one that the prediction's answer has."
              .formatted(where));
    }
    JsonNode row = object.path(ROW);
    if (!row.isMissingNode()
        && !(row.isInt() && row.intValue() >= 0 && row.intValue() < MOST_LABELS)) {
      throw new Refusal(
          422,
          "%s has the row %s; send the row's number within its request, from 0 to %d."
              .formatted(where, row, MOST_LABELS - 1));
    }
    String label = text(object.path(LABEL));
    if (!target.classes().contains(label)) {
      throw new Refusal(
          422,
          "%s has the label %s, which is no class of '%s'; the classes are %s."
              .formatted(where, object.path(LABEL), target.column(), target.classes()));
    }
    return new Feedback.Label(QueryBlock.Row.key(id.stringValue(), row.asInt(0)), label, by, now);
  }

  /** A class as the model names it: callers may send the class "1" as a number. */
  private static String text(JsonNode label) {
    return label.isNumber()
        ? String.valueOf(new Column.Numbers(LABEL, new double[] {label.doubleValue()}).text(0))
        : label.asString("");
  }
}
