package retune.control;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.bson.Document;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.testing.TestStore;
import tools.jackson.databind.JsonNode;

/** The control service in this process, with a store of its own, and a client of it. */
final class RunningControl implements AutoCloseable {
  private static final List<String> CHANGED =
      List.of("champions", "model_metadata", "fs.files", "fs.chunks", "retraining_events");

  private static final ModelFolder.Content EXAMPLE = example();

  private final TestStore store = TestStore.open();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ControlServer server;

  RunningControl() throws IOException {
    StepContext context = store.context();
    server = ControlServer.start(new Control.Input("127.0.0.1", 0), context);
  }

  TestStore store() {
    return store;
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
            .withMetrics(of.metrics());
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
    return HttpRequest.newBuilder(URI.create(server.address() + path))
        .timeout(Duration.ofSeconds(20));
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
    store.close();
  }
}
