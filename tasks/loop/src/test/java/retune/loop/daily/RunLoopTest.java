package retune.loop.daily;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.devstore.EmbeddedStore;
import retune.model.ChallengerTraffic;
import retune.model.Champions;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.TrafficControl;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Feedback;
import retune.runtime.store.QueryBlock;
import retune.testing.LoggedQueries;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Days of the example with few rows, against a real store. */
@Tag("slow")
class RunLoopTest {
  private static final String DATE = "2026-11-05";

  private static final Path EXAMPLE = Path.of("../../examples/credit-default");

  /** The gate stands between what the example reaches on a healthy day and on a drifted one. */
  private static final String LOOP =
      "name: credit-default\ngate: {metric: f1_macro, threshold: 0.6}\n";

  /** The last day whose requests are complete. */
  private final LocalDate yesterday = LocalDate.now(ZoneOffset.UTC).minusDays(1);

  @TempDir Path folder;
  private EmbeddedStore server;
  private DocumentStore store;

  /** The surroundings of one command. */
  private record Command(DocumentStore store, Settings settings) implements StepContext {
    @Override
    public RunIdentity run() {
      return new RunIdentity("manual", "manual-1", "run_loop", 1);
    }

    @Override
    public Clock clock() {
      return Clock.systemUTC();
    }

    @Override
    public void progress(String what, long done, long total) {}

    @Override
    public void onStop(Runnable stop) {}
  }

  @BeforeEach
  void startStore() {
    server = EmbeddedStore.inMemory();
    store = DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  }

  @AfterEach
  void stopStore() {
    store.close();
    server.close();
  }

  @Test
  void aHealthyDayApprovesTheChampion() throws Exception {
    register();
    write("loop.yaml", LOOP);
    JsonNode day = runDay();
    assertEquals("approved", day.get("status").stringValue());
    assertEquals(0, day.get("attempts").intValue());
    assertEquals(day.get("champion_before"), day.get("champion_after"));
    assertTrue(day.get("before").doubleValue() >= 0.6, day.toString());
    assertEquals(
        List.of(
            "generate_data",
            "process_data",
            "load_latest_model",
            "evaluate_model",
            "detect_drift",
            "estimate_performance",
            "check_model_performance",
            "send_evaluation_results",
            "wait_for_model_ready",
            "validate_model",
            "deploy_model",
            "verify_deployment",
            "notify_deployment_complete"),
        List.copyOf(day.get("seconds").propertyNames()));
    assertFalse(day.has("challenger"), "none has traffic");
    assertFalse(single("drift_reports").getBoolean("overall_drift_detected"));
    Document estimate = single("performance_estimates");
    assertFalse(estimate.getBoolean("drifted"), "the comparison comes first");
    assertEquals(0.6, estimate.getDouble("threshold"));
    Document event = single("evaluation_events");
    assertEquals("run-loop__" + DATE, event.getString("run_id"));
    assertEquals("model_evaluation_pipeline", event.getString("dag_id"));
    assertEquals(400, single("raw_batches").get("rows", Number.class).intValue());
  }

  @Test
  void aDayInShardsEndsAsOneWithout() throws Exception {
    register();
    write("loop.yaml", LOOP);
    JsonNode whole = runDay("rows", "2100");
    Document batch = withoutTime(single("raw_batches"));
    Document measured = withoutTime(single("performance_metrics"));

    stopStore();
    startStore();
    register();
    write("loop.yaml", LOOP + "shards: 3\n");
    JsonNode sharded = runDay("rows", "2100");
    assertEquals(whole.get("before"), sharded.get("before"));
    assertEquals(whole.get("status"), sharded.get("status"));
    assertEquals(batch, withoutTime(single("raw_batches")));
    assertEquals(measured, withoutTime(single("performance_metrics")));
    assertEquals(
        List.of(
            "generate_data_shard[0]",
            "generate_data_shard[1]",
            "generate_data_shard[2]",
            "generate_data",
            "process_data",
            "load_latest_model",
            "evaluate_model_shard[0]",
            "evaluate_model_shard[1]",
            "evaluate_model_shard[2]",
            "evaluate_model"),
        List.copyOf(sharded.get("seconds").propertyNames()).subList(0, 10));
  }

  @Test
  void aDriftedDayIsFixedByAnAttemptAndRunAgainReturnsItsOutcome() throws Exception {
    register();
    write("loop.yaml", LOOP);
    JsonNode day = runDay("drill", "concept_drift");
    assertEquals("retrained", day.get("status").stringValue());
    int attempts = day.get("attempts").intValue();
    assertTrue(attempts >= 1 && attempts <= 3, day.toString());
    assertTrue(day.get("before").doubleValue() < 0.6, day.toString());
    assertNotEquals(day.get("champion_before"), day.get("champion_after"));
    assertTrue(day.get("seconds").has("attempt_" + attempts + ".evaluate_finetuned_model"));
    assertFalse(day.get("seconds").has("attempt_" + (attempts + 1) + ".finetune_model"));
    assertFalse(day.get("seconds").has("send_alert"));

    Document outcome = single("outcomes");
    JsonNode again = runDay("drill", "concept_drift");
    assertEquals(withoutSeconds(day), withoutSeconds(again));
    assertEquals(outcome, single("outcomes"));
    assertFalse(again.get("seconds").has("prepare_retraining_data"), again.toString());
    single("evaluation_events");
  }

