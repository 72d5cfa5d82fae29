package retune.control;

import com.sun.net.httpserver.HttpExchange;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import retune.control.dashboard.Pages;
import retune.control.dashboard.Paths;
import retune.core.InvalidInputException;
import retune.runtime.http.Route;
import retune.runtime.http.Tokens;

/** Who may read: everybody, or those who are logged in or have a token. */
final class Readers {
  private final boolean isClosed;
  private final Tokens tokens;
  private final Sessions sessions;

  /**
   * Who may read.
   *
   * @throws InvalidInputException if only those with a token may, and there are no tokens
   */
  Readers(Control.Reading reading, Tokens tokens, Sessions sessions) {
    isClosed = reading == Control.Reading.TOKEN;
    this.tokens = tokens;
    this.sessions = sessions;
    if (isClosed && !tokens.exist()) {
      throw new InvalidInputException(
          "With --reading token and without --token-file nobody could read; give --token-file, or"
              + " leave out --reading.");
    }
  }

  /**
   * The same route for those who may read. What a probe, the log-in page and its files need stays
   * open; calls that change something ask for more by themselves.
   */
  Route guarded(Route route) {
    if (!isClosed || !route.method().equals("GET") || isOpen(route.path())) {
      return route;
    }
    return new Route(
        route.method(),
        route.path(),
        route.label(),
        (exchange, parameters) -> {
          if (sessions.find(exchange).isEmpty()) {
            if (isBrowser(exchange)) {
              return Pages.redirect(Paths.LOGIN + "?next=" + here(exchange));
            }
            tokens.holder(exchange);
          }
          return route.handler().answer(exchange, parameters);
        });
  }

  private static boolean isOpen(String path) {
    return path.equals("/health/live") || Paths.ofLogin().contains(path);
  }

  /** Whether somebody looks, who is better led to the log-in page than told of a header. */
  private static boolean isBrowser(HttpExchange exchange) {
    String accepted = exchange.getRequestHeaders().getFirst("Accept");
    return exchange.getRequestHeaders().getFirst("Authorization") == null
        && Objects.requireNonNullElse(accepted, "").contains("text/html");
  }

  private static String here(HttpExchange exchange) {
    return URLEncoder.encode(exchange.getRequestURI().toString(), StandardCharsets.UTF_8);
  }
}
