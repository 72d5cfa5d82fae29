package retune.serving;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;

/** The serving step in this process, and a client of it. */
final class RunningService implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** The context of the step; opens the store as the runner does. */
  private static final class Context implements StepContext {
    private final Settings settings;
    private @Nullable DocumentStore store;
    private volatile Runnable stop = () -> {};

    Context(Map<String, String> environment) {
      settings = new Settings(environment);
    }

    @Override
    public RunIdentity run() {
      return new RunIdentity("manual", "run", "serving", 1);
    }

    @Override
    public Clock clock() {
      return Clock.systemUTC();
    }

    @Override
    public Settings settings() {
      return settings;
    }

    @Override
    public synchronized DocumentStore store() {
      if (store == null) {
        store = DocumentStore.open(settings.mongoUri(), settings.storeWait(), clock());
      }
      return store;
    }

    @Override
    public void progress(String what, long done, long total) {}

    @Override
    public void onStop(Runnable whatEndsIt) {
      stop = whatEndsIt;
    }
  }

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Context context;
  private final int port;
  private final CompletableFuture<Serving.Output> output;

  private RunningService(Context context, Serving.Input input) {
    this.context = context;
    this.port = input.port();
    this.output =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return new Serving().run(input, context);
              } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
              }
            },
            work -> Thread.ofPlatform().name("service").start(work));
  }

  /** Serves the champion of the example model in a store, and logs what it is asked there. */
  static RunningService ofChampion(String storeUri, double drainSeconds) throws IOException {
    return ofChampion(storeUri, drainSeconds, "0.5");
  }

  static RunningService ofChampion(String storeUri, double drainSeconds, String storeWait)
      throws IOException {
    String model = Examples.MODEL.version().modelName();
    return new RunningService(
        new Context(Map.of("RETUNE_MONGO_URI", storeUri, "RETUNE_STORE_WAIT", storeWait)),
        new Serving.Input(
            model,
            null,
            null,
            false,
            "127.0.0.1",
            freePort(),
            0.1,
            drainSeconds,
            true,
            null,
            null,
            90,
            null,
            null,
            null,
            null));
  }

  /** Runs the step without a store. */
  static RunningService of(Serving.Input input) {
    return new RunningService(new Context(Map.of()), input);
  }

  /** Serves the example's folder and logs what it is asked in a store. */
  static RunningService logging(String storeUri) throws IOException {
    String folder = Examples.FOLDER.toString();
    return new RunningService(
        new Context(Map.of("RETUNE_MONGO_URI", storeUri)),
        new Serving.Input(
            null,
            null,
            folder,
            false,
            "127.0.0.1",
            freePort(),
            2,
            0,
            true,
            List.of(),
            List.of(),
            90,
            null,
            null,
            null,
            null));
  }

  /** Serves the example's folder. */
  static RunningService ofFolder() throws IOException {
    return new RunningService(
        new Context(Map.of()),
        new Serving.Input(
            null,
            null,
            Examples.FOLDER.toString(),
            false,
            "127.0.0.1",
            freePort(),
            2,
            0,
            false,
            List.of(),
            List.of(),
            90,
            null,
            null,
            null,
            null));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  int port() {
    return port;
  }

  HttpResponse<String> get(String path) throws Exception {
    return send(request(path).GET());
  }

  HttpResponse<String> post(String path, String body) throws Exception {
    return send(request(path).POST(BodyPublishers.ofString(body)));
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return client.send(request.build(), BodyHandlers.ofString());
  }

  HttpResponse<byte[]> sendBytes(HttpRequest.Builder request) throws Exception {
    return client.send(request.build(), BodyHandlers.ofByteArray());
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(PATIENCE);
  }

  /** The JSON of a response, which must be successful. */
  JsonNode answer(String path, Object body) throws Exception {
    HttpResponse<String> response = post(path, Examples.json(body));
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    return Json.MAPPER.readTree(response.body());
  }

  /** The value of a metric without labels. */
  double metric(String name) throws Exception {
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("there is no metric " + name));
  }

  RunningService awaitReady() throws Exception {
    await("ready", () -> status("/v2/health/ready") == 200);
    return this;
  }

  void awaitServed(String modelId) throws Exception {
    await(modelId, () -> health().contains('"' + modelId + '"'));
  }

  /** The status of a GET; 0 if nobody listens. */
  int status(String path) {
    try {
      return get(path).statusCode();
    } catch (Exception nobody) {
      return 0;
    }
  }

  /** The body of {@code /health}; empty if nobody listens. */
  String health() {
    try {
      return get("/health").body();
    } catch (Exception nobody) {
      return "";
    }
  }

  static void await(String what, BooleanSupplier reached) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!reached.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("waited two minutes for " + what);
      }
      Thread.sleep(20);
    }
  }

  /** Does what SIGTERM does. */
  void tellToStop() {
    context.stop.run();
  }

  /** The result of the step. */
  Serving.Output output() throws InterruptedException {
    try {
      return output.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    tellToStop();
    output.handle((ended, failed) -> "either way").join();
    client.close();
    DocumentStore store = context.store;
    if (store != null) {
      store.close();
    }
  }
}
