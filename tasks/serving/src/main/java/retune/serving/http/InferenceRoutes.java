package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import retune.core.data.Table;
import retune.model.ModelVersion;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import retune.serving.prediction.InferenceProtocol;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.ServedModel;

/** The Open Inference Protocol, version 2: metadata of server and model, and inference. */
final class InferenceRoutes implements Route.Group {
  private static final String MODEL = "/v2/models/{model}";
  private static final String VERSION = MODEL + "/versions/{version}";
  private static final String INFER = "/infer";

  private final ServedModel served;
  private final Predictions predictions;

  InferenceRoutes(ServedModel served, Predictions predictions) {
    this.served = served;
    this.predictions = predictions;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/v2", (_, _) -> server()),
        Route.get(MODEL, (_, path) -> metadata(path)),
        Route.get(VERSION, (_, path) -> metadata(path)),
        Route.get(MODEL + "/ready", (_, path) -> ready(path)),
        Route.get(VERSION + "/ready", (_, path) -> ready(path)),
        Route.post(MODEL + INFER, "infer", this::infer),
        Route.post(VERSION + INFER, "infer", this::infer));
  }

  private static Answer server() {
    String version = InferenceRoutes.class.getPackage().getImplementationVersion();
    return Answer.json(
        Map.of(
            "name",
            "retune",
            "version",
            version == null ? "(not packaged)" : version,
            "extensions",
            List.of("binary_tensor_data")));
  }

  private Answer metadata(Map<String, String> path) {
    return describe(
        path, loaded -> InferenceProtocol.metadata(loaded.version(), loaded.engineName()));
  }

  private Answer ready(Map<String, String> path) {
    return describe(path, loaded -> Map.of("name", loaded.version().modelName(), "ready", true));
  }

  private Answer describe(Map<String, String> path, Function<LoadedVersion, Object> description) {
    return served.use(
        loaded -> {
          requireServed(loaded.version(), path);
          return Answer.json(description.apply(loaded));
        });
  }

  private Answer infer(HttpExchange exchange, Map<String, String> path) throws IOException {
    String jsonBytes = exchange.getRequestHeaders().getFirst(InferenceProtocol.JSON_BYTES);
    return predictions.answer(
        exchange,
        (loaded, body, asked) -> {
          ModelVersion version = loaded.version();
          requireServed(version, path);
          InferenceProtocol request = InferenceProtocol.read(body, jsonBytes);
          Table rows = request.rows(loaded.rawColumns());
          boolean anyVersion = !path.containsKey("version");
          Predictions.Answered answered = predictions.predict(asked, loaded, rows, anyVersion);
          return request.answer(answered.version(), asked.id(), answered.predictions());
        });
  }

  private static void requireServed(ModelVersion served, Map<String, String> path) {
    String model = path.getOrDefault("model", "");
    String version = path.getOrDefault("version", served.modelVersion());
    if (!served.modelName().equals(model) || !served.modelVersion().equals(version)) {
      throw new Refusal(
          404,
          "This service does not serve model '%s', version '%s'; it serves '%s', version '%s'."
              .formatted(model, version, served.modelName(), served.modelVersion()));
    }
  }
}