  /**
   * The best attempt on validation rows is judged once; when the drift is over, the first returns.
   */
  @Test
  void theOriginalComesBackOnTheDayAfterADrift() throws Exception {
    register();
    write("loop.yaml", LOOP.replace("0.6}", "0.6, selection: best_on_validation}"));
    JsonNode drifted = runDay("drill", "concept_drift", "rows", "2000");
    assertEquals("retrained", drifted.get("status").stringValue());
    assertTrue(drifted.get("seconds").has("judge_candidate"));
    assertFalse(drifted.get("seconds").has("attempt_1.evaluate_finetuned_model"));
    JsonNode next = runNextDay("rows", "2000");
    assertEquals("looked_back", next.get("status").stringValue(), next.toString());
    assertEquals(drifted.get("champion_before"), next.get("champion_after"));
    assertFalse(next.get("seconds").has("prepare_retraining_data"));
    assertEquals(0, next.get("attempts").intValue());
  }

  @Test
  void aDayThatAPersonDecidesEndsAsAskedAndIsAnsweredByTwoCommands() throws Exception {
    register();
    write(
        "loop.yaml", LOOP.replace("0.6}", "0.99, selection: best_on_validation, below_gate: ask}"));
    JsonNode day = runDay("drill", "concept_drift", "rows", "2000");
    assertEquals("asked", day.get("status").stringValue(), day.toString());
    assertEquals(day.get("champion_before"), day.get("champion_after"));
    assertFalse(day.get("seconds").has("send_alert"));
    assertFalse(day.get("seconds").has("deploy_model"));
    String request = day.get("request_id").stringValue();
    JsonNode answer = step("approve", "request", request);
    String candidate = answer.get("model_id").stringValue();
    assertTrue(day.get("message").stringValue().contains("'./retune approve " + candidate + "'"));
    step("deploy_model", "model", "credit-default", "model_id", candidate, "logical_date", DATE);
    assertEquals(candidate, new Champions(store).find("credit-default").orElseThrow().modelId());
  }

  /**
   * Few rows of a drifted day leave the attempts undecided. While the drift lasts, a later day
   * proves one of them better than the champion, which passes a lower gate.
   */
  @Test
  void anUndecidedCandidateIsPromotedOnALaterDayOnWhichTheChampionPasses() throws Exception {
    register();
    String gate = "gate: {metric: f1_macro, threshold: %s, evidence: interval}\n";
    write("loop.yaml", "name: credit-default\n" + gate.formatted(0.66));
    JsonNode drifted = runDay("drill", "concept_drift", "rows", "300");
    assertEquals("failed_max_retries", drifted.get("status").stringValue(), drifted.toString());
    assertTrue(drifted.get("message").stringValue().contains("It stays a challenger"));

    write("loop.yaml", "name: credit-default\n" + gate.formatted(0.4));
    JsonNode later = runNextDay("rows", "2000", "drill", "concept_drift");
    assertEquals("challenger_promoted", later.get("status").stringValue(), later.toString());
    assertNotEquals(later.get("champion_before"), later.get("champion_after"));
    assertTrue(later.get("seconds").has("look_back"));
    assertFalse(later.get("seconds").has("prepare_retraining_data"));
    assertTrue(later.get("seconds").has("verify_deployment"));
  }

  /** The champion fails a gate that nothing reaches, and the attempt learns nothing. */
  @Test
  void aProvedChallengerBelowTheGateIsPromotedAfterTheLastAttempt() throws Exception {
    register();
    String gate = "gate: {metric: f1_macro, threshold: %s, evidence: interval%s}\n";
    write("loop.yaml", "name: credit-default\n" + gate.formatted(0.66, ""));
    runDay("drill", "concept_drift", "rows", "300");

    write(
        "loop.yaml",
        "name: credit-default\n"
            + gate.formatted(0.99, ", max_attempts: 1, below_gate: promote_if_superior")
            + "finetuning: {epochs: 1, learning_rate: 1e-9}\n");
    JsonNode later = runNextDay("rows", "2000", "drill", "concept_drift");
    assertEquals("challenger_promoted", later.get("status").stringValue(), later.toString());
    assertTrue(
        later.get("message").stringValue().contains("after 1 retraining attempt that did not pass"),
        later.toString());
    assertEquals(1, later.get("attempts").intValue());
    assertNotEquals(later.get("champion_before"), later.get("champion_after"));
    assertTrue(later.get("seconds").has("attempt_1.evaluate_finetuned_model"));
    assertFalse(later.get("seconds").has("send_alert"));
    assertTrue(later.get("seconds").has("verify_deployment"));
  }

  @Test
  void aBrokenDayEndsWithAnAlertAfterTheLastAttempt() throws Exception {
    register();
    write("loop.yaml", LOOP.replace("0.6}", "0.99, max_attempts: 2}"));
    JsonNode day = runDay("drill", "label_noise", "drill_strength", "1");
    assertEquals("failed_max_retries", day.get("status").stringValue());
    assertEquals(2, day.get("attempts").intValue());
    assertEquals(day.get("champion_before"), day.get("champion_after"));
    assertTrue(day.get("seconds").has("send_alert"));
    assertFalse(day.get("seconds").has("deploy_model"));
    assertEquals(0.99, single("alerts").getDouble("f1_threshold"));
  }

