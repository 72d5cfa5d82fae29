package retune.control;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Route;
import retune.runtime.store.DocumentStore;

/** Liveness, and whether the store answers. */
final class HealthRoutes implements Route.Group {
  private final StepContext context;

  HealthRoutes(StepContext context) {
    this.context = context;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/health", (_, _) -> health()),
        Route.get("/health/live", (_, _) -> Answer.json(Map.of("live", true))));
  }

  private Answer health() {
    Map<String, Object> health = new LinkedHashMap<>();
    try {
      Document champion = context.store().collection("champions").find().first();
      health.put("status", "healthy");
      health.put("model_loaded", champion != null);
      health.put("model_version", champion == null ? null : champion.getString("model_id"));
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
