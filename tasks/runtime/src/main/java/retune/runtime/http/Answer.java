package retune.runtime.http;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import retune.runtime.Json;

/**
 * An HTTP response.
 *
 * @param headers further headers by name; they replace those that the service sets
 */
public record Answer(int status, String contentType, byte[] body, Map<String, String> headers) {
  private static final String JSON = "application/json";

  public Answer {
    headers = Map.copyOf(headers);
  }

  public Answer(int status, String contentType, byte[] body) {
    this(status, contentType, body, Map.of());
  }

  /** A successful response. */
  public static Answer json(Object content) {
    return json(200, content);
  }

  public static Answer json(int status, Object content) {
    return new Answer(status, JSON, Json.MAPPER.writeValueAsBytes(content));
  }

  /** An error response with a sentence for the caller. */
  public static Answer problem(int status, String message, Instant now) {
    return new Answer(
        status,
        Problem.CONTENT_TYPE,
        Json.MAPPER.writeValueAsBytes(Problem.json(status, message, now)));
  }

  /** The same answer with one more header. */
  public Answer with(String header, String value) {
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.put(header, value);
    return new Answer(status, contentType, body, more);
  }
}
