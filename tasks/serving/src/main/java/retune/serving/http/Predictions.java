package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import retune.core.data.Table;
import retune.runtime.http.Answer;
import retune.runtime.http.RequestBodies;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;
import retune.serving.prediction.RequestId;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.AnsweredRequest;
import retune.serving.querylog.QueryLog;

/** Reads request bodies, predicts with the loaded version and logs it, for every protocol. */
final class Predictions {
  /** Maximum size of a body: 1,000 rows of 200 columns with long names fit. */
  private static final int MOST_BYTES = 8 << 20;

  /**
   * A request for predictions.
   *
   * @param start of the request, as {@link System#nanoTime} has it
   */
  record Asked(String id, Instant receivedAt, long start) {
    long nanoseconds() {
      return System.nanoTime() - start;
    }
  }

  /** Answers a body. */
  interface Question {
    Answer answer(LoadedVersion loaded, byte[] body, Asked asked);
  }

  private final ServedModel served;
  private final ServingMetrics metrics;
  private final QueryLog log;
  private final Clock clock;
  private final RequestBodies bodies =
      new RequestBodies(
          Runtime.getRuntime().maxMemory(), MOST_BYTES, "split the rows over several requests");

  Predictions(ServedModel served, ServingMetrics metrics, QueryLog log, Clock clock) {
    this.served = served;
    this.metrics = metrics;
    this.log = log;
    this.clock = clock;
  }

  /**
   * Answers a body with the version that is loaded now, which stays open until the answer. The
   * response has the request's id, also where it is a refusal.
   */
  Answer answer(HttpExchange exchange, Question question) throws IOException {
    String id = RequestId.of(exchange.getRequestHeaders().getFirst(RequestId.HEADER));
    exchange.getResponseHeaders().set(RequestId.HEADER, id);
    Asked asked = new Asked(id, clock.instant().truncatedTo(ChronoUnit.MILLIS), System.nanoTime());
    return bodies.read(
        exchange, body -> served.use(loaded -> question.answer(loaded, body, asked)));
  }

  /** Predicts, counts and logs all rows, or none. */
  List<Prediction> predict(Asked asked, LoadedVersion loaded, Table rows) {
    LoadedVersion.Answers answers = loaded.answer(rows);
    metrics.predicted(answers);
    log.add(
        new AnsweredRequest(
            asked.id,
            asked.receivedAt,
            loaded.version(),
            rows,
            answers.predictions(),
            asked.nanoseconds() / 1_000,
            null));
    return answers.predictions();
  }
}