  @Test
  void aDayOfRealRowsIsIngestedAndTakesNoRehearsal() throws Exception {
    register();
    write("loop.yaml", "name: credit-default\ndata: {source: csv, path: '" + writeRows() + "'}\n");
    JsonNode day =
        step("run_loop", "name", "credit-default", "date", DATE, "loops", folder.toString());
    assertTrue(day.get("seconds").has("ingest"));
    assertFalse(day.get("seconds").has("generate_data"));
    Document batch =
        Objects.requireNonNull(
            store
                .collection("raw_batches")
                .find(new Document("_id", "credit-default/" + DATE))
                .first());
    assertEquals(300, batch.get("rows", Number.class).intValue());
    assertEquals(
        "The loop 'credit-default' takes real rows (data.source csv); leave out rows, which is for"
            + " generated ones.",
        refusal("plan", "true"));
  }

  @Test
  void aDayWithoutLabelsFailsAndItsDriftIsToldAllTheSame() throws Exception {
    register();
    write("loop.yaml", "name: credit-default\ndata: {source: csv, path: '" + writeRows() + "'}\n");
    Path rows = folder.resolve(DATE + ".csv");
    Files.writeString(rows, Files.readString(rows).replaceFirst(",default", ",remark"));
    String said =
        sentence(
            () ->
                step(
                    "run_loop",
                    "name",
                    "credit-default",
                    "date",
                    DATE,
                    "loops",
                    folder.toString()));
    assertTrue(said.startsWith("evaluate_model: "), said);
    Document report = single("drift_reports");
    assertEquals("credit-default/" + DATE, report.getString("data_path"));
    assertFalse(report.getBoolean("overall_drift_detected"));
  }

  @Test
  void aDayIsJudgedByTheRunThatFindsItsLabels() throws Exception {
    register();
    write(
        "loop.yaml",
        """
        name: credit-default
        data: {source: csv, path: '%s', key: id}
        labels: {path: '%s', mature_share: 0.5, mature_days: 0}
        gate: {metric: f1_macro, threshold: 0.3}
        """
            .formatted(writeRows(), folder.resolve("labels.csv")));
    List<String> rows = Files.readAllLines(folder.resolve(DATE + ".csv"));
    int label = List.of(rows.getFirst().split(",", -1)).indexOf("default");
    List<String> labels = new ArrayList<>();
    List<String> unlabelled = new ArrayList<>();
    List<String> ofNextDay = new ArrayList<>();
    for (int row = 0; row < rows.size(); row++) {
      List<String> fields = new ArrayList<>(List.of(rows.get(row).split(",", -1)));
      String value = fields.remove(label);
      labels.add((row == 0 ? "id," : "a%d,".formatted(row)) + value);
      unlabelled.add((row == 0 ? "id," : "a%d,".formatted(row)) + String.join(",", fields));
      ofNextDay.add((row == 0 ? "id," : "b%d,".formatted(row)) + String.join(",", fields));
    }
    Files.write(folder.resolve(DATE + ".csv"), unlabelled);
    Files.write(folder.resolve("2026-11-06.csv"), ofNextDay);

    String[] day = {"name", "credit-default", "loops", folder.toString(), "date", DATE};
    JsonNode waiting = step("run_loop", day);
    assertEquals("undecided", waiting.get("status").stringValue());
    assertTrue(
        waiting.get("message").stringValue().contains("0 of 300 rows (0 %)"), waiting.toString());
    assertFalse(waiting.has("before"), "a day without labels has no metric");
    assertFalse(waiting.has("matured"), "the file of labels is not there yet");

    Files.write(folder.resolve("labels.csv"), labels.subList(0, 200));
    day[5] = "2026-11-06";
    JsonNode next = step("run_loop", day);
    assertEquals("undecided", next.get("status").stringValue());
    assertEquals("{\"%s\":\"approved\"}".formatted(DATE), next.get("matured").toString());
    assertFalse(step("run_loop", day).has("matured"), "a day is judged once");
    assertEquals(
        List.of("undecided", "approved"),
        store
            .collection("outcomes")
            .find(new Document("logical_date", DATE))
            .map(outcome -> outcome.getString("status"))
            .into(new ArrayList<>()));
  }

  @Test
  void aChallengerThatProductionProvesBetterIsDeployedAfterTheDay() throws Exception {
    register();
    write("loop.yaml", LOOP);
    String challenger = startChallenger();
    logPairs(challenger, 0.7, 0.95, QueryBlock.MOST_ROWS);
    JsonNode day = runDayOf(yesterday.toString());
    assertEquals("approved", day.get("status").stringValue());
    assertEquals(challenger, day.get("champion_after").stringValue());
    assertNotEquals(day.get("champion_before"), day.get("champion_after"));
    String found = day.get("challenger").stringValue();
    assertTrue(found.contains("is approved to follow"), found);
    assertTrue(found.contains("by weigh_challenger (" + challenger + " is better"), found);
    Document promoted = single("challenger_promotions");
    assertEquals("run-loop__" + yesterday + "__challenger", promoted.getString("run_id"));
    assertEquals("challenger_pipeline", promoted.getString("dag_id"));
    assertEquals("f1_macro", single("challenger_ledger").getString("metric"), "the gate's");

    // As if the run had been killed right after it moved the pointer.
    store
        .collection("champions")
        .updateOne(new Document(), new Document("$unset", new Document("deployed_at", "")));
    JsonNode again = runDayOf(yesterday.toString());
    assertTrue(new Champions(store).get("credit-default").deployed(), again.toString());
    assertEquals(found, again.get("challenger").stringValue());
    assertEquals(challenger, again.get("champion_after").stringValue());
    single("challenger_promotions");
  }

