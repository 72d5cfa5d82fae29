package retune.control;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Filters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.store.DocumentStore;
import retune.testing.TestContext;
import retune.testing.TestStore;
import tools.jackson.databind.JsonNode;

/** The control service in this process, with a store of its own, and a client of it. */
final class RunningControl implements AutoCloseable {
  private static final List<String> CHANGED =
      List.of(
          "champions",
          "model_metadata",
          "fs.files",
          "fs.chunks",
          "retraining_events",
          "retraining_leases",
          "challenger_events",
          "challenger_promotions",
          "challenger_waits",
          "control_turns",
          "run_leases",
          "control_events",
          "alerts",
          "alert_acknowledgements",
          "approval_requests",
          "approval_answers",
          "outcomes",
          "trigger_decisions");

  private static final ModelFolder.Content EXAMPLE = example();

  private final TestStore store;
  private final boolean ownsStore;
  private final Control.@Nullable RuntimeKind runtime;
  private final @Nullable Path tokenFile;
  private final Map<String, String> environment;
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ControlServer server;

  private final MovableClock clock = new MovableClock(TestContext.NOW);
  private @Nullable String token;

  /** A service that only tells. */
  RunningControl() {
    this(Map.of(), null, null);
  }

  /** A service with these settings. */
  RunningControl(
      Map<String, String> environment,
      Control.@Nullable RuntimeKind runtime,
      @Nullable Path tokenFile) {
    this(TestStore.open(), true, null, environment, runtime, tokenFile, Control.Reading.OPEN);
  }

  /** A service that only those who have a token may read. */
  static RunningControl closed(Path tokenFile) {
    return new RunningControl(
        TestStore.open(), true, null, Map.of(), null, tokenFile, Control.Reading.TOKEN);
  }

  private RunningControl(
      TestStore store,
      boolean ownsStore,
      @Nullable DocumentStore connection,
      Map<String, String> environment,
      Control.@Nullable RuntimeKind runtime,
      @Nullable Path tokenFile,
      Control.Reading reading) {
    this.store = store;
    this.ownsStore = ownsStore;
    this.environment = environment;
    this.runtime = runtime;
    this.tokenFile = tokenFile;
    Map<String, String> settings = new HashMap<>(environment);
    settings.put("RETUNE_MONGO_URI", store.uri());
    TestContext context = store.context().with(settings);
    try {
      server =
          ControlServer.start(
              new Control.Input(
                  "127.0.0.1",
                  0,
                  runtime,
                  tokenFile == null ? null : tokenFile.toString(),
                  reading,
                  null,
                  null),
              new TestContext(
                  context.run(),
                  clock,
                  context.settings(),
                  connection == null ? context.source() : () -> connection));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file of tokens for services; whoever asks for it deletes it. */
  static Path tokenFile(String lines) {
    try {
      return Files.writeString(Files.createTempFile("tokens", ""), lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A second service of the same store, with the same settings and the same time. */
  RunningControl beside() {
    return beside(null);
  }

  /** The same, with a connection of its own to the store. */
  RunningControl beside(@Nullable DocumentStore connection) {
    RunningControl beside =
        new RunningControl(
            store, false, connection, environment, runtime, tokenFile, Control.Reading.OPEN);
    beside.pass(Duration.between(beside.clock.instant(), clock.instant()));
    return beside;
  }

  /** Sends a token from now on; none if it is null. */
  void useToken(@Nullable String another) {
    token = another;
  }

  /** Lets time pass. */
  void pass(Duration duration) {
    clock.pass(duration);
  }

  TestStore store() {
    return store;
  }

  String address() {
    return server.address();
  }

  /** Puts the example into production under a name; its id. */
  String register(String model) {
    return register(model, 0.5, true);
  }

  /** Registers the example under a name, with a decision threshold. */
  String register(String model, double threshold, boolean isChampion) {
    ModelVersion of = EXAMPLE.version();
    ModelVersion version =
        ModelVersion.of(
                model,
                Instant.parse("2026-10-01T10:15:00Z"),
                new ModelVersion.Design(of.architecture(), of.preprocessing(), of.target()),
                of.lineage(),
                EXAMPLE.weights())
            .withDecisionThreshold(threshold)
            .withMetrics(of.metrics())
            .withGolden(Objects.requireNonNull(of.golden()));
    new ModelStore(store.context())
        .register(
            version,
            EXAMPLE.weights(),
            isChampion ? VersionStatus.DEPLOYED : VersionStatus.APPROVED);
    if (isChampion) {
      new Champions(store.documents()).install(model, version.modelId());
    }
    return version.modelId();
  }

  /** Promotes a registered version over the champion. */
  void promote(String model, String version) {
    Champions champions = new Champions(store.documents());
    Champions.Champion before = champions.get(model);
    assertTrue(champions.promote(before, version, version));
    ModelStore versions = new ModelStore(store.context());
    versions.move(before.modelId(), VersionStatus.Event.RETIRE, "replaced", 2);
    versions.move(version, VersionStatus.Event.DEPLOY, "deployed", 2);
    champions.markDeployed(champions.get(model), clock.instant());
  }

  private static ModelFolder.Content example() {
    try {
      return ModelFolder.read(
          Path.of("../../examples/credit-default/finetuned"), CodeTrust.REFUSED);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Forgets all models. */
  void clear() {
    CHANGED.forEach(
        collection -> store.documents().collection(collection).deleteMany(new Document()));
  }

  /** A call that is recorded, or the end of its run; waits for it. */
  Document event(String type) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofMinutes(2).toNanos();
    while (true) {
      Document found =
          store
              .documents()
              .collection("control_events")
              .find(Filters.eq("event_type", type))
              .first();
      if (found != null) {
        return found;
      }
      assertTrue(System.nanoTime() < end, "no " + type + " within two minutes");
      Thread.sleep(20);
    }
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

  HttpRequest.Builder request(String path) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(server.address() + path)).timeout(Duration.ofMinutes(2));
    return token == null ? request : request.header("Authorization", "Bearer " + token);
  }

  /** The JSON of a response, which must have this status. */
  static JsonNode json(int status, HttpResponse<String> response) {
    if (response.statusCode() != status) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    return Json.MAPPER.readTree(response.body());
  }

  @Override
  public void close() {
    server.close();
    client.close();
    if (ownsStore) {
      store.close();
    }
  }
}
