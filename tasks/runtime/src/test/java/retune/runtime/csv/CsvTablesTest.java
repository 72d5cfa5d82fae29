package retune.runtime.csv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;

class CsvTablesTest {
  @TempDir Path folder;

  @Test
  void columnsAreNumbersWhereEveryValueIsOne() {
    Table table = read("a,b,c\n1,x,\n-2.5e3,2,7\n,,\n");
    assertArrayEquals(new double[] {1, -2500, Double.NaN}, numbers(table, "a"));
    assertArrayEquals(new String[] {"x", "2", null}, texts(table, "b"));
    assertArrayEquals(new double[] {Double.NaN, 7, Double.NaN}, numbers(table, "c"));
  }

  @Test
  void wordsForMissingAreMissingAmongNumbersAndWordsAmongWords() {
    Table table = read("a,b,c\n1,NA,NA\nNA,x,?\n?,null,null\nNaN,y,None\n");
    assertArrayEquals(new double[] {1, Double.NaN, Double.NaN, Double.NaN}, numbers(table, "a"));
    assertArrayEquals(new String[] {"NA", "x", "null", "y"}, texts(table, "b"));
    assertArrayEquals(new String[] {"NA", "?", "null", "None"}, texts(table, "c"));
  }

  @Test
  void copiedRowsAreWrittenAsTheyWere() throws IOException {
    Path file = folder.resolve("copied.csv");
    Files.writeString(
        file,
        "id;amount;note;label\r\n"
            + "1;1.234,5;\"a;b\r\n"
            + "c\";x\n\n"
            + "2;;\"say \"\"hi\"\"\";\n"
            + "3;7; y ;z\n"
            + "4;8;w;z\n");
    StringBuilder copied = new StringBuilder();
    CsvTables.copy(
        file, CsvOptions.DETECT, new int[] {0, 1, 3}, Set.of("amount", "note", "label"), copied);
    assertEquals(
        "amount;note;label\n1.234,5;\"a;b\r\nc\";x\n\"\";\"say \"\"hi\"\"\";\n8;w;z\n",
        copied.toString());
  }

  @Test
  void oneRowIsATable() {
    assertEquals(1, read("a\n5").rows());
  }

  @ParameterizedTest
  @ValueSource(strings = {",", ";", "\t", "|"})
  void theDelimiterIsFoundInTheHeader(String delimiter) {
    Table table = read("a_b_\",;|\t,;|\t\"_d\n1_2_3_4\n".replace("_", delimiter));
    assertEquals(4, table.columns().size());
  }

  @Test
  void theDelimiterCanBeStated() throws IOException {
    CsvOptions pipes = new CsvOptions('|', null);
    Table table = CsvTables.readAll(write("a,b|c\n1|2\n", StandardCharsets.UTF_8), pipes);
    assertEquals(List.of("a,b", "c"), table.names());
  }

  @Test
  void quotesHoldDelimitersLineBreaksAndQuotes() {
    Table table = read("a,b\r\n\"x,\r\ny\",\"say \"\"no\"\"\"\r\n");
    assertArrayEquals(new String[] {"x,\r\ny"}, texts(table, "a"));
    assertArrayEquals(new String[] {"say \"no\""}, texts(table, "b"));
  }

  @Test
  void spaceAroundFieldsIsIgnoredUnlessQuoted() {
    Table table = read("a , b\n x , \" y \"\n");
    assertArrayEquals(new String[] {"x"}, texts(table, "a"));
    assertArrayEquals(new String[] {" y "}, texts(table, "b"));
  }

  @Test
  void aByteOrderMarkIsNoPartOfTheFirstName() {
    assertEquals(List.of("Größe", "b"), read("\uFEFFGröße,b\n1,2\n").names());
  }

  @Test
  void whatIsNoUtf8IsReadAsLatin1() throws IOException {
    Path file = write("name\nMüller\n", StandardCharsets.ISO_8859_1);
    assertArrayEquals(
        new String[] {"Müller"}, texts(CsvTables.readAll(file, CsvOptions.DETECT), "name"));
  }

  @Test
  void aCharacterAcrossTheDetectionsBufferIsStillUtf8() throws IOException {
    for (int padding = (1 << 16) - 12; padding < (1 << 16); padding++) {
      Path file = write("name\n" + "x".repeat(padding) + "€€\n", StandardCharsets.UTF_8);
      assertEquals(StandardCharsets.UTF_8, CsvEncoding.detect(file), "padding " + padding);
    }
    Path cut = write("name\n", StandardCharsets.UTF_8);
    Files.write(cut, Arrays.copyOf("name\n€".getBytes(StandardCharsets.UTF_8), 7));
    assertEquals(StandardCharsets.ISO_8859_1, CsvEncoding.detect(cut), "half a character");
  }

