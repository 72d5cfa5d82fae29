package retune.serving.http;

import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import retune.runtime.http.Answer;
import retune.runtime.http.Route;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ExampleRow;
import retune.serving.prediction.ServedModel;

/** What the service offers and does: the index, the OpenAPI document, an example, the metrics. */
final class DescriptionRoutes implements Route.Group {
  private final ServedModel served;
  private final ServingMetrics metrics;
  private final Supplier<List<String>> endpoints;

  /**
   * The descriptive routes.
   *
   * @param endpoints the paths of all routes, for the index
   */
  DescriptionRoutes(ServedModel served, ServingMetrics metrics, Supplier<List<String>> endpoints) {
    this.served = served;
    this.metrics = metrics;
    this.endpoints = endpoints;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/", (_, _) -> index()),
        Route.get("/example", (_, _) -> example()),
        Route.get("/openapi.json", (_, _) -> openApi()),
        Route.get("/metrics", (_, _) -> metrics()));
  }

  private Answer index() {
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("name", "retune");
    served.modelId().ifPresent(id -> index.put("model_id", id));
    index.put("endpoints", endpoints.get());
    return Answer.json(index);
  }

  private Answer example() {
    return served.use(
        loaded -> Answer.json(Map.of("features", ExampleRow.of(loaded.version().preprocessing()))));
  }

  private Answer openApi() {
    return served.use(loaded -> Answer.json(OpenApi.of(loaded.version())));
  }

  private Answer metrics() {
    return new Answer(200, PrometheusTextFormatWriter.CONTENT_TYPE, metrics.text());
  }
}
