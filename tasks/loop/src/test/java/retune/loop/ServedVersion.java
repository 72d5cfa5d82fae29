package retune.loop;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;

/** The prediction service in this process, for one version of a store, and a client of it. */
final class ServedVersion implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  /** Held here, because a logger that nobody holds forgets its handlers. */
  private static final Logger LOGGER = Logger.getLogger("retune.serving.Serving");

  /** The context of the service; keeps what ends it. */
  private record Context(DocumentStore store, CompletableFuture<Runnable> stop)
      implements StepContext {
    @Override
    public RunIdentity run() {
      return new RunIdentity("manual", "manual-1", "serving", 1);
    }

    @Override
    public Clock clock() {
      return Clock.systemUTC();
    }

    @Override
    public Settings settings() {
      return new Settings(Map.of());
    }

    @Override
    public void progress(String what, long done, long total) {}

    @Override
    public void onStop(Runnable whatEndsIt) {
      stop.complete(whatEndsIt);
    }
  }

  private final HttpClient client = HttpClient.newHttpClient();
  private final CompletableFuture<Runnable> stop = new CompletableFuture<>();
  private final CompletableFuture<JsonNode> ended;
  private final String address;

  ServedVersion(DocumentStore store, String modelId) throws Exception {
    Map<String, JsonNode> inputs =
        Map.of(
            "version", Json.MAPPER.valueToTree(modelId),
            "port", Json.MAPPER.valueToTree(0),
            "drain_seconds", Json.MAPPER.valueToTree(0));
    Context context = new Context(store, stop);
    CompletableFuture<String> listening = new CompletableFuture<>();
    Handler handler = firstParameter(listening);
    LOGGER.addHandler(handler);
    LOGGER.setLevel(Level.INFO);
    LOGGER.setUseParentHandlers(false);
    ended =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return Steps.run("serving", inputs, context, context.run());
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            },
            work -> Thread.ofPlatform().name("service").start(work));
    var _ = ended.handle((_, e) -> listening.completeExceptionally(new AssertionError("ended", e)));
    try {
      address = listening.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } finally {
      LOGGER.removeHandler(handler);
    }
    awaitReady();
  }

  /** The service takes any free port, and logs its address. */
  private static Handler firstParameter(CompletableFuture<String> of) {
    return new Handler() {
      @Override
      public void publish(LogRecord entry) {
        if (entry.getMessage().startsWith("Listening on {0}")) {
          of.complete(String.valueOf(entry.getParameters()[0]));
        }
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
  }

  private void awaitReady() throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!isReady()) {
      if (ended.isDone() || System.nanoTime() > end) {
        throw new AssertionError("the service is not ready: " + ended);
      }
      Thread.sleep(20);
    }
  }

  private boolean isReady() throws InterruptedException {
    try {
      HttpRequest ready = request("/v2/health/ready").GET().build();
      return client.send(ready, BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException nobodyListens) {
      return false;
    }
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(address + path)).timeout(PATIENCE);
  }

  /** The answers to several rows. */
  JsonNode predict(Object instances) throws Exception {
    String body = Json.MAPPER.writeValueAsString(Map.of("instances", instances));
    HttpResponse<String> response =
        client.send(
            request("/batch_predict").POST(BodyPublishers.ofString(body)).build(),
            BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    return Json.MAPPER.readTree(response.body());
  }

  @Override
  public void close() {
    var _ = stop.thenAccept(Runnable::run);
    ended.handle((_, _) -> "either way").join();
    client.close();
  }
}
