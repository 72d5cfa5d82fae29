package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.List;
import java.util.function.BiFunction;
import retune.core.data.Table;
import retune.runtime.http.Answer;
import retune.runtime.http.RequestBodies;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;
import retune.serving.prediction.ServedModel;

/** Reads request bodies and predicts with the loaded version, for every protocol. */
final class Predictions {
  /** Maximum size of a body: 1,000 rows of 200 columns with long names fit. */
  private static final int MOST_BYTES = 8 << 20;

  private final ServedModel served;
  private final ServingMetrics metrics;
  private final RequestBodies bodies =
      new RequestBodies(
          Runtime.getRuntime().maxMemory(), MOST_BYTES, "split the rows over several requests");

  Predictions(ServedModel served, ServingMetrics metrics) {
    this.served = served;
    this.metrics = metrics;
  }

  /** Answers a body with the version that is loaded now, which stays open until the answer. */
  Answer answer(HttpExchange exchange, BiFunction<LoadedVersion, byte[], Answer> question)
      throws IOException {
    return bodies.read(exchange, body -> served.use(loaded -> question.apply(loaded, body)));
  }

  /** Predicts and counts all rows, or none. */
  List<Prediction> predict(LoadedVersion loaded, Table rows) {
    LoadedVersion.Answers answers = loaded.answer(rows);
    metrics.predicted(answers);
    return answers.predictions();
  }
}
