package retune.loop.authoring;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.devstore.EmbeddedStore;
import retune.loop.LoopSteps;
import retune.model.Architecture;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.store.DocumentStore;
import retune.testing.MadeTables;
import retune.testing.StepProcess;
import tools.jackson.databind.JsonNode;

/** Whole runs in processes of their own, against a real store. */
@Tag("slow")
class NewLoopTest {
  @TempDir Path folder;
  private EmbeddedStore store;
  private StepProcess steps;
  private Path table;
  private Path loops;
  private Path output;

  @BeforeEach
  void start() throws IOException {
    store = EmbeddedStore.inMemory();
    steps = LoopSteps.of(folder, store.uri());
    table = folder.resolve("table.csv");
    loops = Files.createDirectory(folder.resolve("loops"));
    output = folder.resolve("output");
  }

  @AfterEach
  void stop() {
    store.close();
  }

  @Test
  void aTableBecomesALoopThatIsRegisteredAndIsNotMadeTwice() throws Exception {
    MadeTables.loans(table, 300);
    JsonNode made = newLoop();
    assertEquals("table", made.get("name").stringValue());
    assertEquals("1", made.get("positive").stringValue());
    assertTrue(
        made.get("comparison").stringValue().startsWith("On 45 validation rows Macro F1 is "),
        made.toString());
    assertEquals(made.get("model_id").stringValue(), championOf("table"));
    String report = Files.readString(output.resolve("report.html"));
    for (String shown :
        List.of(
            made.get("comparison").stringValue(),
            "logistic regression, for comparison",
            "the network",
            "boosted trees",
            "<h2>Importance of columns</h2>",
            "<title>income: 0.")) {
      assertTrue(report.contains(shown), shown);
    }
    assertTrue(made.get("next").toString().contains("./retune run-loop table --date"));
    assertTrue(Files.readString(loops.resolve("table.yaml")).contains("\nname: \"table\"\n"));
    assertEquals(
        300,
        steps
            .result(
                "generate_data",
                "--model",
                "table",
                "--logical-date",
                "2026-11-05",
                "--rows",
                "300")
            .get("rows")
            .intValue());

    try (DocumentStore documents =
        DocumentStore.open(store.uri(), Duration.ofSeconds(10), Clock.systemUTC())) {
      assertEquals(
          300 * 0.15,
          documents.processedBatches().find("table/reference").orElseThrow().labelled(),
          2);
      ModelStore models = new ModelStore(documents, Clock.systemUTC());
      ModelVersion champion = models.get(made.get("model_id").stringValue());
      ModelVersion other = models.get(made.get("other_model_id").stringValue());
      assertEquals(
          made.get("family").stringValue().equals("trees"),
          champion.architecture() instanceof Architecture.Trees);
      assertNotEquals(
          champion.architecture() instanceof Architecture.Trees,
          other.architecture() instanceof Architecture.Trees);
      assertTrue(
          champion.metrics().getOrDefault("validation", Map.of()).getOrDefault("f1_macro", 0.0)
              >= other.metrics().getOrDefault("validation", Map.of()).getOrDefault("f1_macro", 1.0),
          made.get("comparison").stringValue());
    }

    assertTrue(refusal().contains("There is already a loop 'table'"));

    // As a run leaves it that was killed before its last write.
    Files.delete(loops.resolve("table.yaml"));
    assertEquals(made.get("model_id"), newLoop().get("model_id"));
    assertTrue(Files.exists(loops.resolve("table.yaml")));
  }

  @Test
  void aModelOfAnotherTableIsPutOutOfItsPlaceOnlyWhenAsked() throws Exception {
    MadeTables.loans(table, 300);
    JsonNode made = newLoop("--models", "trees");
    assertEquals("trees", made.get("family").stringValue());
    assertFalse(made.has("encoder_id") || made.has("comparison"), made.toString());
    assertFalse(made.get("seconds").has("pre-training"), made.toString());
    String first = made.get("model_id").stringValue();
    MadeTables.loans(table, 301);
    Files.delete(loops.resolve("table.yaml"));
    assertTrue(refusal().contains("already has the champion " + first));
    assertEquals(first, championOf("table"));
    Path kinds = output.resolve("columns.yaml");
    Files.writeString(
        kinds, Files.readString(kinds).replace("\"debt\": numeric", "\"debt\": excluded"));
    JsonNode second = newLoop("--models", "trees", "--replace", "--columns", kinds.toString());
    assertEquals(second.get("model_id").stringValue(), championOf("table"));
    assertTrue(Files.readString(kinds).contains("\"debt\": excluded"));
  }

