package retune.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import retune.devstore.EmbeddedStore;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.runtime.store.DocumentStore;
import retune.testing.MadeTables;
import retune.testing.StepProcess;
import tools.jackson.databind.JsonNode;

/**
 * A step may be killed at any moment and run again: the store ends with the same documents as after
 * an undisturbed run, none of them doubled or half-written.
 */
@Tag("slow")
class KillAnywhereTest {
  /**
   * When a step is killed, as shares of the time that it takes undisturbed: the first time that a
   * step runs, at each of them; every later time, at the next one.
   */
  private static final double[] MOMENTS = {0.5, 0.7, 0.85, 0.95};

  private static final int KILLED = 137; // 128 + SIGKILL
  private static final int ATTEMPTS_TO_KILL = 10;

  private static final String BROKEN_DAY = "2026-11-05";
  private static final String HEALTHY_DAY = "2026-11-06";
  private static final String DRIFTED_DAY = "2026-11-07";
  private static final String ORDINARY_DAY = "2026-11-08";

  /** On a drifted day, which the champion fails and a fine-tuned version passes. */
  private static final String[] GATE = {
    "--metric", "accuracy", "--threshold", "0.65", "--selection", "best_on_validation"
  };

  @TempDir Path folder;

  /** Runs a step to its end, however often it is killed on the way. */
  @FunctionalInterface
  private interface Runner {
    JsonNode run(String... words) throws Exception;
  }

  @Test
  void aRunWhoseEveryStepWasKilledEndsAsAnUndisturbedOne() throws Exception {
    try (EmbeddedStore store = EmbeddedStore.inMemory()) {
      assertKillsLeaveNoTrace(store.uri(), MOMENTS);
    }
  }

  /**
   * On the server that {@code RETUNE_TEST_MONGO_URI} names, with the embedded store as reference.
   */
  @Test
  @EnabledIfEnvironmentVariable(named = "RETUNE_TEST_MONGO_URI", matches = "mongodb.*")
  void theSameOnTheNamedServer() throws Exception {
    String database = "retune_test_kill_" + System.nanoTime();
    String uri =
        System.getenv("RETUNE_TEST_MONGO_URI")
            .replaceFirst("^(mongodb[^:]*://[^/?]+)(/[^?]*)?", "$1/" + database);
    try (MongoClient client = MongoClients.create(uri)) {
      assertKillsLeaveNoTrace(uri, 0.8);
      client.getDatabase(database).drop();
    }
  }

  private void assertKillsLeaveNoTrace(String uri, double... moments) throws Exception {
    Path example = makeExample();
    Map<String, Duration> durations = new HashMap<>();
    Map<String, List<String>> undisturbed;
    try (EmbeddedStore reference = EmbeddedStore.inMemory()) {
      undisturbed =
          contentAfter(
              "undisturbed",
              reference.uri(),
              example,
              steps ->
                  words -> {
                    long started = System.nanoTime();
                    JsonNode result = steps.result(words);
                    durations.put(key(words), Duration.ofNanos(System.nanoTime() - started));
                    return result;
                  });
    }
    Map<String, Integer> runs = new HashMap<>();
    Map<String, List<String>> disturbed;
    try (DocumentStore store = DocumentStore.open(uri, Duration.ofSeconds(10), Clock.systemUTC())) {
      disturbed =
          contentAfter(
              "disturbed",
              uri,
              example,
              steps ->
                  words -> {
                    Duration duration = durations.get(key(words));
                    int run = runs.merge(step(words), 1, Integer::sum);
                    double[] due =
                        run == 1 ? moments : new double[] {moments[run % moments.length]};
                    for (double moment : due) {
                      duration = kill(steps, duration, moment, words);
                      assertTheChampionMayServe(store);
                    }
                    return steps.result(words);
                  });
    }

    for (String collection :
        List.of("alerts", "chosen_attempts", "look_backs", "deployment_events")) {
      assertTrue(undisturbed.containsKey(collection), collection);
    }
    assertEquals(undisturbed.keySet(), disturbed.keySet());
    undisturbed.forEach(
        (collection, documents) ->
            assertEquals(
                String.join("\n", documents),
                String.join("\n", disturbed.getOrDefault(collection, List.of())),
                collection));
  }

