package retune.runtime.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds the route of a request. */
final class Router {
  /** A route and the parameters of the path that it matched. */
  record Match(Route route, Map<String, String> parameters) {
    Answer answer(HttpExchange exchange) throws IOException {
      return route.handler().answer(exchange, parameters);
    }
  }

  private final List<Route> routes;

  Router(List<Route> routes) {
    this.routes = List.copyOf(routes);
  }

  /**
   * The route of a request.
   *
   * @throws Refusal 404 if no route has the path, 405 if none of them has the method
   */
  Match find(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath();
    String method = exchange.getRequestMethod();
    List<String> allowed = new ArrayList<>();
    for (Route route : routes) {
      Optional<Map<String, String>> parameters = route.match(path);
      if (parameters.isPresent()) {
        if (route.serves(method)) {
          return new Match(route, parameters.get());
        }
        allowed.add(route.method());
      }
    }
    if (!allowed.isEmpty()) {
      exchange.getResponseHeaders().set("Allow", String.join(", ", allowed));
      throw new Refusal(
          405, "%s accepts %s, not %s.".formatted(path, String.join(" and ", allowed), method));
    }
    throw new Refusal(
        404,
        "There is nothing at %s. The endpoints are %s."
            .formatted(path, String.join(", ", paths())));
  }

  /** The paths of all routes. */
  List<String> paths() {
    return routes.stream().map(Route::path).toList();
  }
}
