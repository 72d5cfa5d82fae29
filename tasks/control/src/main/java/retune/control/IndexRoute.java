package retune.control;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import retune.runtime.http.Answer;
import retune.runtime.http.Route;

/** The endpoints of the service. */
final class IndexRoute implements Route.Group {
  private final Supplier<List<String>> endpoints;

  IndexRoute(Supplier<List<String>> endpoints) {
    this.endpoints = endpoints;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get(
            "/api",
            (_, _) -> Answer.json(Map.of("name", "retune control", "endpoints", endpoints.get()))));
  }
}
