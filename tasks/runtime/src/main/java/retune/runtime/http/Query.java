package retune.runtime.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import java.net.URLDecoder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The parameters of a request's query or form. Of a parameter that is given twice, the last. */
public record Query(Map<String, String> parameters) {
  public Query {
    parameters = Map.copyOf(parameters);
  }

  /** The query of a request. */
  public static Query of(HttpExchange exchange) {
    return of(exchange.getRequestURI().getRawQuery());
  }

  /**
   * Reads {@code name=value&name=value}, percent-encoded.
   *
   * @param text null for none
   * @throws Refusal 400 where it is not encoded right
   */
  public static Query of(@Nullable String text) {
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String pair : text == null ? new String[0] : text.split("&", -1)) {
      int equals = pair.indexOf('=');
      if (!pair.isEmpty()) {
        parameters.put(
            decoded(equals < 0 ? pair : pair.substring(0, equals)),
            decoded(equals < 0 ? "" : pair.substring(equals + 1)));
      }
    }
    return new Query(parameters);
  }

  /** The value of a parameter; empty if it is missing or blank. */
  public Optional<String> find(String name) {
    return Optional.ofNullable(parameters.get(name)).filter(value -> !value.isBlank());
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text, UTF_8);
    } catch (IllegalArgumentException malformed) {
      throw new Refusal(400, "The query is not percent-encoded: " + malformed.getMessage());
    }
  }
}
