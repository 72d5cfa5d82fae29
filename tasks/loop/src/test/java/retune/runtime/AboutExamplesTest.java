package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The command lines that manual pages and the reference show as examples. */
class AboutExamplesTest {
  private static final Path TOP = Path.of("../..");

  static Stream<String> steps() {
    return StepDefinition.names().stream();
  }

  @ParameterizedTest
  @MethodSource("steps")
  void eachExampleIsAcceptedByItsStepAndNamesFilesThatExist(String name) {
    StepDefinition step = StepDefinition.find(name).orElseThrow();
    InputReader reader = new InputReader(name, step.input());
    List<String> words = Arrays.asList(step.about().example().split(" "));

    reader.read("{}", CommandLine.parse(words, reader).inputs());

    words.stream()
        .filter(word -> word.startsWith("examples/"))
        .forEach(path -> assertTrue(Files.exists(TOP.resolve(path)), path));
  }
}