  /**
   * Kills the step at that share of its duration. If the step ends first, tries again with the
   * duration that it took.
   *
   * @return the duration that the kill went by
   */
  private static Duration kill(StepProcess steps, Duration duration, double moment, String... words)
      throws Exception {
    Duration expected = duration;
    for (int attempt = 0; attempt < ATTEMPTS_TO_KILL; attempt++) {
      long started = System.nanoTime();
      Process process = steps.start(words);
      process.waitFor(Math.round(expected.toNanos() * moment), TimeUnit.NANOSECONDS);
      if (process.destroyForcibly().waitFor() == KILLED) {
        return expected;
      }
      Duration taken = Duration.ofNanos(System.nanoTime() - started);
      expected = taken.compareTo(expected) < 0 ? taken : expected.dividedBy(2);
    }
    throw new AssertionError("Never killed: " + key(words));
  }

  private Map<String, List<String>> contentAfter(
      String name, String uri, Path example, Function<StepProcess, Runner> runner)
      throws Exception {
    Path work = Files.createDirectories(folder.resolve(name));
    takeFourDays(runner.apply(LoopSteps.of(work, uri)), example);
    return StoreContent.of(uri, work);
  }

  /** Once there is a champion, its pointer never names a version that services refuse. */
  private static void assertTheChampionMayServe(DocumentStore store) {
    ModelStore models = new ModelStore(store);
    new Champions(store)
        .find("made")
        .ifPresent(
            champion ->
                assertTrue(
                    models.status(champion.modelId()).mayServe(),
                    () -> champion + " is " + models.status(champion.modelId()).id()));
  }

  /**
   * A day on which no attempt is good enough; one, in shards, on which the champion is; one on
   * which a fine-tuned version is; and one on which the version before that is.
   */
  private static void takeFourDays(Runner runner, Path example) throws Exception {
    runner.run(
        "register_distribution",
        "--model",
        "made",
        "--path",
        example.resolve("distribution.json").toString());
    runner.run("register_model", "--path", example.resolve("model").toString(), "--champion");
    String champion =
        runner.run("load_latest_model", "--model", "made").get("model_id").stringValue();

    evaluate(runner, champion, BROKEN_DAY, 1, new String[0], "--threshold", "1.0");
    String split =
        onBatch(runner, "prepare_retraining_data", BROKEN_DAY, "--model-id", champion)
            .get("split_id")
            .stringValue();
    for (int attempt = 1; attempt <= 3; attempt++) {
      String number = Integer.toString(attempt);
      onBatch(
          runner,
          "finetune_model",
          BROKEN_DAY,
          "--model-id",
          champion,
          "--split-id",
          split,
          "--attempt",
          number,
          "--epochs",
          "2",
          "--learning-rate",
          "1e-3");
      // An attempt may find nothing better than the champion; then there is no candidate to name.
      onBatch(
          runner,
          "evaluate_finetuned_model",
          BROKEN_DAY,
          "--champion-id",
          champion,
          "--split-id",
          split,
          "--attempt",
          number,
          "--threshold",
          "1.0");
    }
    onDay(runner, "send_alert", BROKEN_DAY, "--threshold", "1.0");
    assertEquals("failed_max_retries", status(runner, BROKEN_DAY));

    evaluate(runner, champion, HEALTHY_DAY, 2, new String[0], "--threshold", "0.1");
    assertEquals("approved", status(runner, HEALTHY_DAY));
    deploy(runner, champion, HEALTHY_DAY);

    String[] drill = {"--drill", "concept_drift"};
    evaluate(runner, champion, DRIFTED_DAY, 1, drill, GATE);
    lookBack(runner, champion, DRIFTED_DAY);
    onBatch(runner, "prepare_retraining_data", DRIFTED_DAY, "--model-id", champion);
    String finetuned =
        onBatch(
                runner,
                "finetune_model",
                DRIFTED_DAY,
                words(
                    List.of("--model-id", champion, "--attempt", "1", "--metric", "accuracy"),
                    "--epochs",
                    "8",
                    "--learning-rate",
                    "3e-2"))
            .get("model_id")
            .stringValue();
    onBatch(runner, "judge_candidate", DRIFTED_DAY, "--champion-id", champion);
    assertEquals("retrained", status(runner, DRIFTED_DAY));
    deploy(runner, finetuned, DRIFTED_DAY);

    evaluate(runner, finetuned, ORDINARY_DAY, 1, new String[0], GATE);
    lookBack(runner, finetuned, ORDINARY_DAY);
    assertEquals("looked_back", status(runner, ORDINARY_DAY));
    deploy(runner, champion, ORDINARY_DAY);
  }

