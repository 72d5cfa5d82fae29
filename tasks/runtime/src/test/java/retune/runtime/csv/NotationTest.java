package retune.runtime.csv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;

class NotationTest {
  @TempDir Path folder;

  @Test
  void aDecimalCommaIsReadWhereNoCommaSeparatesColumns() throws IOException {
    Read read = read("a;b\n1,5;x\n-1.234,25;y\nNA;z\n7;z\n");
    assertArrayEquals(
        new double[] {1.5, -1234.25, Double.NaN, 7},
        assertInstanceOf(Column.Numbers.class, read.table().column("a")).values());
    assertEquals(
        "4 rows of 2 columns, separated by semicolon, in UTF-8, decimal point and ISO dates but"
            + " for decimal comma in [a].",
        read.survey().description());
  }

  @Test
  void aQuotedCommaBetweenCommasIsNoDecimalComma() throws IOException {
    Read read = read("a,b\n\"1,5\",x\n\"1,234\",y\n");
    assertArrayEquals(new String[] {"1,5", "1,234"}, texts(read, "a"));
  }

  @Test
  void datesBecomeIsoWhereThereIsOneWayToReadThem() throws IOException {
    Read read = read("a,b,c\n3.4.2026,13/04/2026,2026/4/3\n04.12.2026,1/2/2026 9:30,\n");
    assertArrayEquals(new String[] {"2026-04-03", "2026-12-04"}, texts(read, "a"));
    assertArrayEquals(new String[] {"2026-04-13", "2026-02-01T09:30"}, texts(read, "b"));
    assertArrayEquals(new String[] {"2026-04-03", null}, texts(read, "c"));
  }

  @Test
  void theOrderOfDayAndMonthIsNotGuessed() throws IOException {
    Read read = read("a\n03/04/2026\n05/06/2026\n");
    assertArrayEquals(new String[] {"03/04/2026", "05/06/2026"}, texts(read, "a"));
    assertTrue(
        read.survey()
            .description()
            .contains("dd/MM/yyyy or MM/dd/yyyy, which is not guessed in [a]"),
        read.survey().description());
  }

  @Test
  void wordsStayWords() throws IOException {
    Read read = read("a|b\n1,x|12.13\n2,5|31.02.2026\n");
    assertArrayEquals(new String[] {"1,x", "2,5"}, texts(read, "a"));
    assertArrayEquals(new String[] {"12.13", "31.02.2026"}, texts(read, "b"));
  }

  @Test
  void theEncodingIsNamed() throws IOException {
    Path file = folder.resolve("latin.csv");
    Files.writeString(file, "größe\nklein\n", StandardCharsets.ISO_8859_1);
    Read read = read(file);
    assertEquals("größe", read.table().names().getFirst());
    assertTrue(read.survey().description().contains("in ISO-8859-1"), read.survey().description());
  }

  @Test
  void aPointGroupsThousandsWhereAnotherColumnShowsADecimalComma() throws IOException {
    String grouped = "a;b;c\n1,5;1.234;0.125\n2;12.000.000;1.5\n";
    Read read = read(grouped);
    assertArrayEquals(new double[] {1234, 12_000_000}, numbers(read, "b"));
    assertArrayEquals(new double[] {0.125, 1.5}, numbers(read, "c"), "no thousand begins with 0");
    Read without = read(grouped.replace("1,5", "15").replace("12.000.000", "12.500"));
    assertArrayEquals(new double[] {1.234, 12.5}, numbers(without, "b"));
  }

  @Test
  void aFewValuesWrittenOtherwiseStayAsTheyAre() throws IOException {
    Read read = read("a;b\n" + "1,5;31.12.2026\n".repeat(99) + "viel;bald\n");
    assertEquals(List.of("1.5", "viel"), ends(read, "a"));
    assertEquals(List.of("2026-12-31", "bald"), ends(read, "b"));
    Read more = read("a;b\n" + "1,5;31.12.2026\n".repeat(98) + "viel;bald\n".repeat(2));
    assertEquals(List.of("1,5", "viel"), ends(more, "a"));
    assertEquals(List.of("31.12.2026", "bald"), ends(more, "b"));
  }

  @Test
  void anInfiniteNumberIsRefusedInItsLine() throws IOException {
    for (String infinite : new String[] {"inf", "1,5e999"}) {
      InvalidInputException refused =
          assertThrows(InvalidInputException.class, () -> read("a;b\n1,5;x\n" + infinite + ";y\n"));
      assertTrue(
          String.valueOf(refused.getMessage()).startsWith("Line 3 of"), refused.getMessage());
    }
  }

  private record Read(CsvSurvey survey, Table table) {}

  private Read read(String content) throws IOException {
    return read(Files.writeString(folder.resolve("table.csv"), content));
  }

  private static Read read(Path file) {
    CsvSurvey survey = CsvTables.survey(file, CsvOptions.DETECT);
    return new Read(survey, CsvTables.readAll(file, CsvOptions.DETECT, survey));
  }

  private static double[] numbers(Read read, String column) {
    return assertInstanceOf(Column.Numbers.class, read.table().column(column)).values();
  }

  private static List<String> ends(Read read, String column) {
    String[] values = texts(read, column);
    return List.of(values[0], values[values.length - 1]);
  }

  private static String[] texts(Read read, String column) {
    return assertInstanceOf(Column.Texts.class, read.table().column(column)).values();
  }
}
