package retune.loop.daily;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.InvalidInputException;
import retune.runtime.Json;

/** The DAGs' parser is tested on the same files: {@code airflow/tests/test_settings_file.py}. */
class YamlFileTest {
  private static final Path FILES = Path.of("../../airflow/tests/loop-files");

  static Stream<Path> read() throws IOException {
    return files("read");
  }

  static Stream<Path> refused() throws IOException {
    return files("refused");
  }

  @ParameterizedTest
  @MethodSource("read")
  void aFileHasTheValuesOfYaml12(Path file) throws IOException {
    assertEquals(
        Json.MAPPER.readTree(beside(file, ".json")).toPrettyString(),
        YamlFile.read(file).toPrettyString());
  }

  @ParameterizedTest
  @MethodSource("refused")
  void aFileIsRefusedWithItsLineAndKey(Path file) throws IOException {
    String sentence = refusal(file);
    assertTrue(sentence.startsWith(file.toString()), sentence);
    assertTrue(sentence.contains(beside(file, ".txt").strip()), sentence);
    assertTrue(sentence.endsWith("."), sentence);
  }

  @Test
  void whatIsNoFileIsRefused(@TempDir Path folder) throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("l.yaml"), folder.resolve("gone"));
    assertEquals(link + ": is a link to a file that does not exist.", refusal(link));
    assertEquals(folder + ": is not a regular file.", refusal(folder));
    Path tooLong = Files.writeString(folder.resolve("long.yaml"), "# comment\n".repeat(7_000));
    assertEquals(tooLong + ": is larger than 65536 bytes.", refusal(tooLong));
  }

  private static Stream<Path> files(String folder) throws IOException {
    try (Stream<Path> files = Files.list(FILES.resolve(folder))) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList().stream();
    }
  }

  private static String beside(Path file, String ending) throws IOException {
    return Files.readString(Path.of(file.toString().replace(".yaml", ending)));
  }

  private static String refusal(Path file) {
    return String.valueOf(
        assertThrows(InvalidInputException.class, () -> YamlFile.read(file)).getMessage());
  }
}
