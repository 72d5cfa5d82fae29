package retune.serving;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiFunction;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.model.ModelVersion;
import retune.runtime.Json;

/** The HTTP endpoints: predictions, the Open Inference Protocol, health and metrics. */
final class PredictionServer implements AutoCloseable {
  private static final Logger LOG = System.getLogger(PredictionServer.class.getName());
  private static final String JSON = "application/json";
  private static final String OTHER = "other";

  /** Seconds that requests still have when the server closes. */
  private static final int LAST_REQUESTS_SECONDS = 10;

  static {
    // Read when the server's classes are loaded: small answers go out at once; who sends a request
    // a byte a second is cut off, and who went away before the answer is forgotten.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.setProperty("sun.net.httpserver.maxReqTime", "15");
    System.setProperty("sun.net.httpserver.maxRspTime", "60");
  }

  /** What is sent back. */
  private record Answer(int status, String contentType, byte[] body) {
    static Answer json(Object content) {
      return json(200, JSON, content);
    }

    static Answer json(int status, String contentType, Object content) {
      return new Answer(status, contentType, Json.MAPPER.writeValueAsBytes(content));
    }
  }

  /** What an endpoint does. */
  private interface Handler {
    Answer answer(HttpExchange exchange) throws IOException;
  }

  /** One method of one path. */
  private record Endpoint(String name, String method, Handler handler) {
    static Endpoint get(Handler handler) {
      return new Endpoint(OTHER, "GET", handler);
    }

    static Endpoint post(String name, Handler handler) {
      return new Endpoint(name, "POST", handler);
    }
  }

  private final ServedModel served;
  private final ServingMetrics metrics;
  private final Clock clock;
  private final Map<String, Endpoint> endpoints = new LinkedHashMap<>();
  private final Requests requests = new Requests(Runtime.getRuntime().maxMemory());
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;
  private volatile boolean draining;

  private PredictionServer(
      HttpServer server, ServedModel served, ServingMetrics metrics, Clock clock) {
    this.server = server;
    this.served = served;
    this.metrics = metrics;
    this.clock = clock;
    endpoints.put("/", Endpoint.get(exchange -> index()));
    endpoints.put("/predict", Endpoint.post("predict", this::predict));
    endpoints.put("/batch_predict", Endpoint.post("batch_predict", this::predictBatch));
    endpoints.put("/example", Endpoint.get(exchange -> example()));
    endpoints.put("/health", Endpoint.get(exchange -> health()));
    endpoints.put("/metrics", Endpoint.get(exchange -> metrics()));
    endpoints.put("/openapi.json", Endpoint.get(exchange -> openApi()));
    endpoints.put("/v2", Endpoint.get(exchange -> server()));
    endpoints.put("/v2/health/live", Endpoint.get(exchange -> Answer.json(Map.of("live", true))));
    endpoints.put("/v2/health/ready", Endpoint.get(exchange -> ready()));
  }

