package retune.runtime.csv;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.commons.csv.CSVRecord;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.preprocessing.NumberText;

/**
 * Reads tables from delimited text with a header (RFC 4180, also with {@code ; tab |} for the comma
 * and LF for CRLF). An empty field is a missing value, a blank line is skipped, space around a
 * field without quotes is ignored. A column holds numbers where every value is one, and text
 * otherwise; in a column of numbers {@code NA}, {@code N/A}, {@code NaN}, {@code null}, {@code
 * None} and {@code ?} are missing values, in text they are words.
 *
 * <p>Whatever makes the content doubtful is an {@link InvalidInputException} that names the file
 * and, where there is one, the line: a row with more or fewer fields than the header, no header, no
 * row, blank or repeated column names, an empty file, bytes that are no text, a row that never
 * ends, an infinite number.
 */
public final class CsvTables {
  private static final int CHUNK_ROWS = 1_000;

  /**
   * What a file holds.
   *
   * @param numbers the columns of numbers
   */
  public record Survey(Set<String> numbers, long rows) {}

  private CsvTables() {}

  /** {@link #read} without how the file is written. */
  public static Table readAll(Path file, CsvOptions options) {
    return read(file, options).table();
  }

  /**
   * The whole table, at least one row. Numbers with a decimal comma (where no comma separates
   * columns) and dates in other orders than ISO 8601's are read too, column by column, where nearly
   * all values are written so and there is one way to read them; dates become ISO 8601.
   */
  public static CsvTable read(Path file, CsvOptions options) {
    Set<String> numbers = numberColumns(file, options);
    try (CsvFile csv = new CsvFile(file, options);
        CsvChunks whole = new CsvChunks(csv, numbers, Integer.MAX_VALUE)) {
      Map<String, String> notations = new LinkedHashMap<>();
      List<Column> columns = new ArrayList<>();
      for (Column column : whole.next().columns()) {
        if (column instanceof Column.Texts texts) {
          Notation.Read read = Notation.read(texts, csv.delimiter() != ',');
          columns.add(read.column());
          if (read.notation() != null) {
            notations.put(column.name(), read.notation());
          }
        } else {
          columns.add(column);
        }
      }
      return new CsvTable(new Table(columns), csv.delimiter(), csv.encoding(), notations);
    }
  }

  /**
   * The table in chunks of up to 1,000 rows, at least one.
   *
   * @param numbers the columns of numbers; a value that is none is an error there
   */
  public static CsvChunks stream(Path file, CsvOptions options, Set<String> numbers) {
    return new CsvChunks(new CsvFile(file, options), numbers, CHUNK_ROWS);
  }

  /** The columns that hold numbers, found by reading the whole file. */
  public static Set<String> numberColumns(Path file, CsvOptions options) {
    return survey(file, options).numbers();
  }

  /** What one reading of a whole file tells. */
  public static Survey survey(Path file, CsvOptions options) {
    try (CsvFile csv = new CsvFile(file, options)) {
      boolean[] hasNumber = new boolean[csv.columns().size()];
      boolean[] hasWord = new boolean[csv.columns().size()];
      long rows = 0;
      for (; csv.hasNext(); rows++) {
        CSVRecord row = csv.next();
        for (int column = 0; column < hasWord.length; column++) {
          String field = row.get(column);
          if (!hasWord[column] && !ColumnBuilder.isMissingNumber(field)) {
            boolean isNumber = NumberText.parse(field).isPresent();
            hasNumber[column] |= isNumber;
            hasWord[column] = !isNumber;
          }
        }
      }
      Set<String> numbers = new TreeSet<>();
      for (int column = 0; column < hasWord.length; column++) {
        if (hasNumber[column] && !hasWord[column]) {
          numbers.add(csv.columns().get(column));
        }
      }
      return new Survey(numbers, rows);
    }
  }
}
