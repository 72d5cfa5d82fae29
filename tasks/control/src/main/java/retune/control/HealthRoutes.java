package retune.control;

import com.sun.net.httpserver.HttpExchange;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Query;
import retune.runtime.http.Route;
import retune.runtime.store.DocumentStore;

/** Liveness, and whether the store answers. */
final class HealthRoutes implements Route.Group {
  private final StepContext context;
  private final Models models;

  HealthRoutes(StepContext context) {
    this.context = context;
    this.models = new Models(context);
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/health", (exchange, _) -> health(exchange)),
        Route.get("/health/live", (_, _) -> Answer.json(Map.of("live", true))));
  }

  /** The version of the model that the query names; by default of the first one by name. */
  private Answer health(HttpExchange exchange) {
    Map<String, @Nullable Object> health = new LinkedHashMap<>();
    try {
      Optional<String> named = Query.of(exchange).find("model");
      Optional<String> model =
          named.isPresent()
              ? Optional.of(models.chosen(named))
              : models.names().stream().findFirst();
      Optional<Champion> champion = model.flatMap(new Champions(context.store())::find);
      health.put("status", "healthy");
      health.put("model", model.orElse(null));
      health.put("model_loaded", champion.isPresent());
      health.put("model_version", champion.map(Champion::modelId).orElse(null));
      health.put("timestamp", Times.text(context.clock().instant()));
      return Answer.json(health);
    } catch (RuntimeException e) {
      RuntimeException failure = DocumentStore.explain(e);
      if (!(failure instanceof NotReadyException || failure instanceof InvalidInputException)) {
        throw failure;
      }
      return Answer.problem(
          503, String.valueOf(failure.getMessage()), Times.cut(context.clock().instant()));
    }
  }
}