  private static void evaluate(
      Runner runner, String champion, String day, int shards, String[] drill, String... gate)
      throws Exception {
    for (String[] shard : shards(shards)) {
      onDay(runner, "generate_data", day, words(words(List.of("--rows", "1500"), drill), shard));
    }
    onDay(runner, "process_data", day);
    for (String[] shard : shards(shards)) {
      onBatch(runner, "evaluate_model", day, words(List.of("--model-id", champion), shard));
    }
    onBatch(runner, "check_model_performance", day, words(List.of("--model-id", champion), gate));
  }

  private static void lookBack(Runner runner, String champion, String day) throws Exception {
    onBatch(runner, "look_back", day, "--model-id", champion);
  }

  /** The day's outcome. */
  private static String status(Runner runner, String day) throws Exception {
    return onDay(runner, "send_evaluation_results", day).get("status").stringValue();
  }

  private static void deploy(Runner runner, String modelId, String day) throws Exception {
    JsonNode ready = onDay(runner, "wait_for_model_ready", day);
    assertEquals(modelId, ready.get("model_id").stringValue());
    runner.run("validate_model", "--model-id", modelId);
    onDay(runner, "deploy_model", day, "--model-id", modelId);
    runner.run("verify_deployment", "--model", "made", "--model-id", modelId);
    runner.run("notify_deployment_complete", "--model", "made", "--model-id", modelId);
  }

  /** The flags of each shard's run, then those of the run that seals the shards. */
  private static List<String[]> shards(int count) {
    List<String[]> flags = new ArrayList<>();
    String all = Integer.toString(count);
    for (int shard = 0; count > 1 && shard < count; shard++) {
      flags.add(new String[] {"--shards", all, "--shard", Integer.toString(shard)});
    }
    flags.add(new String[] {"--shards", all});
    return flags;
  }

  private static JsonNode onDay(Runner runner, String step, String day, String... flags)
      throws Exception {
    return runner.run(words(List.of(step, "--model", "made", "--logical-date", day), flags));
  }

  private static JsonNode onBatch(Runner runner, String step, String day, String... flags)
      throws Exception {
    return runner.run(words(List.of(step, "--data-path", "made/" + day), flags));
  }

  private static String[] words(String[] first, String... rest) {
    return words(List.of(first), rest);
  }

  private static String[] words(List<String> first, String... rest) {
    return Stream.concat(first.stream(), Arrays.stream(rest)).toArray(String[]::new);
  }

  /** A distribution and a champion, learned from a small synthetic table. */
  private Path makeExample() throws Exception {
    Path table = MadeTables.loans(folder.resolve("made.csv"), 1500);
    StepProcess steps = LoopSteps.of(folder, "mongodb://127.0.0.1:1/none");
    steps.result(
        "learn_distribution",
        "--data",
        table.toString(),
        "--target",
        "label",
        "--positive",
        "1",
        "--model",
        "made",
        "--output",
        folder.resolve("distribution.json").toString());
    steps.result(
        "train_model",
        "--data",
        table.toString(),
        "--target",
        "label",
        "--positive",
        "1",
        "--name",
        "made",
        "--architecture",
        "mlp",
        "--epochs",
        "3",
        "--output",
        folder.resolve("model").toString());
    return folder;
  }

  private static String key(String... words) {
    return String.join(" ", words);
  }

  /** The step, and how it runs if it is sharded. */
  private static String step(String... words) {
    return words[0] + Stream.of(words).filter(word -> word.startsWith("--shard")).toList();
  }
}
