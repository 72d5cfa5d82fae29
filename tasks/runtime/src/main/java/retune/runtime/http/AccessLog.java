package retune.runtime.http;

import com.sun.net.httpserver.HttpExchange;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import retune.runtime.LogFields;
import retune.runtime.TraceContext;

/**
 * A line for each request, in the form of the whole log. It has no query, no header and no body:
 * those may hold secrets and what users typed. Probes and scrapes that succeed have no line.
 */
final class AccessLog {
  private static final Logger LOG = System.getLogger("retune.access");
  private static final int MOST_CHARACTERS = 200;
  private static final int FIRST_ERROR = 400;
  private static final String REQUEST_ID = "X-Request-Id";

  /** A method that is none may be of any length, and have what a terminal takes for a command. */
  private static final Pattern METHOD = Pattern.compile("[A-Z]{1,20}");

  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._:=+-]{1,100}");
  private static final Pattern REGULAR =
      Pattern.compile("/metrics|/health(/live)?|/v2/health/(live|ready)");

  private AccessLog() {}

  static void log(HttpExchange exchange, Answer answer, long nanoseconds) {
    String method = method(exchange);
    String path = path(exchange);
    if (REGULAR.matcher(path).matches() && answer.status() < FIRST_ERROR) {
      return;
    }
    double milliseconds = Math.round(nanoseconds / 1e3) / 1e3;
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("method", method);
    fields.put("path", path);
    fields.put("status", answer.status());
    fields.put("ms", milliseconds);
    fields.put("bytes", answer.body().length);
    requestId(exchange).ifPresent(id -> fields.put("request_id", id));
    Optional.ofNullable(Caller.name()).ifPresent(name -> fields.put("by", name));
    TraceContext.of(exchange.getRequestHeaders().getFirst("traceparent"))
        .ifPresent(
            trace -> {
              fields.put("trace_id", trace.traceId());
              fields.put("span_id", trace.spanId());
            });
    LOG.log(
        Level.INFO,
        LogFields.PATTERN,
        new LogFields(
            "%s %s %d in %s ms".formatted(method, path, answer.status(), milliseconds), fields));
  }

  private static String method(HttpExchange exchange) {
    String method = exchange.getRequestMethod();
    return METHOD.matcher(method).matches() ? method : "other";
  }

  private static String path(HttpExchange exchange) {
    String path = exchange.getRequestURI().getRawPath();
    return path.length() <= MOST_CHARACTERS ? path : path.substring(0, MOST_CHARACTERS) + " …";
  }

  /** The id that the service gave the request, or that its caller did. */
  private static Optional<String> requestId(HttpExchange exchange) {
    return Stream.of(
            Optional.ofNullable(exchange.getResponseHeaders().getFirst(REQUEST_ID)),
            Optional.ofNullable(exchange.getRequestHeaders().getFirst(REQUEST_ID)))
        .flatMap(Optional::stream)
        .filter(id -> ID.matcher(id).matches())
        .findFirst();
  }
}
