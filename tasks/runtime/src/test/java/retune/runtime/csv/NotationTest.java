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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.preprocessing.ColumnType;
import retune.core.preprocessing.TableNotation;
import retune.runtime.csv.CsvOptions.Decimal;

class NotationTest {
  @TempDir Path folder;

  @Test
  void aDecimalCommaIsReadWhereNoCommaSeparatesColumns() throws IOException {
    Read read = read("a;b\n1,5;x\n-1.234,25;y\nNA;z\n7;z\n");
    assertArrayEquals(
        new double[] {1.5, -1234.25, Double.NaN, 7},
        assertInstanceOf(Column.Numbers.class, read.table().column("a")).values());
    assertEquals(
        "4 rows of 2 columns, separated by semicolons, in UTF-8. Numbers in 'a': decimal comma."
            + " Read as missing: 'NA' (1) in 'a'.",
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
    assertEquals(
        List.of(
            "The dates in column 'a' are not read, because they could be dd/MM/yyyy or MM/dd/yyyy;"
                + " state the order with --dates."),
        List.copyOf(read.survey().doubts().values()));
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
    Read read = read(file, CsvOptions.DETECT);
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

  @Test
  void theUsualWordsAreMissingAmongNumbersAndDates() throws IOException {
    String[] words = {"k.A.", "n/a", "-", "N.A.", "#NV", "keine Angabe", "NULL"};
    StringBuilder text = new StringBuilder("betrag;tag;iso;wort\n");
    for (int row = 0; row < 100; row++) {
      String word = row % 20 == 0 ? words[row / 20] : null;
      text.append(word == null ? "1.%03d,5".formatted(row) : word).append(';');
      text.append(word == null ? "%02d.11.2026".formatted(1 + row % 28) : word).append(';');
      text.append(word == null ? "2026-11-%02d".formatted(1 + row % 28) : word).append(';');
      text.append(word == null ? "rot" : word).append('\n');
    }
    Read read = read(text.toString());
    assertEquals(5, Arrays.stream(numbers(read, "betrag")).filter(Double::isNaN).count());
    assertEquals(1001.5, numbers(read, "betrag")[1]);
    for (String dates : List.of("tag", "iso")) {
      String[] values = texts(read, dates);
      assertEquals(5, Arrays.stream(values).filter(Objects::isNull).count(), dates);
      assertEquals("2026-11-02", values[1]);
    }
    assertEquals("k.A.", texts(read, "wort")[0], "among words it may mean something");
    assertEquals(Map.of(), read.survey().doubts());
  }

  @Test
  void columnsThatAreNearlyNumbersOrDatesAreDoubtful() throws IOException {
    String text = "a;b\n" + "1,5;31.12.2026\n".repeat(96) + "offen;bald\n".repeat(4);
    assertEquals(
        List.of(
            "Column 'a' is read as text, but 96.0 % of its values are numbers (decimal comma); the"
                + " others are 'offen' (4). If those stand for a missing value, name them with"
                + " --missing, or declare the column as numeric in columns.yaml.",
            "Column 'b' is read as text, but 96.0 % of its values are dates (dd.MM.yyyy); the"
                + " others are 'bald' (4). If those stand for a missing value, name them with"
                + " --missing, or declare the column as date in columns.yaml."),
        List.copyOf(read(text).survey().doubts().values()));
    Read named = read(text, CsvOptions.stated(List.of("offen", "bald"), null, null, Map.of()));
    assertEquals(Map.of(), named.survey().doubts());
    assertEquals(Double.NaN, numbers(named, "a")[99]);
    assertEquals(null, texts(named, "b")[99]);
    Read typed =
        read(
            text,
            CsvOptions.stated(
                null, null, null, Map.of("a", ColumnType.NUMERIC, "b", ColumnType.DATE)));
    assertArrayEquals(numbers(named, "a"), numbers(typed, "a"));
    assertArrayEquals(texts(named, "b"), texts(typed, "b"));
  }

  @Test
  void aStatedMissingWordIsMissingAmongWordsToo() throws IOException {
    Read read = read("a;b\nrot;1\n-;2\n", CsvOptions.stated(List.of("-"), null, null, Map.of()));
    assertArrayEquals(new String[] {"rot", null}, texts(read, "a"));
  }

  @Test
  void aStatedOrderOfDayAndMonthIsRead() throws IOException {
    Read read =
        read("a\n03/04/2026\n05/06/2026\n", CsvOptions.stated(null, null, "MM/dd/yyyy", Map.of()));
    assertArrayEquals(new String[] {"2026-03-04", "2026-05-06"}, texts(read, "a"));
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class, () -> CsvOptions.stated(null, null, "d.M.yy", Map.of()));
    assertTrue(String.valueOf(refused.getMessage()).contains("MM/dd/yyyy"), refused.getMessage());
  }

  @Test
  void aStatedDecimalSeparatorIsRead() throws IOException {
    String quoted = "a,b\n\"1,5\",1.234\n\"2,25\",2.000\n";
    Read comma = read(quoted, CsvOptions.stated(null, Decimal.COMMA, null, Map.of()));
    assertArrayEquals(new double[] {1.5, 2.25}, numbers(comma, "a"));
    assertArrayEquals(new double[] {1234, 2000}, numbers(comma, "b"));
    Read point = read(quoted, CsvOptions.stated(null, Decimal.POINT, null, Map.of()));
    assertArrayEquals(new String[] {"1,5", "2,25"}, texts(point, "a"));
    assertArrayEquals(new double[] {1.234, 2}, numbers(point, "b"));
  }

  @Test
  void aLaterFileIsReadAsTheModelsTableWas() throws IOException {
    CsvSurvey first =
        read(
                "a;b;c;d\n" + "1,5;13/12/2026;2.5;x\n".repeat(98) + "offen;;;\n".repeat(2),
                CsvOptions.stated(List.of("offen"), null, null, Map.of()))
            .survey();
    TableNotation notation = Objects.requireNonNull(first.notation());
    Read few = read("a;b;c;d\n1.234;03/04/2026;1.500;offen\n", CsvOptions.as(notation));
    assertArrayEquals(new double[] {1234}, numbers(few, "a"));
    assertArrayEquals(new String[] {"2026-04-03"}, texts(few, "b"));
    assertArrayEquals(new double[] {1.5}, numbers(few, "c"));
    assertArrayEquals(new String[] {null}, texts(few, "d"));
    Read otherwise = read("a,b,c,d\n1.25,2026-04-03,2,x\n", CsvOptions.as(notation));
    assertArrayEquals(new double[] {1.25}, numbers(otherwise, "a"));
    assertArrayEquals(new String[] {"2026-04-03"}, texts(otherwise, "b"));
    Read mistyped = read("a;b;c;d\n1,5;;;\n2,5;;;\n1,x;;;\n", CsvOptions.as(notation));
    assertArrayEquals(new String[] {"1.5", "2.5", "1,x"}, texts(mistyped, "a"));
    assertEquals(null, read("a,b\n1.5,2026-04-03\n").survey().notation());
  }

  private record Read(CsvSurvey survey, Table table) {}

  private Read read(String content) throws IOException {
    return read(content, CsvOptions.DETECT);
  }

  private Read read(String content, CsvOptions options) throws IOException {
    return read(Files.writeString(folder.resolve("table.csv"), content), options);
  }

  private static Read read(Path file, CsvOptions options) {
    CsvSurvey survey = CsvTables.survey(file, options);
    return new Read(survey, CsvTables.readAll(file, options, survey));
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