  @Test
  void aChallengerThatProductionProvesWorseLosesItsTrafficAfterTheDay() throws Exception {
    register();
    write("loop.yaml", LOOP + "labels: {mature_share: 0.4, mature_days: 1}\n");
    String challenger = startChallenger();
    logPairs(challenger, 0.95, 0.7, QueryBlock.MOST_ROWS / 2);
    JsonNode day = runDayOf(yesterday.toString());
    assertEquals(day.get("champion_before"), day.get("champion_after"));
    String found = day.get("challenger").stringValue();
    assertTrue(found.contains("that it is worse than the champion"), found);
    assertFalse(day.get("seconds").has("promote_challenger"));
    assertNull(new Champions(store).get("credit-default").challenger());
  }

  @Test
  void aBetterChallengerThatCannotBeDeployedFailsTheRunAfterTheRetrainingIsChecked()
      throws Exception {
    register();
    write("loop.yaml", LOOP + "retraining: {triggers: [volume]}\n");
    ModelFolder.Content example = ModelFolder.read(EXAMPLE.resolve("finetuned"), CodeTrust.REFUSED);
    ModelVersion.Golden golden = Objects.requireNonNull(example.version().golden());
    float[][] logits = Stream.of(golden.logits()).map(float[]::clone).toArray(float[][]::new);
    logits[0][0] += 1;
    String challenger =
        otherVersion(new ModelVersion.Golden(golden.codes(), golden.numbers(), logits));
    // Not by TrafficControl, which would find that the golden rows are not reproduced.
    Champions champions = new Champions(store);
    Champions.Champion champion = champions.get("credit-default");
    assertTrue(
        champions.startChallenger(
            champion,
            new ChallengerTraffic(
                1,
                challenger,
                ChallengerTraffic.Mode.SHADOW,
                0,
                yesterday + "T06:00:00Z",
                "kim",
                "newer",
                "task")));
    logPairs(challenger, 0.7, 0.95, QueryBlock.MOST_ROWS);

    String refused = "validate_model: " + challenger + " fails the check 'golden_rows'";
    String said = sentence(() -> runDayOf(yesterday.toString()));
    assertTrue(said.startsWith(refused), said);
    Document decision = single("trigger_decisions");
    assertEquals("run-loop__" + yesterday, decision.getString("run_id"));
    assertEquals(champion.modelId(), champions.get("credit-default").modelId());

    String again = sentence(() -> runDayOf(yesterday.toString()));
    assertEquals(said, again, "until a person acts");
    assertEquals(decision, single("trigger_decisions"));
    single("challenger_promotions");
  }

  /** Gives another version traffic since yesterday: the same network with another threshold. */
  private String startChallenger() throws Exception {
    ModelFolder.Content example = ModelFolder.read(EXAMPLE.resolve("finetuned"), CodeTrust.REFUSED);
    String modelId = otherVersion(Objects.requireNonNull(example.version().golden()));
    new TrafficControl(
            TestContext.of(store).at(Instant.parse(yesterday + "T06:00:00Z")), "credit-default")
        .start(modelId, 0, "kim", "newer");
    return modelId;
  }

  /** Registers the example with another threshold. */
  private String otherVersion(ModelVersion.Golden golden) throws Exception {
    ModelFolder.Content example = ModelFolder.read(EXAMPLE.resolve("finetuned"), CodeTrust.REFUSED);
    ModelVersion of = example.version();
    ModelVersion other =
        ModelVersion.of(
                of.modelName(),
                TestContext.NOW,
                new ModelVersion.Design(of.architecture(), of.preprocessing(), of.target()),
                of.lineage(),
                example.weights())
            .withDecisionThreshold(0.3)
            .withMetrics(of.metrics())
            .withGolden(golden);
    new ModelStore(store).register(other, example.weights(), VersionStatus.CANDIDATE);
    return other.modelId();
  }

