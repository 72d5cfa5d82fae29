package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import retune.core.InvalidInputException;
import retune.runtime.http.Caller;
import retune.runtime.http.Endpoint;
import retune.runtime.http.HttpService;
import retune.runtime.http.RateLimit;
import retune.runtime.http.Refusal;
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

  /** Counts requests in and out, asks for a token and limits each caller. */
  private record Counted(ServingMetrics metrics, Endpoint endpoint, AfterAnswers afterAnswers)
      implements HttpService.Around {
    @Override
    public void begins(HttpExchange exchange) {
      metrics.requestBegan();
      Tokens tokens = endpoint.tokens();
      RateLimit rate = endpoint.rate();
      if ((tokens == null && rate == null)
          || OPEN.matcher(exchange.getRequestURI().getPath()).matches()) {
        return;
      }
      String caller = tokens == null ? Caller.address(exchange) : tokens.holder(exchange);
      if (rate != null) {
        limit(rate, caller);
      }
    }

    @Override
    public void refused() {
      metrics.refusedConnection();
    }

    private void limit(RateLimit rate, String caller) {
      try {
        rate.require(caller, "requests");
      } catch (Refusal tooMany) {
        metrics.rateLimited();
        throw tooMany;
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
        HttpService.start(endpoint, routes, new Counted(metrics, endpoint, afterAnswers), clock),
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
