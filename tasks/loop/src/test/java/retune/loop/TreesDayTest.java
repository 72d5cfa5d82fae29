package retune.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.devstore.EmbeddedStore;
import retune.model.Architecture;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.store.DocumentStore;
import retune.testing.MadeTables;
import retune.testing.StepProcess;
import tools.jackson.databind.JsonNode;

/** A drifted day on which boosted trees take the place of a network, while a service answers. */
@Tag("slow")
class TreesDayTest {
  private static final String ORDINARY_DAY = "2026-11-05";
  private static final String DRIFTED_DAY = "2026-11-06";
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir Path folder;

  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void theDayEndsWithTreesInProductionAndTheServiceAnswersWithThem() throws Exception {
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC())) {
      StepProcess steps = LoopSteps.of(folder, server.uri());
      String network = makeChampion(steps);
      evaluate(steps, network, ORDINARY_DAY, "0.1");
      assertEquals("approved", status(steps, ORDINARY_DAY));
      int port = freePort();
      Process service =
          steps.start(
              words("serving --model made --refresh-seconds 0.2 --port", String.valueOf(port)));
      try {
        awaitServed(port, network);
        evaluate(steps, network, DRIFTED_DAY, "0.65", "--drill", "concept_drift");
        steps.result(batch("prepare_retraining_data", DRIFTED_DAY, "--model-id", network));
        String[] boost =
            batch(
                "finetune_model",
                DRIFTED_DAY,
                words("--metric accuracy --strategy trees_replay --model-id", network));
        String trees = modelId(boostAndKill(steps, boost));
        StepProcess onMoreThreads = LoopSteps.of(folder, server.uri(), 2);
        assertEquals(trees, modelId(onMoreThreads.result(boost)));
        JsonNode judged =
            steps.result(
                batch(
                    "evaluate_finetuned_model",
                    DRIFTED_DAY,
                    words("--attempt 1 --model-id " + trees + " --champion-id", network)));
        assertTrue(judged.get("passed").booleanValue(), judged.toString());
        assertEquals("retrained", status(steps, DRIFTED_DAY));
        deploy(steps, trees);
        awaitServed(port, trees);
        assertAnswersWith(port, trees);

        ModelStore models = new ModelStore(store, Clock.systemUTC());
        ModelVersion version = models.get(trees);
        assertTrue(version.architecture() instanceof Architecture.Trees);
        assertEquals(1, version.lineage().contents().size() - 1, "one ordinary day was replayed");
        assertEquals(2, store.collection("model_metadata").countDocuments());
      } finally {
        service.destroy();
        assertTrue(service.waitFor(1, TimeUnit.MINUTES));
      }
    }
  }

  /** Boosts, killed at several moments on the way. */
  private static JsonNode boostAndKill(StepProcess steps, String... words) throws Exception {
    for (double moment : new double[] {0.5, 1, 2, 3}) {
      Process process = steps.start(words);
      if (process.waitFor(Math.round(1000 * moment), TimeUnit.MILLISECONDS)) {
        break;
      }
      process.destroyForcibly().waitFor();
    }
    return steps.result(words);
  }

  private static String modelId(JsonNode result) {
    assertTrue(result.hasNonNull("model_id"), result.toString());
    return result.get("model_id").stringValue();
  }

  private static void evaluate(
      StepProcess steps, String champion, String day, String threshold, String... drill)
      throws Exception {
    steps.result(day("generate_data", day, words("--rows 2000", drill)));
    steps.result(day("process_data", day));
    steps.result(batch("evaluate_model", day, "--model-id", champion));
    steps.result(
        batch(
            "check_model_performance",
            day,
            words("--metric accuracy --threshold " + threshold + " --model-id", champion)));
  }

  private static String status(StepProcess steps, String day) throws Exception {
    return steps.result(day("send_evaluation_results", day)).get("status").stringValue();
  }

  private static void deploy(StepProcess steps, String modelId) throws Exception {
    assertEquals(modelId, modelId(steps.result(day("wait_for_model_ready", DRIFTED_DAY))));
    steps.result("validate_model", "--model-id", modelId);
    steps.result(day("deploy_model", DRIFTED_DAY, "--model-id", modelId));
  }

  private void awaitServed(int port, String modelId) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!health(port).contains('"' + modelId + '"')) {
      assertTrue(System.nanoTime() < end, () -> "not served: " + modelId);
      Thread.sleep(50);
    }
  }

  private String health(int port) throws InterruptedException {
    try {
      return client.send(request(port, "/health").GET().build(), BodyHandlers.ofString()).body();
    } catch (IOException notYet) {
      return "";
    }
  }

  private void assertAnswersWith(int port, String modelId) throws Exception {
    String table = Files.readString(folder.resolve("made.csv"));
    List<String> lines = table.lines().limit(2).toList();
    String[] names = lines.getFirst().split(",", -1);
    String[] values = lines.getLast().split(",", -1);
    var row = Json.MAPPER.createObjectNode();
    for (int i = 0; i < names.length; i++) {
      if (!names[i].equals("label")) {
        if (values[i].matches("-?[0-9.]+")) {
          row.put(names[i], Double.parseDouble(values[i]));
        } else {
          row.put(names[i], values[i]);
        }
      }
    }
    String body = Json.MAPPER.createObjectNode().set("features", row).toString();
    String answer =
        client
            .send(
                request(port, "/predict").POST(BodyPublishers.ofString(body)).build(),
                BodyHandlers.ofString())
            .body();
    assertTrue(answer.contains('"' + modelId + '"') && answer.contains("probabilit"), answer);
  }

  private static HttpRequest.Builder request(int port, String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(PATIENCE);
  }

  /** A network that was learned from a made table, in production. */
  private String makeChampion(StepProcess steps) throws Exception {
    String table = MadeTables.loans(folder.resolve("made.csv"), 1500).toString();
    String[] target = words("--target label --positive 1 --data", table);
    Path distribution = folder.resolve("distribution.json");
    steps.result(words("learn_distribution --model made --output " + distribution, target));
    Path model = folder.resolve("model");
    steps.result(
        words("train_model --name made --architecture mlp --epochs 3 --output " + model, target));
    steps.result(words("register_distribution --model made --path", distribution.toString()));
    return modelId(steps.result(words("register_model --champion --path", model.toString())));
  }

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static String[] day(String step, String day, String... flags) {
    return words(step + " --model made --logical-date " + day, flags);
  }

  private static String[] batch(String step, String day, String... flags) {
    return words(step + " --data-path made/" + day, flags);
  }

  private static String[] words(String first, String... rest) {
    return Stream.concat(Arrays.stream(first.split(" ", -1)), Arrays.stream(rest))
        .toArray(String[]::new);
  }
}
