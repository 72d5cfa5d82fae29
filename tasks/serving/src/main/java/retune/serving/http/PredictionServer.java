package retune.serving.http;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import retune.core.InvalidInputException;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.Refusal;
import retune.serving.prediction.ServedModel;

/** The HTTP server: accepts requests, routes them, sends the answers and drains at the end. */
public final class PredictionServer implements AutoCloseable {
  private static final Logger LOG = System.getLogger(PredictionServer.class.getName());

  /** Time-out of in-flight requests when the server closes. */
  private static final int IN_FLIGHT_SECONDS = 10;

  static {
    // The JDK reads these when it loads the server's classes: send small answers at once, cut off
    // clients that send a byte a second, and forget clients that left before their answer.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.setProperty("sun.net.httpserver.maxReqTime", "15");
    System.setProperty("sun.net.httpserver.maxRspTime", "60");
  }

  private final HttpServer server;
  private final ServingMetrics metrics;
  private final Clock clock;
  private final Router router;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private volatile boolean draining;

  private PredictionServer(
      HttpServer server, ServedModel served, ServingMetrics metrics, Clock clock) {
    this.server = server;
    this.metrics = metrics;
    this.clock = clock;
    Predictions predictions = new Predictions(served, metrics);
    this.router =
        new Router(
            Stream.<Route.Group>of(
                    new PredictionRoutes(predictions, clock),
                    new InferenceRoutes(served, predictions),
                    new HealthRoutes(served, () -> draining, clock),
                    new DescriptionRoutes(served, metrics, this::endpoints))
                .flatMap(group -> group.routes().stream())
                .toList());
  }

  /**
   * Starts to accept requests.
   *
   * @param port 0 for any free one
   * @throws InvalidInputException if the address is in use or belongs to another machine
   */
  public static PredictionServer start(
      String host, int port, ServedModel served, ServingMetrics metrics, Clock clock)
      throws IOException {
    InetSocketAddress address = new InetSocketAddress(host, port);
    if (address.isUnresolved()) {
      throw new InvalidInputException(
          "The host '%s' cannot be resolved; set --host to an address of this machine."
              .formatted(host));
    }
    HttpServer http;
    try {
      http = HttpServer.create(address, 0);
    } catch (BindException e) {
      throw new InvalidInputException(cannotListen(host, port, String.valueOf(e.getMessage())), e);
    }
    PredictionServer server = new PredictionServer(http, served, metrics, clock);
    http.setExecutor(server.executor);
    http.createContext("/", server::handle);
    http.start();
    return server;
  }

  private static String cannotListen(String host, int port, String reason) {
    return reason.contains("in use")
        ? "Port %d on %s is already in use; choose another one with --port (0 takes any free port)."
            .formatted(port, host)
        : "The service cannot listen on %s, port %d: %s. Change --host or --port."
            .formatted(host, port, reason);
  }

  /** The address of the service: {@code http://127.0.0.1:8090}. */
  public String address() {
    InetSocketAddress address = server.getAddress();
    return "http://%s:%d".formatted(address.getAddress().getHostAddress(), address.getPort());
  }

  /** Keeps answering, but reports itself as not ready, so that load balancers turn away. */
  public void drain() {
    draining = true;
  }

  /** Stops accepting requests and completes those in flight. */
  @Override
  public void close() {
    drain();
    // HttpServer.stop also waits for requests whose clients have left; our counter knows better.
    Thread stopping = Thread.ofPlatform().start(() -> server.stop(IN_FLIGHT_SECONDS));
    try {
      for (int idle = 0; idle < 2 && !stopping.join(Duration.ofMillis(50)); ) {
        idle = metrics.inFlight() == 0 ? idle + 1 : 0;
      }
      stopping.interrupt();
      stopping.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    executor.shutdownNow();
  }

  private List<String> endpoints() {
    return router.paths();
  }

  private void handle(HttpExchange exchange) throws IOException {
    long start = System.nanoTime();
    String label = Route.OTHER;
    Answer answer;
    try (var _ = metrics.begin();
        exchange) {
      try {
        Router.Match match = router.find(exchange);
        label = match.route().label();
        answer = match.answer(exchange);
      } catch (Refusal refusal) {
        answer = Answer.problem(refusal.status(), refusal.sentence(), now());
      } catch (IOException e) {
        answer =
            Answer.problem(
                400, "The request body is incomplete or malformed; send it whole.", now());
      } catch (RuntimeException | Error e) {
        LOG.log(Level.ERROR, "A request to '" + label + "' failed: " + e, e);
        answer = Answer.problem(500, "The request failed; see the log of the service.", now());
      }
      try {
        send(exchange, answer);
      } finally {
        metrics.requestEnded(label, answer.status(), System.nanoTime() - start);
      }
    }
  }

  private void send(HttpExchange exchange, Answer answer) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", answer.contentType());
    if (answer.status() == 503) {
      headers.set("Retry-After", "1");
    }
    if (draining) {
      headers.set("Connection", "close");
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      headers.set("Content-Length", Integer.toString(answer.body().length));
      exchange.sendResponseHeaders(answer.status(), -1);
      return;
    }
    exchange.sendResponseHeaders(answer.status(), answer.body().length);
    // Closed here: closing the exchange would first wait for the rest of the request.
    try (OutputStream body = exchange.getResponseBody()) {
      body.write(answer.body());
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS);
  }
}
