package retune.runtime.csv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Column;

class NotationTest {
  @TempDir Path folder;

  @Test
  void aDecimalCommaIsReadWhereNoCommaSeparatesColumns() throws IOException {
    CsvTable read = read("a;b\n1,5;x\n-1.234,25;y\nNA;z\n7;z\n");
    assertArrayEquals(
        new double[] {1.5, -1234.25, Double.NaN, 7},
        assertInstanceOf(Column.Numbers.class, read.table().column("a")).values());
    assertEquals(
        "4 rows of 2 columns, separated by semicolon, in UTF-8, decimal point and ISO dates but"
            + " for decimal comma in [a].",
        read.description());
  }

  @Test
  void aQuotedCommaBetweenCommasIsNoDecimalComma() throws IOException {
    CsvTable read = read("a,b\n\"1,5\",x\n\"1,234\",y\n");
    assertArrayEquals(new String[] {"1,5", "1,234"}, texts(read, "a"));
  }

  @Test
  void datesBecomeIsoWhereThereIsOneWayToReadThem() throws IOException {
    CsvTable read = read("a,b,c\n3.4.2026,13/04/2026,2026/4/3\n04.12.2026,1/2/2026 9:30,\n");
    assertArrayEquals(new String[] {"2026-04-03", "2026-12-04"}, texts(read, "a"));
    assertArrayEquals(new String[] {"2026-04-13", "2026-02-01T09:30"}, texts(read, "b"));
    assertArrayEquals(new String[] {"2026-04-03", null}, texts(read, "c"));
  }

  @Test
  void theOrderOfDayAndMonthIsNotGuessed() throws IOException {
    CsvTable read = read("a\n03/04/2026\n05/06/2026\n");
    assertArrayEquals(new String[] {"03/04/2026", "05/06/2026"}, texts(read, "a"));
    assertTrue(
        read.description().contains("dd/MM/yyyy or MM/dd/yyyy, which is not guessed in [a]"),
        read.description());
  }

  @Test
  void wordsStayWords() throws IOException {
    CsvTable read = read("a|b\n1,x|12.13\n2,5|31.02.2026\n");
    assertArrayEquals(new String[] {"1,x", "2,5"}, texts(read, "a"));
    assertArrayEquals(new String[] {"12.13", "31.02.2026"}, texts(read, "b"));
  }

  @Test
  void theEncodingIsNamed() throws IOException {
    Path file = folder.resolve("latin.csv");
    Files.writeString(file, "größe\nklein\n", StandardCharsets.ISO_8859_1);
    CsvTable read = CsvTables.read(file, CsvOptions.DETECT);
    assertEquals("größe", read.table().names().getFirst());
    assertTrue(read.description().contains("in ISO-8859-1"), read.description());
  }

  private CsvTable read(String content) throws IOException {
    Path file = folder.resolve("table.csv");
    Files.writeString(file, content);
    return CsvTables.read(file, CsvOptions.DETECT);
  }

  private static String[] texts(CsvTable read, String column) {
    return assertInstanceOf(Column.Texts.class, read.table().column(column)).values();
  }
}
