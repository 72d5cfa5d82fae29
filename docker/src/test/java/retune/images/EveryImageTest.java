package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.images.Containers.Ended;
import tools.jackson.databind.json.JsonMapper;

/** Tests that every step's image must pass. */
@Tag("images")
class EveryImageTest {
  static final Path CATALOGUE = Path.of("../airflow/dags/retune/catalogue.json");

  static List<String> steps() {
    return JsonMapper.shared().readTree(CATALOGUE).get("steps").properties().stream()
        .filter(step -> step.getValue().get("has_image").booleanValue())
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  /** All steps except services, which run until they are stopped. */
  static List<String> stepsThatEnd() {
    return steps().stream().filter(step -> !List.of("serving", "control").contains(step)).toList();
  }

  /** All images of steps; a step may have two. */
  static List<Image> images() {
    return Image.all(CATALOGUE).values().stream()
        .flatMap(List::stream)
        .filter(image -> image.family() == Family.LIGHT || image.family() == Family.LEARNING)
        .toList();
  }

  /** The arguments of the example in a step's manual page. */
  private static String[] example(String step) {
    return JsonMapper.shared()
        .readTree(CATALOGUE)
        .at("/steps/" + step + "/example")
        .stringValue()
        .split(" ");
  }

  /** With {@code AOTMode=on}, the JVM fails if the class archive does not fit. */
  @ParameterizedTest
  @MethodSource("images")
  void showsItsManualPageFromItsClassArchive(Image image) {
    Ended ended =
        Containers.runImage(
            image.name(), it -> it.withEnv("JAVA_TOOL_OPTIONS", "-XX:AOTMode=on"), "--help");

    assertEquals(0, ended.exitCode(), ended.log());
    String step = image.start().get(image.start().indexOf("retune.runtime.Main") + 1);
    assertTrue(ended.out().startsWith(step + " – "), ended.out());
  }

  /** The compressed size that a node pulls to run all steps of a family. */
  @ParameterizedTest
  @CsvSource({"light, 45", "learning, 190"})
  void allImagesOfAFamilyTogetherStaySmall(String family, int megabytes) throws IOException {
    long size = Files.size(Path.of("target/stage/tars/retune-" + family + ".tar"));
    assertTrue(size <= megabytes * 1_000_000L, family + " has " + size + " bytes");
  }

  /** One step of each family: the code is the same for all. */
  @ParameterizedTest
  @ValueSource(strings = {"evaluate_model", "finetune_model"})
  void refusesAFlagThatItDoesNotKnow(String step) {
    Ended ended = Containers.run(step, it -> {}, "--no-such-flag", "1");

    assertEquals(50, ended.exitCode(), ended.log());
    assertTrue(ended.errorMessage().contains("has no input 'no_such_flag'"), ended.errorMessage());
  }

  @ParameterizedTest
  @MethodSource("stepsThatEnd")
  void failsWithASentenceWithoutStoreAndFiles(String step) {
    Ended ended = Containers.run(step, it -> it.withEnv("RETUNE_STORE_WAIT", "0.2"), example(step));

    boolean readsAFile =
        step.equals("run_loop") // its loop file
            || step.equals("run_retraining")
            || Stream.of(example(step))
                .anyMatch(List.of("--data", "--path", "--weights")::contains);
    assertTrue(
        ended.exitCode() == 20 || (readsAFile && ended.exitCode() == 50),
        ended.out() + ended.log());
    assertFalse(ended.errorMessage().isBlank());
    assertEquals(1, ended.out().lines().count(), "one JSON object and nothing else");
  }
}