  /**
   * Listens and answers.
   *
   * @param port 0 for any free one
   * @throws InvalidInputException where the address is in use or not this machine's
   */
  static PredictionServer start(
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

  /** Where it listens: {@code http://127.0.0.1:8090}. */
  String address() {
    InetSocketAddress address = server.getAddress();
    return "http://%s:%d".formatted(address.getAddress().getHostAddress(), address.getPort());
  }

  /** Goes on answering, but says that it is not ready: who distributes requests looks elsewhere. */
  void drain() {
    draining = true;
  }

  /** Listens no more, and ends the requests that are being answered. */
  @Override
  public void close() {
    drain();
    // The server also waits for requests whose callers are gone, which it cannot tell; we can.
    Thread stopping = Thread.ofPlatform().start(() -> server.stop(LAST_REQUESTS_SECONDS));
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

  private void handle(HttpExchange exchange) throws IOException {
    long start = System.nanoTime();
    Endpoint endpoint = notFound(exchange.getRequestMethod());
    Answer answer;
    try (var _ = metrics.begin();
        exchange) {
      try {
        endpoint = endpoint(exchange);
        answer = endpoint.handler.answer(exchange);
      } catch (Refusal refusal) {
        answer = problem(refusal.status(), refusal.sentence());
      } catch (IOException e) {
        answer = problem(400, "The body ended early or is malformed; send all of it.");
      } catch (RuntimeException | Error e) {
        LOG.log(Level.ERROR, "A request of " + endpoint.name + " failed: " + e, e);
        answer = problem(500, "The request failed; the service's log says why.");
      }
      try {
        send(exchange, answer);
      } finally {
        metrics.requestEnded(endpoint.name, answer.status, System.nanoTime() - start);
      }
    }
  }

  private void send(HttpExchange exchange, Answer answer) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", answer.contentType);
    if (answer.status == 503) {
      headers.set("Retry-After", "1");
    }
    if (draining) {
      headers.set("Connection", "close");
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      headers.set("Content-Length", Integer.toString(answer.body.length));
      exchange.sendResponseHeaders(answer.status, -1);
      return;
    }
    exchange.sendResponseHeaders(answer.status, answer.body.length);
    // Closed here: the exchange's end would first wait for the rest of the request.
    try (OutputStream body = exchange.getResponseBody()) {
      body.write(answer.body);
    }
  }

  private Endpoint notFound(String method) {
    return new Endpoint(OTHER, method, this::notFound);
  }

  private Endpoint endpoint(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath();
    String method = exchange.getRequestMethod();
    Endpoint found =
        Optional.ofNullable(endpoints.get(path)).or(() -> ofModel(path)).orElse(notFound(method));
    if (found.method.equals(method) || (found.method.equals("GET") && method.equals("HEAD"))) {
      return found;
    }
    exchange.getResponseHeaders().set("Allow", found.method);
    throw new Refusal(405, "%s takes %s, not %s.".formatted(path, found.method, method));
  }

  /** {@code /v2/models/NAME}, {@code …/versions/VERSION}, and of both {@code …/ready, …/infer}. */
  private Optional<Endpoint> ofModel(String path) {
    List<String> words = List.of(path.split("/", -1));
    if (words.size() < 4 || !path.startsWith("/v2/models/")) {
      return Optional.empty();
    }
    boolean ofVersion = words.size() > 5 && words.get(4).equals("versions");
    String version = ofVersion ? words.get(5) : "";
    List<String> rest = words.subList(ofVersion ? 6 : 4, words.size());
    String verb = rest.isEmpty() ? "" : rest.getFirst();
    if (rest.size() > 1 || (ofVersion && version.isEmpty())) {
      return Optional.empty();
    }
    String model = words.get(3);
    return switch (verb) {
      case "" -> Optional.of(Endpoint.get(exchange -> metadata(model, version)));
      case "ready" -> Optional.of(Endpoint.get(exchange -> modelReady(model, version)));
      case "infer" ->
          Optional.of(Endpoint.post("infer", exchange -> infer(exchange, model, version)));
      default -> Optional.empty();
    };
  }

  private Answer index() {
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("name", "retune");
    served.modelId().ifPresent(id -> index.put("model_id", id));
    index.put("endpoints", endpoints.keySet());
    return Answer.json(index);
  }

  private Answer predict(HttpExchange exchange) throws IOException {
    long start = System.nanoTime();
    return ask(
        exchange,
        (loaded, body) -> {
          Table row = RowsOfJson.features(body, columns(loaded));
          return signed(predictions(loaded, row).getFirst().json(), loaded.version(), start);
        });
  }

  private Answer predictBatch(HttpExchange exchange) throws IOException {
    long start = System.nanoTime();
    return ask(
        exchange,
        (loaded, body) -> {
          Table rows = RowsOfJson.instances(body, columns(loaded));
          Map<String, Object> json = new LinkedHashMap<>();
          json.put(
              "predictions", predictions(loaded, rows).stream().map(Prediction::json).toList());
          json.put("total_count", rows.rows());
          return signed(json, loaded.version(), start);
        });
  }

  private Answer infer(HttpExchange exchange, String model, String version) throws IOException {
    return ask(
        exchange,
        (loaded, body) -> {
          requireServed(loaded.version(), model, version);
          InferenceProtocol.Request request = InferenceProtocol.read(body);
          Table rows = InferenceProtocol.rows(request, columns(loaded));
          return Answer.json(
              InferenceProtocol.answer(request, loaded.version(), predictions(loaded, rows)));
        });
  }

  /** What the version that is loaded says to a request's body. */
  private Answer ask(HttpExchange exchange, BiFunction<LoadedVersion, byte[], Answer> question)
      throws IOException {
    return requests.read(exchange, body -> served.use(loaded -> question.apply(loaded, body)));
  }

  private List<Prediction> predictions(LoadedVersion loaded, Table rows) {
    LoadedVersion.Answers answers = loaded.answer(rows);
    metrics.predicted(answers);
    return answers.predictions();
  }

  private static List<String> columns(LoadedVersion loaded) {
    return loaded.version().preprocessing().rawColumns();
  }

  /** Who answered, when, and how long it took. */
  private Answer signed(Map<String, Object> json, ModelVersion version, long start) {
    json.put("model_id", version.modelId());
    json.put("model_version", version.modelVersion());
    json.put("timestamp", now().toString());
    json.put("latency_ms", Math.round((System.nanoTime() - start) / 1e3) / 1e3);
    return Answer.json(json);
  }

  private Answer health() {
    Map<String, Object> health = new LinkedHashMap<>();
    Optional<ModelVersion> version = served.version();
    health.put("status", version.isPresent() ? "healthy" : "starting");
    health.put("model_loaded", version.isPresent());
    version.ifPresent(
        loaded -> {
          health.put("model_id", loaded.modelId());
          health.put("model_version", loaded.modelVersion());
        });
    health.put("timestamp", now().toString());
    return Answer.json(version.isPresent() ? 200 : 503, JSON, health);
  }

  private Answer ready() {
    if (draining) {
      throw new Refusal(503, "The service is about to end.");
    }
    served.use(LoadedVersion::version);
    return Answer.json(Map.of("ready", true));
  }

  private Answer metadata(String model, String version) {
    return served.use(
        loaded -> {
          requireServed(loaded.version(), model, version);
          return Answer.json(InferenceProtocol.metadata(loaded.version(), loaded.engineName()));
        });
  }

  private Answer modelReady(String model, String version) {
    return served.use(
        loaded -> {
          requireServed(loaded.version(), model, version);
          return Answer.json(Map.of("name", model, "ready", true));
        });
  }

  private static void requireServed(ModelVersion served, String model, String version) {
    if (!served.modelName().equals(model)
        || !(version.isEmpty() || served.modelVersion().equals(version))) {
      throw new Refusal(
          404,
          "'%s'%s is not served here; %s in version %s is."
              .formatted(
                  model,
                  version.isEmpty() ? "" : " in version '" + version + "'",
                  served.modelName(),
                  served.modelVersion()));
    }
  }

  private Answer metrics() {
    return new Answer(200, PrometheusTextFormatWriter.CONTENT_TYPE, metrics.text());
  }

  private Answer openApi() {
    return served.use(loaded -> Answer.json(OpenApi.of(loaded.version())));
  }

  private Answer example() {
    return served.use(
        loaded -> Answer.json(Map.of("features", ExampleRow.of(loaded.version().preprocessing()))));
  }

  private static Answer server() {
    String version = PredictionServer.class.getPackage().getImplementationVersion();
    return Answer.json(
        Map.of(
            "name",
            "retune",
            "version",
            version == null ? "(not packaged)" : version,
            "extensions",
            List.of()));
  }

  private Answer notFound(HttpExchange exchange) {
    throw new Refusal(
        404,
        "There is nothing at %s; the endpoints are %s and /v2/models/NAME."
            .formatted(exchange.getRequestURI().getPath(), String.join(", ", endpoints.keySet())));
  }

  private Answer problem(int status, String message) {
    return Answer.json(status, Problem.CONTENT_TYPE, Problem.json(status, message, now()));
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS);
  }
}
