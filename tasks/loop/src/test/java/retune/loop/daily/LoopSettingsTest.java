package retune.loop.daily;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.InvalidInputException;
import retune.loop.daily.LoopSettings.Section;

class LoopSettingsTest {
  /** The DAGs' reader of loop files has the same table. */
  private static final Path TABLE = Path.of("../../airflow/tests/retraining.txt");

  @TempDir Path folder;

  static Stream<Arguments> table() throws IOException {
    return Files.readAllLines(TABLE).stream()
        .filter(line -> !line.startsWith("#"))
        .map(line -> Arguments.of((Object[]) line.split("\t", -1)));
  }

  private LoopSettings read(String retraining) throws IOException {
    Files.writeString(
        folder.resolve("loop.yaml"), "name: churn\nretraining: %s\n".formatted(retraining));
    return LoopSettings.find("churn", List.of(folder));
  }

  @ParameterizedTest
  @MethodSource("table")
  void aSectionRetrainingIsReadOrRefusedWithItsSetting(String kind, String section)
      throws IOException {
    if (kind.equals("good")) {
      assertEquals("churn", read(section).name());
      return;
    }
    String sentence =
        String.valueOf(assertThrows(InvalidInputException.class, () -> read(section)).getMessage());
    String setting = kind.equals("retraining") ? kind : "retraining." + kind;
    assertTrue(sentence.contains("loop.yaml") && sentence.contains(setting), sentence);
  }

  @Test
  void whatIsLeftOutHasTheStepsDefault() throws IOException {
    LoopSettings settings = read("{triggers: [harm, weekly]}");
    assertEquals("[\"harm\",\"weekly\"]", settings.get(Section.RETRAINING, "triggers").toString());
    assertEquals(30, settings.get(Section.RETRAINING, "max_days_since_training").intValue());
    assertEquals("evaluate", settings.get(Section.RETRAINING, "on_drift").stringValue());
  }
}
