package retune.loop.authoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Column;
import retune.core.distribution.HeldBackTexts;

/** Which texts are held back for days, and which are left for training. */
class SourceTableTest {
  private static final int SEEDS = 20;

  @TempDir Path folder;

  @Test
  void aClassKeepsEnoughRowsForTrainingHoweverManyOfItsTextsAreEqual() throws Exception {
    List<String> rows =
        List.of(
            different(40, "pin"),
            "lost,card\n".repeat(6) + different(2, "card"),
            "rate,rate\n".repeat(10));
    for (int seed = 0; seed < SEEDS; seed++) {
      SourceTable source = read(String.join("", rows), seed);
      Map<String, Long> held =
          heldBack(source).labels().stream()
              .collect(Collectors.groupingBy(label -> label, Collectors.counting()));
      assertEquals(8L, held.get("pin"));
      assertEquals(10L, source.classes().get("rate"), "its rows are one text");
      long left = source.classes().getOrDefault("card", 0L);
      assertTrue(left >= 4, left + " rows are left with seed " + seed);
      assertEquals(8 - left, held.getOrDefault("card", 0L));
    }
  }

  @Test
  void equalTextsStayTogetherWhereTheirLabelsDisagreeOrAreMissing() throws Exception {
    String rows =
        different(40, "pin")
            + different(40, "card")
            + different(4, "rare")
            + "disputed,pin\n".repeat(5)
            + "disputed,rare\n".repeat(3)
            + "shared,pin\nshared,card\n"
            + "half,card\nhalf,\n"
            + ",pin\n".repeat(9);
    Set<String> everHeld = new HashSet<>();
    for (int seed = 0; seed < SEEDS; seed++) {
      SourceTable source = read(rows, seed);
      List<String> held = heldBack(source).texts();
      Column texts = source.table().column("text");
      Set<String> both =
          IntStream.range(0, texts.rows())
              .filter(row -> !texts.isMissing(row))
              .mapToObj(row -> Objects.requireNonNull(texts.text(row)))
              .filter(held::contains)
              .collect(Collectors.toSet());
      assertEquals(Set.of(), both, "held back and in training with seed " + seed);
      everHeld.addAll(held);
    }
    assertTrue(everHeld.contains("shared"), "both its classes can spare it");
  }

  @Test
  void aTableWhoseClassesCanSpareNoTextIsRefused() {
    assertRefused(
        "No class of 'intent' can spare rows to draw days from: it needs at least 8 rows with a"
            + " text, and must keep 4",
        () -> read("lost,card\n".repeat(10) + different(7, "pin"), 0));
  }

  private static String different(int rows, String label) {
    return IntStream.range(0, rows)
        .mapToObj(row -> "%s %d,%s\n".formatted(label, row, label))
        .collect(Collectors.joining());
  }

  private static HeldBackTexts heldBack(SourceTable source) {
    return Objects.requireNonNull(source.heldBack());
  }

  private SourceTable read(String rows, int seed) throws IOException {
    Path table = Files.writeString(folder.resolve("table.csv"), "text,intent\n" + rows);
    return SourceTable.read(
        new NewLoop.Input(
            table.toString(),
            "intent",
            "text",
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            List.of(),
            null,
            null,
            seed,
            null,
            null,
            false));
  }
}
