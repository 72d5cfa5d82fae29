package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import retune.testing.TestContext;
import retune.testing.TestStore;

/** The command lines that manual pages and the reference show as examples. */
class AboutExamplesTest {
  private static final Path TOP = Path.of("../..").toAbsolutePath().normalize();
  private static final Pattern MODEL_ID = Pattern.compile("credit-default-[0-9a-f]{12}");

  /** A day on which the champion reaches the gate. */
  private static final List<String> A_DAY =
      List.of(
          "register_distribution",
          "register_model",
          "load_latest_model",
          "generate_data",
          "process_data",
          "evaluate_model",
          "check_model_performance",
          "prepare_retraining_data",
          "send_evaluation_results",
          "validate_model");

  @TempDir Path folder;

  static Stream<String> steps() {
    return StepDefinition.names().stream();
  }

  @ParameterizedTest
  @MethodSource("steps")
  void eachExampleIsAcceptedByItsStep(String name) {
    StepDefinition step = StepDefinition.find(name).orElseThrow();
    InputReader reader = new InputReader(name, step.input());
    List<String> words = Arrays.asList(step.about().example().split(" "));

    reader.read("{}", CommandLine.parse(words, reader).inputs());

    words.stream()
        .filter(word -> word.startsWith("examples/"))
        .forEach(path -> assertTrue(Files.exists(TOP.resolve(path)), path));
  }

  @Test
  void theExamplesOfADayRunOneAfterAnother() throws Exception {
    try (TestStore store = TestStore.open()) {
      TestContext context =
          store.context().with(Map.of("RETUNE_DEPLOYMENT_DIR", folder.toString()));
      String champion = "";
      for (String name : A_DAY) {
        Record output = run(name, champion, context.task(name));
        if (name.equals("load_latest_model")) {
          champion = Json.MAPPER.valueToTree(output).get("model_id").stringValue();
          assertTrue(MODEL_ID.matcher(champion).matches(), champion);
        }
      }
      assertEquals(1, store.documents().collection("evaluation_events").countDocuments());
    }
  }

  /** Runs an example with the store's own champion and with absolute paths. */
  private static Record run(String name, String champion, TestContext context) throws Exception {
    StepDefinition step = StepDefinition.find(name).orElseThrow();
    InputReader reader = new InputReader(name, step.input());
    List<String> words =
        Arrays.stream(step.about().example().split(" "))
            .map(word -> word.startsWith("examples/") ? TOP.resolve(word).toString() : word)
            .map(word -> MODEL_ID.matcher(word).matches() ? champion : word)
            .toList();
    Map<String, String> inputs = new HashMap<>(CommandLine.parse(words, reader).inputs());
    return step.run(reader.read("{}", inputs), context);
  }
}
