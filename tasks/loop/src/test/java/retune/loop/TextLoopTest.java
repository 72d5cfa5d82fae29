package retune.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.devstore.EmbeddedStore;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.runtime.Json;
import retune.runtime.Steps;
import retune.runtime.store.DocumentStore;
import retune.testing.MadeTexts;
import retune.testing.MadeTexts.Fault;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;

/** A loop that reads texts: made from a table, then run day by day, against a real store. */
@Tag("slow")
class TextLoopTest {
  @TempDir Path folder;
  private EmbeddedStore server;
  private TestContext context;

  @BeforeEach
  void start() throws IOException {
    server = EmbeddedStore.inMemory();
    context =
        TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK))
            .with(Map.of("RETUNE_DEPLOYMENT_DIR", folder.resolve("deployment").toString()));
    MadeTexts.write(folder.resolve("questions.csv"), 600, 1, Fault.NONE);
  }

  @AfterEach
  void stop() {
    context.store().close();
    server.close();
  }

  @Test
  void aLoopOfTextsApprovesOrdinaryDaysFindsTyposAndLearnsNewLabels() throws Exception {
    JsonNode made = newLoop("text", "text");
    assertEquals("text", made.get("family").stringValue());
    assertTrue(made.at("/test_metrics/f1_macro").doubleValue() > 0.97, made.toString());
    assertFalse(made.has("quality_score"), made.toString());
    String first = made.get("model_id").stringValue();
    assertTrue(Files.readString(folder.resolve("questions.yaml")).contains("[head_long, head]"));
    assertTrue(Files.readString(folder.resolve("columns.yaml")).contains("\"text\": text"));
    String report = Files.readString(folder.resolve("report.html"));
    assertTrue(report.contains("the text classifier") && !report.contains("generated"), report);

    JsonNode ordinary = day("2026-11-02", Fault.NONE, 400);
    assertEquals("approved", ordinary.get("status").stringValue(), ordinary.toString());
    assertFalse(drift("2026-11-02", first).get("overall_drift_detected").booleanValue());

    JsonNode estimate = estimate("2026-11-02", first);
    assertTrue(isInside(estimate, estimate.get("known").doubleValue()), estimate.toString());

    process("2026-11-03", Fault.TYPOS);
    JsonNode typos = drift("2026-11-03", first);
    assertTrue(typos.get("features").has("text_unknown_share"), typos.toString());

    process("2026-11-08", Fault.NEW_INTENT);
    JsonNode unlike = drift("2026-11-08", first);
    assertTrue(unlike.get("features").has("text_unknown_share"), unlike.toString());
    JsonNode ofNew = estimate("2026-11-08", first);
    assertTrue(ofNew.get("drifted").booleanValue(), ofNew.toString());
    assertTrue(ofNew.get("labelled").intValue() < ofNew.get("rows").intValue(), ofNew.toString());

    JsonNode vague = day("2026-11-04", Fault.VAGUE, 3600);
    assertEquals("retrained", vague.get("status").stringValue(), vague.toString());
    String second = vague.get("champion_after").stringValue();
    assertNotEquals(first, second);
    JsonNode answers = predict(second, "text\nI think my card was stolen\nhelp\n\" \"\n");
    assertEquals("{\"card\":1,\"rate\":1}", answers.get("classes").toString());
    assertEquals("{\"missing_value.text\":1}", answers.get("rejected").toString());

    write("2026-11-09", Fault.VAGUE, 1200);
    JsonNode compared =
        step(
            "compare_models",
            "baseline",
            first,
            "new",
            second,
            "test_data",
            folder.resolve("2026-11-09.csv").toString(),
            "html",
            folder.resolve("compared.html").toString());
    assertEquals("promote", compared.get("decision").stringValue(), compared.toString());
    assertTrue(Files.readString(folder.resolve("compared.html")).contains(second));
    JsonNode explained = step("explain", "model_id", second);
    assertEquals(2, explained.get("lineage").size(), explained.toString());
    assertTrue(explained.get("in_production").booleanValue(), explained.toString());
    assertFalse(explained.get("verdicts").isEmpty(), explained.toString());
    Path exported = folder.resolve("exported");
    String[] export = {"version", second, "output", exported.toString(), "format"};
    assertRefused(
        "export it with --format safetensors",
        () -> step("export_model", with(export, "torchscript")));
    step("export_model", with(export, "safetensors"));
    assertEquals(
        second,
        ModelFolder.read(exported, CodeTrust.NOT_RUN).version().modelId(),
        "the hash that it is named by is that of its content");

    JsonNode swapped = day("2026-11-05", Fault.SWAPPED_LABELS, 400);
    assertEquals("failed_max_retries", swapped.get("status").stringValue(), swapped.toString());
    assertTrue(swapped.get("message").stringValue().contains("ordinary rows"), swapped.toString());
    assertEquals(second, swapped.get("champion_after").stringValue());
  }

  @Test
  void aHundredAndFiftyIntentsAreLearnedGatedAndServed() throws Exception {
    int intents = 150;
    MadeTexts.writeMany(folder.resolve("questions.csv"), intents, 8 * intents, 1);
    JsonNode made = newLoop("text", "text");
    assertEquals("text", made.get("family").stringValue());
    double measured = made.at("/test_metrics/f1_macro").doubleValue();
    double threshold = made.get("gate_threshold").doubleValue();
    assertTrue(0.5 < threshold && threshold < measured, made.toString());

    String date = "2026-11-02";
    Path file = MadeTexts.writeMany(folder.resolve(date + ".csv"), intents, 2 * intents, 2);
    String wrong = MadeTexts.manyName(1);
    Files.writeString(file, Files.readString(file).replace(MadeTexts.manyName(0), wrong));
    step("ingest", "model", "questions", "logical_date", date, "data", file.toString());
    step("process_data", "model", "questions", "logical_date", date);
    String version = made.get("model_id").stringValue();
    JsonNode evaluated =
        step("evaluate_model", "model_id", version, "data_path", "questions/" + date);
    assertEquals(2 * intents, evaluated.get("samples").intValue());
    JsonNode passed = gate(version, date, threshold);
    assertEquals("approved", passed.get("status").stringValue(), passed.toString());
    double value = passed.get("value").doubleValue();
    assertEquals(evaluated.at("/metrics/f1_score").doubleValue(), value);
    assertTrue(threshold < value, passed.toString());
    JsonNode failed = gate(version, date, 1);
    assertTrue(failed.get("needs_retraining").booleanValue(), "two labels are wrong: " + failed);

    SplittableRandom random = new SplittableRandom(3);
    List<Map<String, String>> asked =
        IntStream.range(0, intents)
            .mapToObj(intent -> Map.of("text", MadeTexts.ofMany(intent, random)))
            .toList();
    try (ServedVersion service = new ServedVersion(context.store(), version)) {
      JsonNode answers = service.predict(asked).get("predictions");
      long right =
          IntStream.range(0, intents)
              .filter(
                  intent ->
                      MadeTexts.manyName(intent)
                          .equals(answers.get(intent).get("prediction_class").stringValue()))
              .count();
      assertTrue(right >= 0.9 * intents, answers.toString());
      assertEquals(intents, answers.get(0).get("probabilities").size());
    }
  }

  private JsonNode gate(String version, String date, double threshold) throws Exception {
    return Steps.run(
        "check_model_performance",
        Map.of(
            "model_id", Json.MAPPER.valueToTree(version),
            "data_path", Json.MAPPER.valueToTree("questions/" + date),
            "metric", Json.MAPPER.valueToTree("f1_score"),
            "threshold", Json.MAPPER.valueToTree(threshold)),
        context,
        context.run());
  }

  @Test
  void withoutDaysTheLoopDrawsThemFromTextsThatItHoldsBack() throws Exception {
    JsonNode made = step("new_loop", words("text", "text"));
    int held = 600 - made.get("rows").intValue();
    assertTrue(110 < held && held < 130, made.toString());
    assertTrue(made.get("next").toString().contains("from " + held + " texts"), made.toString());
    String version = made.get("model_id").stringValue();

    JsonNode ordinary =
        step("run_loop", "name", "questions", "date", "2026-11-02", "loops", folder.toString());
    assertEquals("approved", ordinary.get("status").stringValue(), ordinary.toString());

    generate("2026-11-03", "none");
    assertFalse(drift("2026-11-03", version).get("overall_drift_detected").booleanValue());
    generate("2026-11-04", "typos");
    assertTrue(drift("2026-11-04", version).get("features").has("text_unknown_share"));
    generate("2026-11-05", "new_intents");
    assertTrue(drift("2026-11-05", version).get("features").has("text_unknown_share"));
    JsonNode ofNew = estimate("2026-11-05", version);
    assertTrue(ofNew.get("labelled").intValue() < ofNew.get("rows").intValue(), ofNew.toString());

    assertRefused(
        "choose one of none, label_noise, typos, new_intents, swapped_labels",
        () -> generate("2026-11-06", "covariate_drift"));
    assertRefused(
        "10,000 rows are asked for, and " + held + " texts are held back",
        () -> step("generate_data", "model", "questions", "logical_date", "2026-11-06"));
  }

  @Test
  void whatALoopOfTextsCannotDoIsRefusedBeforeAnyTraining() throws Exception {
    Path few = folder.resolve("few.csv");
    Files.writeString(few, "text,intent\n" + "lost,card\nlate,transfer\n".repeat(7));
    assertRefused(
        "No class of 'intent' can spare rows to draw days from: it needs at least 8 rows",
        () ->
            step(
                "new_loop",
                "data",
                few.toString(),
                "target",
                "intent",
                "text",
                "text",
                "loops",
                folder.toString()));
    assertRefused("is the target", () -> newLoop("text", "intent"));
    assertRefused(
        "There is no column 'absent'; the columns are [text, intent].",
        () -> newLoop("text", "absent"));
    refused("text,intent\n" + ",card\n,pin\n".repeat(10), "No rows are left to train on");
    refused("text,intent\n" + "lost,card\nstolen,pin\n".repeat(10), "are all equal");
    refused("text,intent\n" + "lost,card\n".repeat(10), "has the classes [card]");
    refused(
        "text,intent\nrate,rate\nslow,transfer\n" + "lost,card\n".repeat(10),
        "Too few rows for 2 of 3 classes of 'intent': 'rate' (1), 'transfer' (1)");
    StringBuilder unique = new StringBuilder("text,intent\n");
    for (int row = 0; row < 40; row++) {
      unique.append("x").append(row).append(row % 2 == 0 ? ",card\n" : ",pin\n");
    }
    refused(unique.toString(), "No word of column 'text' is in two training texts");
    assertFalse(Files.exists(folder.resolve("questions.yaml")));
  }

  private void refused(String table, String sentence) throws IOException {
    Files.writeString(folder.resolve("questions.csv"), table);
    assertRefused(sentence, () -> newLoop("text", "text"));
  }

  private JsonNode newLoop(String... more) throws Exception {
    return step(
        "new_loop",
        Stream.concat(
                Stream.of("days", folder.resolve("{date}.csv").toString()), Stream.of(words(more)))
            .toArray(String[]::new));
  }

  private static String[] with(String[] words, String last) {
    return Stream.concat(Stream.of(words), Stream.of(last)).toArray(String[]::new);
  }

  private String[] words(String... more) {
    return Stream.concat(
            Stream.of(
                "data",
                folder.resolve("questions.csv").toString(),
                "target",
                "intent",
                "loops",
                folder.toString(),
                "output",
                folder.toString()),
            Stream.of(more))
        .toArray(String[]::new);
  }

  private JsonNode day(String date, Fault fault, int rows) throws Exception {
    write(date, fault, rows);
    return step("run_loop", "name", "questions", "date", date, "loops", folder.toString());
  }

  private void write(String date, Fault fault, int rows) throws IOException {
    MadeTexts.write(folder.resolve(date + ".csv"), rows, date.hashCode(), fault);
  }

  private void process(String date, Fault fault) throws Exception {
    write(date, fault, 400);
    String file = folder.resolve(date + ".csv").toString();
    step("ingest", "model", "questions", "logical_date", date, "data", file);
    step("process_data", "model", "questions", "logical_date", date);
  }

  private void generate(String date, String drill) throws Exception {
    Map<String, Object> inputs =
        Map.of("model", "questions", "logical_date", date, "rows", 100, "drill", drill);
    Map<String, JsonNode> json = new LinkedHashMap<>();
    inputs.forEach((name, value) -> json.put(name, Json.MAPPER.valueToTree(value)));
    Steps.run("generate_data", json, context, context.run());
    step("process_data", "model", "questions", "logical_date", date);
  }

  private JsonNode estimate(String date, String version) throws Exception {
    String data = "questions/" + date;
    return step(
        "estimate_performance", "model_id", version, "data_path", data, "metric", "f1_macro");
  }

  private static boolean isInside(JsonNode estimate, double value) {
    return estimate.get("low").doubleValue() <= value
        && value <= estimate.get("high").doubleValue();
  }

  private JsonNode drift(String date, String version) throws Exception {
    return step("detect_drift", "model_id", version, "data_path", "questions/" + date);
  }

  private JsonNode predict(String version, String table) throws Exception {
    Files.writeString(folder.resolve("asked.csv"), table);
    return step(
        "predict",
        "version",
        version,
        "data",
        folder.resolve("asked.csv").toString(),
        "output",
        folder.resolve("answers.csv").toString());
  }

  private JsonNode step(String name, String... words) throws Exception {
    Map<String, JsonNode> inputs = new LinkedHashMap<>();
    for (int i = 0; i < words.length; i += 2) {
      inputs.put(words[i], Json.MAPPER.valueToTree(words[i + 1]));
    }
    return Steps.run(name, inputs, context, context.run());
  }
}