  /**
   * Logs requests of yesterday that both versions have scored, with people's labels.
   *
   * @param championRight share of the rows that the champion answers rightly, and so on
   * @param labelled number of the rows that people have labelled
   */
  private void logPairs(
      String challenger, double championRight, double challengerRight, int labelled) {
    String champion = new Champions(store).get("credit-default").modelId();
    int rows = QueryBlock.MOST_ROWS;
    List<QueryBlock.Row> logged = new ArrayList<>();
    List<Feedback.Label> labels = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      int label = row % 2;
      // 7919 is prime: rows that one answers rightly are independent of the other's.
      double first = probability(label, row < championRight * rows);
      double second = probability(label, row * 7919L % rows < challengerRight * rows);
      logged.add(
          new QueryBlock.Row(
              "r" + row,
              0,
              Instant.parse(yesterday + "T12:00:00Z"),
              champion,
              answer(first),
              0.8,
              first,
              300,
              new QueryBlock.Challenger(challenger, "shadow", answer(second), 0.8, second)));
      labels.add(
          new Feedback.Label(
              QueryBlock.Row.key("r" + row, 0), String.valueOf(label), null, Instant.now()));
    }
    store
        .queryLogs()
        .write(
            new QueryBlock(
                "credit-default/" + yesterday + "/1",
                "credit-default",
                yesterday,
                logged,
                Map.of()));
    store.feedback().add("credit-default", labels.subList(0, labelled));
  }

  private static double probability(int label, boolean isRight) {
    return (label == 1) == isRight ? 0.8 : 0.2;
  }

  private static String answer(double probability) {
    return probability > 0.5 ? "1" : "0";
  }

  @Test
  void aDayOfQueriesIsCollectedAndJudgedWhenPeopleHaveLabelledEnoughOfThem() throws Exception {
    register();
    write(
        "loop.yaml",
        """
        name: credit-default
        data: {source: queries, own_labels: 0.8}
        labels: {mature_share: 0.5, mature_days: 0}
        gate: {metric: f1_macro, threshold: 0.3}
        retraining: {triggers: [adaptive], min_samples: 500, min_days: 3650}
        """);
    List<Feedback.Label> labels = logQueries("a", DATE);
    logQueries("b", "2026-11-06");

    String[] day = {"name", "credit-default", "loops", folder.toString(), "date", DATE};
    JsonNode waiting = step("run_loop", day);
    assertEquals("undecided", waiting.get("status").stringValue());
    assertTrue(
        waiting.get("message").stringValue().contains("0 of 300 rows (0 %)"), waiting.toString());
    assertFalse(waiting.has("before"), "the model's own answers measure nothing");

    assertEquals(0, single("performance_estimates").getInteger("labelled"));
    assertEquals(0, single("drift_reports").get("shift", Document.class).getInteger("labelled"));
    store.feedback().add("credit-default", labels.subList(0, 199));
    day[5] = "2026-11-06";
    JsonNode next = step("run_loop", day);
    assertEquals("undecided", next.get("status").stringValue());
    assertEquals("{\"%s\":\"approved\"}".formatted(DATE), next.get("matured").toString());
    assertEquals(
        199,
        single("predictions").get("rows", Number.class).intValue(),
        "people's labels alone judge");
    assertTrue(
        next.get("retraining").stringValue().contains("need 301 more samples"), next.toString());
  }

  /**
   * Logs the queries of a day as the service would, which answered every other one confidently.
   *
   * @return their labels
   */
  private List<Feedback.Label> logQueries(String request, String date) throws Exception {
    List<String> rows = Files.readAllLines(Path.of(writeRows().toString().replace("{date}", DATE)));
    String modelId = new Champions(store).get("credit-default").modelId();
    List<String> names = List.of(rows.getFirst().split(",", -1));
    LoggedQueries queries = new LoggedQueries("credit-default", LocalDate.parse(date));
    List<Feedback.Label> labels = new ArrayList<>();
    for (int row = 1; row < rows.size(); row++) {
      List<String> fields = List.of(rows.get(row).split(",", -1));
      Map<String, String> columns = new LinkedHashMap<>();
      for (int column = 0; column < names.size(); column++) {
        if (names.get(column).equals("default")) {
          labels.add(
              new Feedback.Label(
                  QueryBlock.Row.key(request, row), fields.get(column), null, Instant.now()));
        } else if (!fields.get(column).isEmpty()) {
          columns.put(names.get(column), fields.get(column));
        }
      }
      queries.row(request, row, modelId, "0", row % 2 == 0 ? 0.9 : 0.6, columns);
    }
    queries.write(store, "1");
    return labels;
  }

  @Test
  void afterTheDayTheTriggersAreCheckedAndAForcedRetrainingRunsOnce() throws Exception {
    register();
    write("loop.yaml", LOOP + "retraining: {triggers: [volume], candidates: [trees]}\n");
    JsonNode quiet = runDay();
    assertTrue(
        quiet.get("retraining").stringValue().contains("No trigger fires"), quiet.toString());
    assertFalse(quiet.has("retraining_id"));
    assertFalse(quiet.get("seconds").has("train_model"));

    JsonNode forced = runDay("force_retrain", "true");
    String sentence = forced.get("retraining").stringValue();
    assertTrue(sentence.startsWith("Retraining is forced. 400 new labelled rows"), sentence);
    assertTrue(forced.get("seconds").has("compare_models"));
    String id = forced.get("retraining_id").stringValue();
    assertEquals(Set.of("started", "deployed"), eventsOf(id));
    assertNotEquals(forced.get("champion_before"), forced.get("champion_after"));

    JsonNode again = runDay("force_retrain", "true");
    assertEquals(sentence, again.get("retraining").stringValue());
    assertEquals(Set.of("started", "deployed"), eventsOf(id));

    JsonNode asked =
        step(
            "run_retraining",
            "name",
            "credit-default",
            "loops",
            folder.toString(),
            "request",
            "api");
    assertEquals("skipped", asked.get("status").stringValue());
    assertEquals(
        "Not yet - no new labelled samples since the last training.",
        asked.get("message").stringValue());
  }

  @Test
  void aRetrainingThatFailsIsRecordedAndGivesItsLeaseBack() throws Exception {
    register();
    String nine = String.join(", ", Collections.nCopies(9, "trees"));
    write("loop.yaml", LOOP + "retraining: {candidates: [" + nine + "]}\n");
    assertEquals(
        "train_model: There are 9 candidates; give at most 8.", refusal("force_retrain", "true"));
    String failed =
        Objects.requireNonNull(store.collection("retraining_events").find().first())
            .getString("retraining_id");
    assertEquals(Set.of("started", "failed"), eventsOf(failed));
    JsonNode next =
        step("check_retraining_trigger", "model", "credit-default", "request", "forced");
    assertTrue(next.get("should_retrain").booleanValue(), next.toString());
  }

  @Test
  void thePlanRunsNothing() throws Exception {
    write("loop.yaml", LOOP);
    JsonNode day = runDay("plan", "true", "rows", "7");
    assertEquals(7, day.at("/plan/0/inputs/rows").intValue());
    assertNull(day.get("status"));
    assertNull(store.collection("raw_batches").find().first());
  }

  @Test
  void thePlanHasTheChallengersTasksWhileOneHasTraffic() throws Exception {
    register();
    write("loop.yaml", LOOP + "retraining: {triggers: [volume]}\n");
    List<String> day =
        List.of("generate_data", "notify_deployment_complete", "check_retraining_trigger");
    assertTrue(planned().containsAll(day));
    assertFalse(planned().contains("weigh_challenger"), "none has traffic");

    startChallenger();
    List<String> tasks = planned();
    int weigh = tasks.indexOf("weigh_challenger");
    assertTrue(tasks.indexOf("notify_deployment_complete") < weigh, tasks.toString());
    assertEquals(
        List.of(
            "weigh_challenger",
            "promote_challenger",
            "wait_for_model_ready",
            "validate_model",
            "deploy_model",
            "verify_deployment",
            "notify_deployment_complete",
            "check_retraining_trigger"),
        tasks.subList(weigh, weigh + 8));
    String page = plan(TestContext.of(store)).text();
    assertTrue(
        Pattern.compile("\n  weigh_challenger +always\n  promote_challenger +challenger wins\n")
            .matcher(page)
            .find(),
        page);
    assertNull(store.collection("challenger_ledger").find().first(), "nothing runs");
  }

  @Test
  void thePlanOfADayNeedsNoStoreThatAnswers() throws Exception {
    write("loop.yaml", LOOP);
    TestContext unreachable =
        new TestContext(
            TestContext.of(store).run(),
            TestContext.CLOCK,
            new Settings(Map.of()),
            () ->
                DocumentStore.open(
                    "mongodb://127.0.0.1:1/retune", Duration.ofMillis(100), TestContext.CLOCK));
    assertEquals(plan(TestContext.of(store)), plan(unreachable));
  }

  private List<String> planned() throws Exception {
    return plan(TestContext.of(store)).plan().stream().map(Day.Task::task).toList();
  }

  private RunLoop.Planned plan(TestContext context) throws Exception {
    RunLoop.Input input =
        new RunLoop.Input(
            "credit-default", LocalDate.parse(DATE), folder.toString(), 7, null, null, false, true);
    return assertInstanceOf(RunLoop.Planned.class, new RunLoop().run(input, context));
  }

  @Test
  void aTerminalGetsThePlanAndTheOutcomeAsText() throws Exception {
    write("loop.yaml", LOOP);
    LocalDate date = LocalDate.parse(DATE);
    String plan = plan(TestContext.of(store)).text();
    assertTrue(
        Pattern.compile("^credit-default, %s\n  generate_data +always\n".formatted(DATE))
            .matcher(plan)
            .find(),
        plan);
    assertTrue(plan.contains("\nload_latest_model\n  model           credit-default\n"), plan);
    assertTrue(plan.contains("\n  model_id        model_id of load_latest_model\n"), plan);

    assertEquals(
        """
        credit-default, %s
          ended as        asked
          what happened   A person decides.
          question        credit-default/2026-11-05/0123456789ab
          f1_macro        0.7067 before any fine-tuning; threshold 0.66
          attempts        0
          in production   credit-default-0123456789ab
          matured         2026-10-22 approved
          challenger      It is not weighed yet.
          retraining      Not yet - no new labelled samples.
          run             run

        Seconds
          generate_data    1.50
        """
            .formatted(DATE),
        new RunLoop.Ran(
                "credit-default",
                date,
                "run",
                "asked",
                "A person decides.",
                "credit-default/2026-11-05/0123456789ab",
                Metric.F1_MACRO,
                0.66,
                0.70671,
                0,
                "credit-default-0123456789ab",
                "credit-default-0123456789ab",
                Map.of(LocalDate.parse("2026-10-22"), "approved"),
                "It is not weighed yet.",
                "Not yet - no new labelled samples.",
                null,
                Map.of("generate_data", 1.5))
            .text());
  }

  @Test
  void aDayWithoutAModelFailsByTheNameOfItsTask() throws Exception {
    write("loop.yaml", LOOP);
    assertTrue(refusal().startsWith("generate_data: "));
  }

  @Test
  void loopFilesAreFoundInTheProjectAndInTheFoldersOfRetuneLoops() throws Exception {
    Path home = folder.resolve("home/airflow/dags/loops");
    Path first = Files.createDirectories(folder.resolve("first"));
    Path second = Files.createDirectories(folder.resolve("second"));
    Files.createDirectories(home);
    Files.writeString(home.resolve("a.yaml"), "name: of-the-project\nprimary: true\n");
    Files.writeString(second.resolve("b.yaml"), "name: mine\n");
    Files.writeString(second.resolve("broken.yaml"), "name: ok\ngate: ]\n");
    Settings settings =
        new Settings(
            Map.of(
                "RETUNE_HOME",
                folder.resolve("home").toString(),
                "RETUNE_LOOPS",
                first + File.pathSeparator + second));
    assertEquals("data_pipeline", firstDag("of-the-project", settings));
    assertEquals("data_pipeline.mine", firstDag("mine", settings));
    String sentence = sentence(() -> firstDag("absent", settings));
    assertTrue(sentence.contains("the loops there are [of-the-project, mine]. "), sentence);
    assertTrue(sentence.contains("broken.yaml, line 2: "), sentence);
  }

  @Test
  void twoFilesOfOneLoopAreRefused() throws Exception {
    write("loop.yaml", LOOP);
    write("other.yaml", LOOP);
    assertTrue(refusal("plan", "true").endsWith("give one of them another name."));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gate: {treshold: 0.6} | loop.yaml: gate.treshold is not a setting; the settings are"
            + " below_gate, evidence, max_attempts, metric, on_conflict, policy, retention_limit,"
            + " selection, threshold.",
        "gate: {policy: superior and non_inferior} | loop.yaml, gate.policy: The policy 'superior"
            + " and non_inferior' asks for superior and for non_inferior; keep one of them.",
        "gates: {} | loop.yaml: gates is not a setting; the settings are attempts, data,"
            + " deployment, engine, finetuning, gate, labels, name, owner, primary, promotion,"
            + " resources, retraining, schedule, shards.",
        "gate: {threshold: 2} | loop.yaml, gate.threshold: check_model_performance: 'threshold' is"
            + " 2; give a number from 0 to 1.",
        "gate: {max_attempts: 4} | loop.yaml: gate.max_attempts must be from 1 to 3, the attempts,"
            + " not 4.",
        "attempts: head | loop.yaml: attempts must be a list of 1 to 8 strategies, such as [head,"
            + " head_long, full], not \"head\".",
        "attempts: [] | loop.yaml: attempts must be a list of 1 to 8 strategies, such as [head,"
            + " head_long, full], not [].",
        "attempts: | loop.yaml: attempts has no value; give one or leave it out.",
        "attempts: [heads] | loop.yaml: attempts must be one of head, head_long, full, head_new,"
            + " scratch, trees, trees_replay, prior, threshold, not \"heads\".",
        "attempts: [head, 3] | loop.yaml: attempts must be one of head, head_long, full, head_new,"
            + " scratch, trees, trees_replay, prior, threshold, not 3.",
        "attempts: [full, head, full] | loop.yaml: attempts has full twice; name each strategy"
            + " once.",
        "attempts: [look_back, head] | loop.yaml: attempts names look_back, which always comes"
            + " before the attempts; leave it out.",
        "data: {rows: many} | loop.yaml, data.rows: generate_data: 'rows' must be a whole number,"
            + " not 'many'.",
        "data: {rows: } | loop.yaml: data.rows has no value; give one or leave it out.",
        "data: {source: heaven} | loop.yaml: data.source must be one of synthetic, csv, mongo,"
            + " queries, not \"heaven\".",
        "data: {source: csv} | loop.yaml: data.source csv needs data.path.",
        "data: {source: mongo, filter: x} | loop.yaml: data.source mongo needs data.collection.",
        "data: {source: csv, path: a.csv, drill: none} | loop.yaml: data.drill belongs to"
            + " data.source synthetic, not to csv.",
        "data: {path: a.csv} | loop.yaml: data.path belongs to data.source csv, not to synthetic.",
        "data: {source: mongo, collection: 7} | loop.yaml, data.collection: ingest: 'collection'"
            + " must be text, not '7'.",
        "data: {source: queries, own_labels: 0.4} | loop.yaml, data.own_labels: collect_queries:"
            + " 'own_labels' is 0.4; give a number from 0.5 to 1.",
        "data: {source: queries, path: a.csv} | loop.yaml: data.path belongs to data.source csv,"
            + " not to queries.",
        "data: {key: id} | loop.yaml: data.key belongs to data.source csv, not to synthetic.",
        "labels: {path: a.csv} | loop.yaml: labels.path needs data.key, the column that names the"
            + " rows.",
        "data: 7 | loop.yaml: data must be settings such as {name: value}, not 7.",
        "engine: steam | loop.yaml: engine must be one of fast, pytorch, not \"steam\".",
        "shards: 0 | loop.yaml, shards: evaluate_model: 'shards' is 0; give a number from 1 to 64.",
        "shards: 65 | loop.yaml, shards: evaluate_model: 'shards' is 65; give a number from 1 to"
            + " 64.",
        "shards: many | loop.yaml, shards: evaluate_model: 'shards' must be a whole number, not"
            + " 'many'.",
        "shards: | loop.yaml: shards has no value; give one or leave it out.",
        "data: {rows: 1_000} | loop.yaml, data.rows: generate_data: 'rows' must be a whole number,"
            + " not '1_000'.",
        "primary: yes | loop.yaml: primary must be true or false, not \"yes\".",
        "primary: 1 | loop.yaml: primary must be true or false, not 1.",
        "finetuning: {learning_rate: 1e9} | loop.yaml, finetuning.learning_rate: finetune_model:"
            + " 'learning_rate' is 1.0E9; give a number from 1e-9 to 1."
      })
  void aMistakeInTheLoopFileIsOneSentence(String line, String sentence) throws Exception {
    write("loop.yaml", "name: credit-default\n" + line + "\n");
    String said = refusal("plan", "true");
    assertTrue(said.endsWith("/" + sentence), said);
  }

  @ParameterizedTest
  @ValueSource(strings = {"[x]", "{a: b}", "Fraud Loop", ""})
  void aFileWithoutANameIsSaidToHaveNone(String name) throws Exception {
    write("loop.yaml", "name: " + name + "\n");
    String said = refusal("plan", "true");
    assertTrue(said.startsWith("There is no loop 'credit-default'"), said);
    assertTrue(
        said.endsWith("/loop.yaml: name must be 1 to 63 lower-case letters, digits and hyphens."));
  }

  /** A folder, a dangling link and each file that is not YAML leave the other loops alone. */
  @Test
  void filesThatAreNoLoopFilesAreNamedAndLeaveTheOthersAlone() throws Exception {
    write("loop.yaml", LOOP);
    Files.createDirectory(folder.resolve("folder.yaml"));
    Files.createSymbolicLink(folder.resolve("link.yaml"), folder.resolve("gone"));
    try (Stream<Path> files = Files.list(Path.of("../../airflow/tests/loop-files/refused"))) {
      for (Path file : files.filter(file -> file.toString().endsWith(".yaml")).toList()) {
        Files.copy(file, folder.resolve(file.getFileName().toString()));
      }
    }
    assertEquals(
        "data_pipeline.credit-default", runDay("plan", "true").at("/plan/0/dag").stringValue());
    String said =
        sentence(
            () -> step("run_loop", "name", "absent", "date", DATE, "loops", folder.toString()));
    for (String file : List.of("folder", "link", "latin-1", "long-integer", "deep-flow")) {
      assertTrue(said.contains("/" + file + ".yaml"), said);
    }
  }

  @Test
  void theAttemptsAreThoseOfTheFile() throws Exception {
    write("loop.yaml", "name: credit-default\nattempts: [full, head_new]\n");
    List<String> attempts = new ArrayList<>();
    for (JsonNode task : runDay("plan", "true").required("plan")) {
      JsonNode inputs = task.required("inputs");
      if (task.required("task").stringValue().equals("check_model_performance")) {
        assertEquals(2, inputs.required("max_attempts").intValue());
      } else if (task.required("step").stringValue().equals("finetune_model")) {
        attempts.add(task.required("task").stringValue());
        attempts.add(inputs.required("strategy").stringValue());
      }
    }
    assertEquals(
        List.of("attempt_1.finetune_model", "full", "attempt_2.finetune_model", "head_new"),
        attempts);
  }

  @Test
  void numbersMayBeWrittenAsInTheExample() throws Exception {
    write("loop.yaml", "name: credit-default\nfinetuning: {learning_rate: 3e-4}\n");
    JsonNode finetune = runDay("plan", "true").at("/plan/9");
    assertEquals("attempt_1.finetune_model", finetune.get("task").stringValue());
    assertEquals(3e-4, finetune.at("/inputs/learning_rate").doubleValue());
  }

  /** The statuses of all retrainings' events, which must be of this one. */
  private Set<String> eventsOf(String retrainingId) {
    Set<String> statuses = new HashSet<>();
    for (Document event : store.collection("retraining_events").find()) {
      assertEquals(retrainingId, event.getString("retraining_id"));
      assertTrue(statuses.add(event.getString("status")), event.toJson());
    }
    return statuses;
  }

  private void register() throws Exception {
    step(
        "register_distribution",
        "model",
        "credit-default",
        "path",
        EXAMPLE.resolve("distribution.json").toString());
    step("register_model", "path", EXAMPLE.resolve("finetuned").toString(), "champion", "true");
  }

  /** Writes rows of another day as a file of the day's, and gives its path with {date}. */
  private Path writeRows() throws Exception {
    step("generate_data", "model", "credit-default", "logical_date", "2026-10-01", "rows", "300");
    List<String> lines = new ArrayList<>();
    for (Document document : store.collection("raw_data").find()) {
      Document row = document.get("values", Document.class);
      if (lines.isEmpty()) {
        lines.add(String.join(",", row.keySet()));
      }
      lines.add(
          row.values().stream()
              .map(value -> Objects.toString(value, ""))
              .collect(Collectors.joining(",")));
    }
    Files.write(folder.resolve(DATE + ".csv"), lines);
    return folder.resolve("{date}.csv");
  }

  private void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  private JsonNode runDay(String... more) throws Exception {
    return runDayOf(DATE, more);
  }

  private JsonNode runNextDay(String... more) throws Exception {
    return runDayOf("2026-11-06", more);
  }

  private JsonNode runDayOf(String date, String... more) throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of("name", "credit-default", "date", date, "loops", folder.toString()));
    if (!List.of(more).contains("rows")) {
      words.addAll(List.of("rows", "400"));
    }
    words.addAll(List.of(more));
    return step("run_loop", words.toArray(String[]::new));
  }

  /** The sentence that refuses a day; with {@code plan} nothing would be run anyway. */
  private String refusal(String... more) {
    return sentence(() -> runDay(more));
  }

  private static String sentence(Executable refused) {
    return Objects.requireNonNull(assertThrows(InvalidInputException.class, refused).getMessage());
  }

  private String firstDag(String loop, Settings settings) throws Exception {
    Map<String, JsonNode> inputs = inputs("name", loop, "date", DATE, "plan", "true");
    Command command = new Command(store, settings);
    return Steps.run("run_loop", inputs, command, command.run()).at("/plan/0/dag").stringValue();
  }

  private JsonNode step(String name, String... words) throws Exception {
    Command command = new Command(store, new Settings(Map.of()));
    return Steps.run(name, inputs(words), command, command.run());
  }

  private static Map<String, JsonNode> inputs(String... words) {
    Map<String, JsonNode> inputs = new LinkedHashMap<>();
    for (int i = 0; i < words.length; i += 2) {
      String text = words[i + 1];
      inputs.put(
          words[i],
          text.matches("true|[0-9]+") ? Json.MAPPER.readTree(text) : Json.MAPPER.valueToTree(text));
    }
    return inputs;
  }

  private static JsonNode withoutSeconds(JsonNode day) {
    ObjectNode result = (ObjectNode) day.deepCopy();
    result.remove("seconds");
    return result;
  }

  private static Document withoutTime(Document document) {
    document.remove("timestamp");
    return document;
  }

  private Document single(String collection) {
    List<Document> documents = store.collection(collection).find().into(new ArrayList<>());
    assertEquals(1, documents.size(), collection);
    return documents.getFirst();
  }
}