  @Test
  void aStatedEncodingIsHeld() throws IOException {
    Path file = write("name\nMüller\n", StandardCharsets.ISO_8859_1);
    assertRefused(
        "is not valid in the encoding stated",
        () -> CsvTables.readAll(file, new CsvOptions(null, StandardCharsets.UTF_8)));
  }

  @Test
  void streamedChunksHoldTheWholeTable() throws IOException {
    String text =
        IntStream.range(0, 2_500)
            .mapToObj(row -> row + "," + (row % 7 == 0 ? "" : "w" + row) + "\n")
            .reduce("n,w\n", String::concat);
    Path file = write(text, StandardCharsets.UTF_8);
    Table whole = CsvTables.readAll(file, CsvOptions.DETECT);
    List<Table> chunks = new ArrayList<>();
    try (CsvChunks stream = stream(file)) {
      stream.forEachRemaining(chunks::add);
    }
    assertEquals(List.of(1_000, 1_000, 500), chunks.stream().map(Table::rows).toList());
    assertArrayEquals(
        numbers(whole, "n"),
        chunks.stream().flatMapToDouble(chunk -> Arrays.stream(numbers(chunk, "n"))).toArray());
    assertArrayEquals(
        texts(whole, "w"),
        chunks.stream().flatMap(chunk -> Arrays.stream(texts(chunk, "w"))).toArray());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      value = {
        "''                        ~ is empty",
        "'\n\n'                    ~ is empty",
        "'a,b\n'                   ~ has a header but no rows",
        "'a,b\n1,2\n1\n'           ~ Line 3 of",
        "'a,b\n1,2\n1\n'           ~ has 1 fields, but the header has 2",
        "'a,b\n1,2\n\n\n1,2,3'     ~ Line 5 of",
        "'a,a\n1,2\n'              ~ has two columns 'a'",
        "'a,,c\n1,2,3\n'           ~ Column 2 of",
        "'1,20000,2\n2,30000,1\n'  ~ has no header",
        "'a,b\n1,2\n1,inf\n'       ~ Line 3 of",
        "'a,b\n1,2\n1,1e999\n'     ~ has '1e999' in the column 'b'",
        "'a,b\n1,\"2\n1,3\n'       ~ has a quote that nothing closes",
        "'a,b\n1,\"2\"x\n1,3\n'     ~ Line 2 of",
        "'a,b\n1,\0\n'             ~ is not text"
      })
  void doubtfulContentIsRefusedByFileAndLine(String text, String words) {
    assertRefused(words, () -> read(text));
    assertRefused(folder.resolve("table.csv").toString(), () -> read(text));
  }

  @Test
  void aWordThatCameIntoAColumnOfNumbersSinceTheSurveyIsRefused() throws IOException {
    CsvSurvey before =
        CsvTables.survey(write("a,b\n1,2\n", StandardCharsets.UTF_8), CsvOptions.DETECT);
    Path file = write("a,b\n1,2\nx,3\n", StandardCharsets.UTF_8);
    try (CsvChunks stream = CsvTables.stream(file, CsvOptions.DETECT, before)) {
      assertRefused("Line 3 of '" + file + "' has 'x' in the column 'a'", stream::next);
    }
  }

  @Test
  void aRowThatNeverEndsIsRefusedBeforeItFillsTheMemory() throws IOException {
    Path file = write("a,b\n1,\"" + "x\n".repeat(RowLimitReader.LIMIT), StandardCharsets.UTF_8);
    assertRefused("is a quote opened", () -> CsvTables.readAll(file, CsvOptions.DETECT));
  }

  @Test
  void anAbsentFileIsRefused() {
    assertRefused(
        "There is no file", () -> CsvTables.readAll(folder.resolve("none"), CsvOptions.DETECT));
    assertRefused("There is no file", () -> CsvTables.readAll(folder, CsvOptions.DETECT));
  }

  private static CsvChunks stream(Path file) {
    return CsvTables.stream(file, CsvOptions.DETECT, CsvTables.survey(file, CsvOptions.DETECT));
  }

  private Table read(String text) {
    try {
      return CsvTables.readAll(write(text, StandardCharsets.UTF_8), CsvOptions.DETECT);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Path write(String text, Charset encoding) throws IOException {
    return Files.writeString(folder.resolve("table.csv"), text, encoding);
  }

  private static double[] numbers(Table table, String column) {
    return ((Column.Numbers) table.column(column)).values();
  }

  private static String[] texts(Table table, String column) {
    return ((Column.Texts) table.column(column)).values();
  }

  private static void assertRefused(String words, Executable read) {
    String message = String.valueOf(assertThrows(InvalidInputException.class, read).getMessage());
    assertTrue(message.contains(words), message);
  }
}
