package retune.runtime.http;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** The body of an error response: RFC 9457, with the field names that older clients read. */
public final class Problem {
  public static final String CONTENT_TYPE = "application/problem+json";

  private static final Map<Integer, String> TITLES =
      Map.ofEntries(
          Map.entry(400, "Bad Request"),
          Map.entry(401, "Unauthorized"),
          Map.entry(403, "Forbidden"),
          Map.entry(404, "Not Found"),
          Map.entry(405, "Method Not Allowed"),
          Map.entry(409, "Conflict"),
          Map.entry(413, "Content Too Large"),
          Map.entry(415, "Unsupported Media Type"),
          Map.entry(421, "Misdirected Request"),
          Map.entry(422, "Unprocessable Content"),
          Map.entry(429, "Too Many Requests"),
          Map.entry(500, "Internal Server Error"),
          Map.entry(501, "Not Implemented"),
          Map.entry(502, "Bad Gateway"),
          Map.entry(503, "Service Unavailable"));

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
