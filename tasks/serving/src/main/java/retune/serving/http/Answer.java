package retune.serving.http;

import java.time.Instant;
import retune.runtime.Json;

/** An HTTP response: status, content type and body. */
record Answer(int status, String contentType, byte[] body) {
  private static final String JSON = "application/json";

  /** A successful response. */
  static Answer json(Object content) {
    return json(200, content);
  }

  static Answer json(int status, Object content) {
    return new Answer(status, JSON, Json.MAPPER.writeValueAsBytes(content));
  }

  /** An error response with a sentence for the caller. */
  static Answer problem(int status, String message, Instant now) {
    return new Answer(
        status,
        Problem.CONTENT_TYPE,
        Json.MAPPER.writeValueAsBytes(Problem.json(status, message, now)));
  }
}
