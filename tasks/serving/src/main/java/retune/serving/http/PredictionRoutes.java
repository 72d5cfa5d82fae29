package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.data.Table;
import retune.model.ModelVersion;
import retune.runtime.http.Answer;
import retune.runtime.http.Route;
import retune.serving.prediction.Prediction;
import retune.serving.prediction.RowsOfJson;

/** Predictions for rows of raw columns. */
final class PredictionRoutes implements Route.Group {
  private final Predictions predictions;
  private final Clock clock;

  PredictionRoutes(Predictions predictions, Clock clock) {
    this.predictions = predictions;
    this.clock = clock;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.post("/predict", "predict", (exchange, _) -> one(exchange)),
        Route.post("/batch_predict", "batch_predict", (exchange, _) -> many(exchange)));
  }

  private Answer one(HttpExchange exchange) throws IOException {
    return predictions.answer(
        exchange,
        (loaded, body, asked) -> {
          Table row = RowsOfJson.features(body, loaded.rawColumns());
          Predictions.Answered answered = predictions.predict(asked, loaded, row, true);
          return signed(answered.predictions().getFirst().json(), answered.version(), asked);
        });
  }

  private Answer many(HttpExchange exchange) throws IOException {
    return predictions.answer(
        exchange,
        (loaded, body, asked) -> {
          Table rows = RowsOfJson.instances(body, loaded.rawColumns());
          Predictions.Answered answered = predictions.predict(asked, loaded, rows, true);
          Map<String, Object> json = new LinkedHashMap<>();
          json.put("predictions", answered.predictions().stream().map(Prediction::json).toList());
          json.put("total_count", rows.rows());
          return signed(json, answered.version(), asked);
        });
  }

  /** Adds which version answered which request, by what rule, when, and how long it took. */
  private Answer signed(Map<String, Object> json, ModelVersion version, Predictions.Asked asked) {
    if (version.target().isBinary()) {
      json.put("threshold", version.decisionThreshold());
    }
    json.put("calibrated", version.calibration() != null);
    json.put("request_id", asked.id());
    json.put("model_id", version.modelId());
    json.put("model_version", version.modelVersion());
    json.put("timestamp", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
    json.put("latency_ms", Math.round(asked.nanoseconds() / 1e3) / 1e3);
    return Answer.json(json);
  }
}
