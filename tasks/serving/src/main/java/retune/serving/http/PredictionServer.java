package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.http.Endpoint;
import retune.runtime.http.HttpService;
import retune.runtime.http.Route;
import retune.runtime.http.Tokens;
import retune.serving.challenger.ServedChallenger;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.QueryLog;

/** The prediction service's HTTP server. */
public final class PredictionServer implements AutoCloseable {
  /** What probes and Prometheus ask for, and feedback, which has tokens of its own. */
  private static final Pattern OPEN =
      Pattern.compile("/health|/v2/health/(live|ready)|/metrics|/feedback");

  /**
   * Counts requests in and out, and asks for a token.
   *
   * @param tokens of those who may ask for predictions; null if everybody may
   */
  private record Counted(ServingMetrics metrics, @Nullable Tokens tokens, AfterAnswers afterAnswers)
      implements HttpService.Around {
    @Override
    public void begins(HttpExchange exchange) {
      metrics.requestBegan();
      if (tokens != null && !OPEN.matcher(exchange.getRequestURI().getPath()).matches()) {
        tokens.holder(exchange);
      }
    }

    @Override
    public void ended(
        HttpExchange exchange, String route, String label, int status, long nanoseconds) {
      metrics.requestEnded(label, status, nanoseconds);
      afterAnswers.sent(exchange);
    }
  }

  private final HttpService service;
  private final AtomicBoolean draining;

  private PredictionServer(HttpService service, AtomicBoolean draining) {
    this.service = service;
    this.draining = draining;
  }

  /**
   * Starts to accept requests.
   *
   * @throws InvalidInputException if the address is in use or belongs to another machine
   */
  public static PredictionServer start(
      Endpoint endpoint,
      ServedModel served,
      ServingMetrics metrics,
      QueryLog queryLog,
      ServedChallenger challenger,
      Route.Group feedback,
      Clock clock)
      throws IOException {
    AtomicBoolean draining = new AtomicBoolean();
    AfterAnswers afterAnswers = new AfterAnswers();
    Predictions predictions =
        new Predictions(served, metrics, queryLog, challenger, afterAnswers, clock);
    List<Route> routes = new ArrayList<>();
    Stream.<Route.Group>of(
            new PredictionRoutes(predictions, clock),
            new InferenceRoutes(served, predictions),
            feedback,
            new HealthRoutes(served, challenger, draining::get, clock),
            new DescriptionRoutes(served, metrics, () -> routes.stream().map(Route::path).toList()))
        .map(Route.Group::routes)
        .forEach(routes::addAll);
    return new PredictionServer(
        HttpService.start(
            endpoint, routes, new Counted(metrics, endpoint.tokens(), afterAnswers), clock),
        draining);
  }

  /** The address of the service: {@code http://127.0.0.1:8090}. */
  public String address() {
    return service.address();
  }

  /** Keeps answering, but reports itself as not ready, so that load balancers turn away. */
  public void drain() {
    draining.set(true);
    service.drain();
  }

  /** Stops accepting requests and completes those in flight. */
  @Override
  public void close() {
    drain();
    service.close();
  }
}
