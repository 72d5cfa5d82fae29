package retune.runtime.csv;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.csv.CSVRecord;
import retune.core.InvalidInputException;
import retune.core.data.Table;

/**
 * Reads tables from delimited text with a header (RFC 4180, also with {@code ; tab |} for the comma
 * and LF for CRLF). An empty field is a missing value, a blank line is skipped, space around a
 * field without quotes is ignored. A column holds numbers where every value is one, and text
 * otherwise; in a column of numbers {@code NA}, {@code N/A}, {@code NaN}, {@code null}, {@code
 * None} and {@code ?} are missing values, in text they are words. Numbers with a decimal comma
 * (where no comma separates columns) and dates in other orders than ISO 8601's are read too, column
 * by column, where nearly all values are written so and there is one way to read them; dates become
 * ISO 8601. Whole or in chunks, a file gives the same values.
 *
 * <p>Whatever makes the content doubtful is an {@link InvalidInputException} that names the file
 * and, where there is one, the line: a row with more or fewer fields than the header, no header, no
 * row, blank or repeated column names, an empty file, bytes that are no text, a row that never
 * ends, an infinite number.
 */
public final class CsvTables {
  private static final int CHUNK_ROWS = 1_000;

  private CsvTables() {}

  /** The whole table, at least one row. */
  public static Table readAll(Path file, CsvOptions options) {
    return readAll(file, options, survey(file, options));
  }

  /** The whole table, at least one row, by what is known of it. */
  public static Table readAll(Path file, CsvOptions options, CsvSurvey survey) {
    try (CsvChunks whole = new CsvChunks(new CsvFile(file, options), survey, Integer.MAX_VALUE)) {
      return whole.next();
    }
  }

  /** The same table in chunks of up to 1,000 rows, at least one. */
  public static CsvChunks stream(Path file, CsvOptions options, CsvSurvey survey) {
    return new CsvChunks(new CsvFile(file, options), survey, CHUNK_ROWS);
  }

  /** Reads the whole file once to find out how it is to be read; all that is doubtful is found. */
  public static CsvSurvey survey(Path file, CsvOptions options) {
    try (CsvFile csv = new CsvFile(file, options)) {
      List<ColumnSurvey> columns =
          csv.columns().stream()
              .map(name -> new ColumnSurvey(name, csv.delimiter() != ','))
              .toList();
      long rows = 0;
      for (; csv.hasNext(); rows++) {
        CSVRecord row = csv.next();
        for (int column = 0; column < columns.size(); column++) {
          columns.get(column).add(row.get(column), csv);
        }
      }
      boolean commas = columns.stream().anyMatch(ColumnSurvey::showsDecimalComma);
      Set<String> numbers = new TreeSet<>();
      Map<String, Notation> notations = new TreeMap<>();
      for (int column = 0; column < columns.size(); column++) {
        String name = csv.columns().get(column);
        ColumnSurvey.Kind kind = columns.get(column).kind(commas);
        if (kind.numbers()) {
          numbers.add(name);
        }
        if (kind.notation() != null) {
          notations.put(name, kind.notation());
        }
      }
      return new CsvSurvey(
          csv.columns(), numbers, notations, rows, csv.delimiter(), csv.encoding());
    }
  }
}