  @Test
  void manyClassesAndAForeignWayOfWritingAreRead() throws Exception {
    Random random = new Random(3);
    StringBuilder text =
        new StringBuilder(
            "\uFEFFtag;betrag;notiz;<b>leer</b>;größe;klasse;label_source;confidence\r\n");
    for (int row = 0; row < 400; row++) {
      int label = random.nextInt(5);
      double amount = 1000 * label + 400 * random.nextGaussian() + 5000;
      text.append(
          String.format(
              Locale.GERMANY,
              "%02d.%02d.2026;\"%,.2f\";\"a;%d\r\nb\";;%s;klasse %d;%s;0,%d\r\n",
              1 + random.nextInt(28),
              1 + random.nextInt(12),
              amount,
              random.nextInt(3),
              "groß,klein".split(",", -1)[random.nextInt(2)],
              label,
              "person,modell".split(",", -1)[random.nextInt(2)],
              10 + random.nextInt(90)));
    }
    Files.writeString(table, text, UTF_8);
    JsonNode made = newLoop("--target", "klasse", "--name", "foreign", "--models", "trees");
    assertFalse(made.has("positive"));
    assertEquals("f1_macro", made.get("gate_metric").stringValue());
    String kinds = Files.readString(output.resolve("columns.yaml"));
    assertTrue(kinds.contains("\"tag\": date"), kinds);
    assertTrue(kinds.contains("\"betrag\": numeric"), kinds);
    assertTrue(kinds.contains("\"notiz\": categorical"), kinds);
    assertTrue(kinds.contains("no value in any row; 100.0 % missing\n  \"<b>leer</b>\": constant"));
    assertTrue(kinds.contains("\"confidence\": excluded"), kinds);
    assertEquals(
        "excluded: it says who gave the label", made.at("/left_out/label_source").stringValue());
    String report = Files.readString(output.resolve("report.html"));
    assertTrue(report.contains("&lt;b&gt;leer&lt;/b&gt;"));
    assertFalse(report.contains("<b>"));
    assertFalse(report.contains("<script"));
    assertTrue(report.contains("The probabilities are "), "calibrated or not");
    assertFalse(report.contains(" style="), "the page's own policy forbids it");
  }

  static Stream<Arguments> whatIsRefused() {
    String rows = "1,2,0\n2,3,1\n".repeat(20);
    String identifiers =
        IntStream.range(0, 80)
            .mapToObj(row -> row + ",same," + row % 2 + "\n")
            .collect(Collectors.joining("", "a,b,label\n", ""));
    return Stream.of(
        Arguments.of("a,b,label\n1,2,0\n1,2\n", "Line 3 of"),
        Arguments.of("a^b^label\n" + rows.replace(',', '^'), "has one column only, 'a^b^label'"),
        Arguments.of(rows, "has no header"),
        Arguments.of("a,a,label\n" + rows, "has two columns 'a'"),
        Arguments.of("a,,label\n" + rows, "Column 2 of"),
        Arguments.of("", "is empty"),
        Arguments.of("a,b,label\n", "has a header but no rows"),
        Arguments.of("PK\u0003\u0004\u0000\u0000", "is not text"),
        Arguments.of("a,b,label\n1," + "x".repeat(10_100_000) + ",0\n", "a row of more than"),
        Arguments.of("a,b,other\n" + rows, "There is no column 'label'"),
        Arguments.of("a,b,label\n" + "1,2,0\n".repeat(20), "at least two are needed"),
        Arguments.of("a,b,label\n1,2,0\n", "need at least 4 together"),
        Arguments.of("a,b,label\ninf,2,0\n" + rows, "holds finite numbers"),
        Arguments.of(identifiers, "No column of the training rows"));
  }

  @ParameterizedTest
  @MethodSource
  void whatIsRefused(String content, String sentence) throws Exception {
    Files.writeString(table, content, ISO_8859_1);
    assertRefused(sentence);
  }

  @Test
  void wishesThatCannotBeMetAreRefused() throws Exception {
    MadeTables.loans(table, 100);
    assertRefused("The positive class 'yes' is not a value", "--positive", "yes");
    assertRefused("There is no column 'nought'", "--exclude", "nought");
    assertRefused("cannot be the name of a loop", "--name", "My Loop");
    assertRefused("does not exist", "--loops", folder.resolve("nowhere").toString());
    assertRefused("'forest', which is not a kind of model; give network or", "--models", "forest");
    assertRefused("--models names no model; give network or trees", "--models", ",");
    assertRefused("put {date} where the day stands", "--days", "/data/today.csv");
    assertRefused("choose one of dd.MM.yyyy", "--dates", "d.M.yy");
    Path kinds = Files.writeString(folder.resolve("kinds.yaml"), "columns: {debt: many}\n");
    assertRefused("which is not a kind of column", "--columns", kinds.toString());
  }

  private void assertRefused(String sentence, String... more) throws Exception {
    String message = refusal(more);
    assertTrue(message.contains(sentence), message);
    assertTrue(message.matches("(?s).*[.?]"), message);
    assertFalse(Files.exists(output));
    try (Stream<Path> left = Files.list(loops)) {
      assertEquals(List.of(), left.toList());
    }
  }

  private String championOf(String model) throws Exception {
    return steps.result("load_latest_model", "--model", model).get("model_id").stringValue();
  }

  private JsonNode newLoop(String... more) throws Exception {
    return steps.result(words(more));
  }

  /** The sentence of a run that must end with 50. */
  private String refusal(String... more) throws Exception {
    StepProcess.Ended ended = steps.run(words(more));
    assertEquals(50, ended.exitCode(), ended.err());
    return ended.errorMessage();
  }

  /** A flag among the further ones takes the place of the usual one. */
  private String[] words(String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "new_loop",
                "--data",
                table.toString(),
                "--pretraining-epochs",
                "1",
                "--epochs",
                "3"));
    List<String> given = List.of(more);
    for (String[] usual :
        new String[][] {
          {"--target", "label"}, {"--output", output.toString()}, {"--loops", loops.toString()}
        }) {
      if (!given.contains(usual[0])) {
        words.addAll(List.of(usual));
      }
    }
    words.addAll(given);
    return words.toArray(String[]::new);
  }
}
