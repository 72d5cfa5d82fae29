package retune.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import java.nio.file.Files;
import java.nio.file.Path;
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
import retune.testing.MadeTables;
import retune.testing.StepProcess;
import tools.jackson.databind.JsonNode;

/**
 * A step may be killed at any moment and run again: the store ends with the same documents as after
 * an undisturbed run, none of them doubled or half-written.
 */
@Tag("slow")
class KillAnywhereTest {
  /** When a step is killed, as shares of the time that it takes undisturbed. */
  private static final double[] MOMENTS = {0.5, 0.7, 0.85, 0.95};

  private static final int KILLED = 137; // 128 + SIGKILL
  private static final int ATTEMPTS_TO_KILL = 10;

  private static final String BROKEN_DAY = "2026-11-05";
  private static final String HEALTHY_DAY = "2026-11-06";

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
    Map<String, List<String>> disturbed =
        contentAfter(
            "disturbed",
            uri,
            example,
            steps ->
                words -> {
                  Duration duration = durations.get(key(words));
                  for (double moment : moments) {
                    duration = kill(steps, duration, moment, words);
                  }
                  return steps.result(words);
                });

    assertTrue(undisturbed.containsKey("alerts"));
    assertTrue(undisturbed.containsKey("deployment_events"));
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
    takeTwoDays(runner.apply(LoopSteps.of(work, uri)), example);
    return StoreContent.of(uri, work);
  }

  /** A day on which no attempt is good enough, and one, in shards, on which the champion is. */
  private static void takeTwoDays(Runner runner, Path example) throws Exception {
    runner.run(
        "register_distribution",
        "--model",
        "made",
        "--path",
        example.resolve("distribution.json").toString());
    runner.run("register_model", "--path", example.resolve("model").toString(), "--champion");
    String champion =
        runner.run("load_latest_model", "--model", "made").get("model_id").stringValue();

    evaluate(runner, champion, BROKEN_DAY, "1.0", 1);
    String split =
        onBatch(runner, "prepare_retraining_data", BROKEN_DAY, "--model-id", champion)
            .get("split_id")
            .stringValue();
    for (int attempt = 1; attempt <= 3; attempt++) {
      String number = Integer.toString(attempt);
      String candidate =
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
                  "1e-3")
              .get("model_id")
              .stringValue();
      onBatch(
          runner,
          "evaluate_finetuned_model",
          BROKEN_DAY,
          "--model-id",
          candidate,
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
    onDay(runner, "send_evaluation_results", BROKEN_DAY, "--threshold", "1.0");

    evaluate(runner, champion, HEALTHY_DAY, "0.1", 2);
    onDay(runner, "send_evaluation_results", HEALTHY_DAY, "--threshold", "0.1");
    onDay(runner, "wait_for_model_ready", HEALTHY_DAY);
    runner.run("validate_model", "--model-id", champion);
    onDay(runner, "deploy_model", HEALTHY_DAY, "--model-id", champion);
    runner.run("verify_deployment", "--model", "made", "--model-id", champion);
    runner.run("notify_deployment_complete", "--model", "made", "--model-id", champion);
  }

  private static void evaluate(
      Runner runner, String champion, String day, String threshold, int shards) throws Exception {
    for (String[] shard : shards(shards)) {
      onDay(runner, "generate_data", day, words(List.of("--rows", "1500"), shard));
    }
    onDay(runner, "process_data", day);
    for (String[] shard : shards(shards)) {
      onBatch(runner, "evaluate_model", day, words(List.of("--model-id", champion), shard));
    }
    onBatch(
        runner, "check_model_performance", day, "--model-id", champion, "--threshold", threshold);
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
}
