package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import retune.images.Containers.Ended;
import tools.jackson.databind.JsonNode;

/**
 * Runs all steps from a table to an alert, each in its own container, with a store in another. It
 * tests only what containers could break; the steps' decisions are tested next to their code.
 */
@Tag("images")
class LoopInContainersTest {
  private static final String DAY = "2026-11-05";
  private static final String BATCH = "customers/" + DAY;

  /** Weights that PyTorch saved, and the model that they belong to. */
  private static final Path CHECKPOINT =
      Path.of("../tasks/model/src/test/resources/retune/model/importing/state_dict.pth");

  private static final String SPEC =
      """
      {"format": "retune.model/1", "name": "small",
       "architecture": {"type": "tab_transformer", "heads": 2},
       "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
       "columns": [{"name": "n0", "kind": "numeric", "encoding": "as_is"},
                   {"name": "c0", "kind": "categorical", "encoding": "codes"},
                   {"name": "c1", "kind": "categorical", "encoding": "codes", "unknown": 4},
                   {"name": "c2", "kind": "categorical", "encoding": "codes"},
                   {"name": "n1", "kind": "numeric", "encoding": "as_is"}]}
      """;

  @TempDir Path folder;

  private final Set<String> done = new TreeSet<>();
  private final Network network = Network.newNetwork();

  @Test
  void everyStepDoesItsWork() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.createDirectory(folder.resolve("deployment"));
    Files.setPosixFilePermissions(
        folder.resolve("deployment"), PosixFilePermissions.fromString("rwxrwxrwx"));
    writeTable(folder.resolve("customers.csv"));
    writeKeyed(folder.resolve("customers.csv"), folder.resolve("keyed.csv"));
    try (GenericContainer<?> store = Containers.store(network)) {
      store.start();
      String champion = author();
      daily(champion);
      answer(champion);
      retrain();
      back();
      audit(champion);
      exchange();
    }
    network.close();

