package retune.control;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.Settings;
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

  /** The names that the service is reached by, besides {@code localhost}. */
  private static final String HOSTS = "RETUNE_HOSTS";

  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9._-]+");

  /** What resolves to nothing else, so that no foreign page can have it. */
  private static final Pattern ADDRESS =
      Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-f:.]+]");

  /** Null if it is reached by any name. */
  private final @Nullable Set<String> names;

  private final Metrics metrics;
  private final LongAdder answered = new LongAdder();

  /**
   * For a server.
   *
   * @param host the address that it listens on
   * @param metrics that count its requests
   * @throws InvalidInputException if the settings name hosts that are none
   */
  Requests(String host, Settings settings, Metrics metrics) {
    this.metrics = metrics;
    Optional<String> set = settings.find(HOSTS);
    if (set.isPresent()) {
      names = names(set.get());
    } else {
      names = isLoopback(host) ? Set.of() : null;
    }
  }

  private static Set<String> names(String text) {
    Set<String> names = new HashSet<>();
    for (String name : text.split(",", -1)) {
      if (!HOST.matcher(name.strip()).matches()) {
        throw new InvalidInputException(
            "%s is '%s'; set it to host names without scheme and port, separated by commas, such as retune.example.com,control."
                .formatted(HOSTS, text));
      }
      names.add(name.strip().toLowerCase(Locale.ROOT));
    }
    return names;
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
    if (names != null && named != null && !isOwn(withoutPort(named), names)) {
      // A page elsewhere whose name resolves to this machine must not read what is here.
      throw new Refusal(
          421,
          "'%s' is not a name of this service; use 127.0.0.1 or localhost, or set %s to the names that it is reached by."
              .formatted(named, HOSTS));
    }
  }

  @Override
  public void ended(
      HttpExchange exchange, String route, String label, int status, long nanoseconds) {
    answered.increment();
    metrics.requestEnded(route, status);
  }

  private static String withoutPort(String host) {
    return host.replaceFirst(":\\d+$", "").toLowerCase(Locale.ROOT);
  }

  private static boolean isOwn(String name, Set<String> names) {
    return name.equals("localhost") || ADDRESS.matcher(name).matches() || names.contains(name);
  }

  private static boolean isLoopback(@Nullable String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException unknown) {
      return false; // starting the server says so
    }
  }
}
