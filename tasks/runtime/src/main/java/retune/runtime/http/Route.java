package retune.runtime.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One method of one path.
 *
 * @param path such as {@code /v2/models/{model}/infer}, where a word in braces matches any one
 *     segment that is not empty
 * @param label value of the label {@code endpoint} in the metrics
 */
public record Route(String method, String path, String label, Handler handler) {
  /** Label of every route that has none of its own. */
  public static final String OTHER = "other";

  /** Answers a request. */
  public interface Handler {
    /**
     * Answers a request. A handler that sends the response itself, piece by piece, returns an
     * answer with its status, which is not sent.
     *
     * @param parameters segments of the path, by the word in braces that they match
     */
    Answer answer(HttpExchange exchange, Map<String, String> parameters) throws IOException;
  }

  /** The routes of one concern. */
  public interface Group {
    List<Route> routes();
  }

  public static Route get(String path, Handler handler) {
    return new Route("GET", path, OTHER, handler);
  }

  public static Route post(String path, String label, Handler handler) {
    return new Route("POST", path, label, handler);
  }

  /** The parameters of a path that matches this route; empty if it does not match. */
  Optional<Map<String, String>> match(String requested) {
    String[] pattern = path.split("/", -1);
    String[] segments = requested.split("/", -1);
    if (pattern.length != segments.length) {
      return Optional.empty();
    }
    Map<String, String> parameters = new LinkedHashMap<>();
    for (int i = 0; i < pattern.length; i++) {
      if (pattern[i].startsWith("{") && !segments[i].isEmpty()) {
        parameters.put(pattern[i].substring(1, pattern[i].length() - 1), segments[i]);
      } else if (!pattern[i].equals(segments[i])) {
        return Optional.empty();
      }
    }
    return Optional.of(parameters);
  }

  /** Whether the route serves the method; HEAD is a GET without its body. */
  boolean serves(String requested) {
    return method.equals(requested) || (method.equals("GET") && requested.equals("HEAD"));
  }
}