    Set<String> missing = new TreeSet<>(EveryImageTest.stepsThatEnd());
    missing.removeAll(done);
    assertEquals(Set.of(), missing, "steps that this test does not run");
  }

  /** Makes a distribution and a model from a table; returns the model's id. */
  private String author() {
    String[] table = {"--data", "/work/customers.csv", "--target", "bought", "--positive", "yes"};
    run("learn_distribution --model customers --output /work/distribution.json", table);
    run("register_distribution --model customers --path /work/distribution.json");
    run("pretrain_model --name customers --epochs 1 --output /work/pretrained", table);
    run(
        "train_model --name customers --epochs 2 --encoder /work/pretrained --output /work/trained",
        table);
    run(
        "new_loop --name another --pretraining-epochs 1 --epochs 1 --output /work/another --loops"
            + " /work",
        table);
    return run("register_model --path /work/trained --champion").get("model_id").stringValue();
  }

  /** Runs a day on which no model reaches the threshold. */
  private void daily(String champion) {
    String gate = " --metric f1_macro --threshold 0.99";
    String byDate = " --model customers --logical-date " + DAY;
    String byBatch = " --model-id " + champion + " --data-path " + BATCH;
    run("ingest --data /work/customers.csv" + byDate);
    run("ingest --data /work/keyed.csv --key id --model customers --logical-date 2026-11-01");
    run("ingest_labels --data /work/keyed.csv --label bought --model customers");
    run("find_matured_days --model customers");
    end(20, "collect_queries --model customers --logical-date " + DAY);
    run("generate_data --rows 1500 --drill concept_drift --drill-strength 1" + byDate);
    run("process_data" + byDate);
    run("load_latest_model --model customers");
    run("evaluate_model" + byBatch);
    run("detect_drift --html /work/drift.html" + byBatch);
    run("estimate_performance" + byBatch);
    run("check_model_performance --max-attempts 1" + byBatch + gate);
    run("look_back" + byBatch);
    run("prepare_retraining_data" + byBatch);
    String tuned =
        run("finetune_model --epochs 20 --learning-rate 0.01 --metric f1_macro" + byBatch)
            .get("model_id")
            .stringValue();
    run(
        "evaluate_finetuned_model --attempt 1 --champion-id %s --model-id %s --data-path %s%s"
            .formatted(champion, tuned, BATCH, gate));
    run(
        "compare_models --baseline customers --new %s --test-data %s --html /work/report.html"
            .formatted(tuned, BATCH));
    run("send_evaluation_results --max-attempts 1" + byDate + gate);
    run("send_alert --max-attempts 1" + byDate + gate);
    run("run_loop another --loops /work --rows 300 --date " + DAY);
    run("run_retraining another --loops /work");
    run("wait_for_model_ready --wait-seconds 0" + byDate);
    run("validate_model --model-id " + champion);
    run("deploy_model --model customers --model-id " + champion);
    run("verify_deployment --model customers --model-id " + champion);
    run("notify_deployment_complete --model customers --model-id " + champion);
    // XGBoost's library, where nothing can be unpacked and run
    run("finetune_model --attempt 2 --strategy trees --metric f1_macro" + byBatch);
  }

  /** Two days of drift, each of which asks about its best attempt; both answers. */
  private void answer(String champion) {
    String request = ask(champion, "2026-11-06");
    String version = run("read_approval_request " + request).get("model_id").stringValue();
    run("approve " + version + " --by kim --reason gain");
    run("reject --request " + ask(champion, "2026-11-07"));
  }

  /** Returns the question's id. */
  private String ask(String champion, String day) {
    String byDate = " --model customers --logical-date " + day;
    String byBatch = " --data-path customers/" + day;
    String ofChampion = " --model-id " + champion + byBatch;
    run("generate_data --rows 1500 --drill concept_drift --drill-strength 1" + byDate);
    run("process_data" + byDate);
    run("evaluate_model" + ofChampion);
    run(
        "check_model_performance --metric f1_macro --threshold 0.99 --max-attempts 1 --selection"
            + " best_on_validation --below-gate ask"
            + ofChampion);
    run("prepare_retraining_data" + ofChampion);
    run("finetune_model --epochs 20 --learning-rate 0.01 --metric f1_macro" + ofChampion);
    run("judge_candidate --champion-id " + champion + byBatch);
    return run("send_evaluation_results" + byDate).get("request_id").stringValue();
  }

  /** Retrains on the days so far, whatever comes of it. */
  private void retrain() {
    String model = " --model customers";
    String retraining =
        run("check_retraining_trigger --force-retrain true" + model)
            .get("retraining_id")
            .stringValue();
    String byRetraining = model + " --retraining-id " + retraining;
    String data = run("prepare_training_data" + byRetraining).get("data_path").stringValue();
    String split = run("filter_training_data" + byRetraining).get("split_id").stringValue();
    String version =
        run("retrain_model --candidates trees --metric f1_macro --data-path " + data + model)
            .get("model_id")
            .stringValue();
    run(
        "compare_retrained_model --metric f1_macro --threshold 0 --split-id "
            + split
            + " --model-id "
            + version
            + byRetraining);
    run("promote_model" + byRetraining);
    run("keep_model --model-id " + version + byRetraining);
    run("log_retraining_event" + byRetraining);
    run("export_events --output /work/events.jsonl" + model);
  }

  /**
   * Makes a successor of the other loop's champion and takes it back, to try it as a challenger.
   */
  private void back() {
    run(
        "new_loop --name another --pretraining-epochs 1 --epochs 1 --seed 2 --replace --output"
            + " /work/another --loops /work",
        "--data",
        "/work/customers.csv",
        "--target",
        "bought",
        "--positive",
        "yes");
    String barred = run("rollback another").get("barred_model_id").stringValue();
    run("release_version " + barred);
    run("start_challenger " + barred);
    run("weigh_challenger --model another --logical-date 2026-11-05");
    run("promote_challenger another");
    run("abort_challenger another");
  }

  private void audit(String champion) {
    run("history customers");
    run("explain " + champion);
    run("export_batch " + BATCH + " --output /work/day.csv");
  }

  private void exchange() throws IOException {
    run("predict --model customers --data /work/customers.csv --output /work/answers.csv");
    run("export_model --model customers --format safetensors --output /work/exported");
    Files.copy(CHECKPOINT, folder.resolve("state_dict.pth"));
    Files.writeString(folder.resolve("spec.json"), SPEC);
    run(
        "import_model --weights /work/state_dict.pth --spec /work/spec.json --output"
            + " /work/imported");
  }

  /** Runs a step, which must succeed and print exactly one JSON object. */
  private JsonNode run(String command, String... more) {
    return end(0, command, more);
  }

  /** Runs a step, which must end with the exit code and print exactly one JSON object. */
  private JsonNode end(int exitCode, String command, String... more) {
    String[] words =
        Stream.concat(Stream.of(command.split(" ")), Stream.of(more)).toArray(String[]::new);
    String[] flags = Stream.of(words).skip(1).toArray(String[]::new);
    Ended ended =
        Containers.run(
            words[0],
            step ->
                step.withNetwork(network)
                    .withEnv("RETUNE_MONGO_URI", "mongodb://store:27018/retune")
                    .withEnv("RETUNE_RUN_ID", "the-run")
                    .withEnv("RETUNE_DEPLOYMENT_DIR", "/work/deployment")
                    .withFileSystemBind(folder.toString(), "/work", BindMode.READ_WRITE)
                    .withCreateContainerCmdModifier(
                        made -> made.getHostConfig().withNanoCPUs(1_000_000_000L)),
            flags);
    assertEquals(exitCode, ended.exitCode(), command + "\n" + ended.out() + ended.log());
    assertEquals(1, ended.out().lines().count(), ended.out());
    if (ended.log().contains(" engine with ")) {
      assertTrue(
          ended.log().contains(" engine with 1 thread"), "as many as its quota: " + ended.log());
    }
    done.add(words[0]);
    return ended.json();
  }

  /** The same rows with a key, which names their labels, too. */
  private static void writeKeyed(Path table, Path file) throws IOException {
    List<String> lines = Files.readAllLines(table);
    Files.write(
        file,
        IntStream.range(0, lines.size())
            .mapToObj(row -> (row == 0 ? "id" : "c" + row) + "," + lines.get(row))
            .toList());
  }

  /** Customers who buy more often the older they are and the more often they visit. */
  private static void writeTable(Path file) throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    StringBuilder csv = new StringBuilder("age,visits,city,bought\n");
    for (int row = 0; row < 400; row++) {
      double age = 40 + 12 * random.nextGaussian();
      double visits = Math.abs(3 * random.nextGaussian());
      int city = random.nextInt(3);
      double score = (age - 40) / 6 + visits + city + random.nextGaussian();
      csv.append(
          String.format(
              Locale.ROOT, "%.2f,%.2f,%s,%s%n", age, visits, "c" + city, score > 4 ? "yes" : "no"));
    }
    Files.writeString(file, csv);
  }
}
