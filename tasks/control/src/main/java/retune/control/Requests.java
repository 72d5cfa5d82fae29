package retune.control;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import retune.runtime.http.HttpService;
import retune.runtime.http.Refusal;

/** What the service does around each request: security headers, a check of the host, counts. */
final class Requests implements HttpService.Around {
  /** Nothing from elsewhere, nothing inline, and no frame; a page that needs more sets its own. */
  static final String CONTENT_SECURITY_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
          + " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

  private static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy", CONTENT_SECURITY_POLICY,
          "X-Content-Type-Options", "nosniff",
          "X-Frame-Options", "DENY",
          "Referrer-Policy", "no-referrer",
          "Cross-Origin-Opener-Policy", "same-origin",
          "Cross-Origin-Resource-Policy", "same-origin",
          "Cache-Control", "no-store");

  private final boolean isLocal;
  private final Metrics metrics;
  private final LongAdder answered = new LongAdder();

  /**
   * For a server.
   *
   * @param host the address that it listens on
   * @param metrics that count its requests
   */
  Requests(String host, Metrics metrics) {
    this.metrics = metrics;
    isLocal = isLoopback(host);
  }

  /** The number of requests answered so far. */
  long answered() {
    return answered.sum();
  }

  @Override
  public void begins(HttpExchange exchange) {
    Headers headers = exchange.getResponseHeaders();
    HEADERS.forEach(headers::set);
    String named = exchange.getRequestHeaders().getFirst("Host");
    if (isLocal && named != null && !namesThisMachine(named)) {
      // A page elsewhere whose name resolves to this machine must not read what is here.
      throw new Refusal(
          421,
          "This service listens on this machine alone, and '%s' is not its name; use 127.0.0.1 or localhost."
              .formatted(named));
    }
  }

  @Override
  public void ended(
      HttpExchange exchange, String route, String label, int status, long nanoseconds) {
    answered.increment();
    metrics.requestEnded(route, status);
  }

  private static boolean namesThisMachine(String host) {
    String name = host.replaceFirst(":\\d+$", "");
    return name.equalsIgnoreCase("localhost") || name.matches("127(\\.\\d+){3}|\\[::1]");
  }

  private static boolean isLoopback(@Nullable String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException unknown) {
      return false; // starting the server says so
    }
  }
}
