package retune.serving.http;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** The body of an error response: RFC 9457, with the field names that older clients read. */
final class Problem {
  static final String CONTENT_TYPE = "application/problem+json";

  private static final Map<Integer, String> TITLES =
      Map.of(
          400, "Bad Request",
          404, "Not Found",
          405, "Method Not Allowed",
          413, "Content Too Large",
          422, "Unprocessable Content",
          500, "Internal Server Error",
          503, "Service Unavailable");

  private Problem() {}

  static Map<String, Object> json(int status, String message, Instant now) {
    Map<String, Object> problem = new LinkedHashMap<>();
    problem.put("type", "about:blank");
    problem.put("title", TITLES.get(status));
    problem.put("status", status);
    problem.put("detail", message);
    problem.put("message", message);
    problem.put("error", message); // the Open Inference Protocol's name for it
    problem.put("timestamp", now.toString());
    return problem;
  }
}
