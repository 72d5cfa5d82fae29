package retune.runtime.csv;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVRecord;
import retune.core.InvalidInputException;
import retune.core.data.Table;

/**
 * Reads tables from delimited text with a header (RFC 4180, also with {@code ; tab |} as separator
 * and LF as line end). An empty field is a missing value, a blank line is skipped, space around an
 * unquoted field is ignored.
 *
 * <p>A column holds numbers where every value is one, and text otherwise. In a column of numbers or
 * dates the {@linkplain MissingWords usual words} ({@code NA}, {@code n/a}, {@code -}, {@code
 * k.A.}) are missing values; in text they are words. Numbers with a decimal comma (where no comma
 * separates columns, unless stated) and dates in other orders than ISO 8601's are read column by
 * column, where at least 99 % of the values are written so and there is one way to read them; dates
 * become ISO 8601. Whole or in chunks, a file gives the same values.
 *
 * <p>Doubtful content is an {@link InvalidInputException} that names the file and, where there is
 * one, the line: a row with more or fewer fields than the header, no header, no row, blank or
 * repeated column names, an empty file, binary data, a row that never ends, an infinite number.
 */
public final class CsvTables {
  private static final int CHUNK_ROWS = 1_000;

  private CsvTables() {}

  /** The whole table, at least one row. */
  public static Table readAll(Path file, CsvOptions options) {
    return readAll(file, options, survey(file, options));
  }

  /** The whole table, at least one row, read as the survey found it written. */
  public static Table readAll(Path file, CsvOptions options, CsvSurvey survey) {
    try (CsvChunks whole = new CsvChunks(new CsvFile(file, options), survey, Integer.MAX_VALUE)) {
      return whole.next();
    }
  }

  /** The same table in chunks of up to 1,000 rows, at least one. */
  public static CsvChunks stream(Path file, CsvOptions options, CsvSurvey survey) {
    return new CsvChunks(new CsvFile(file, options), survey, CHUNK_ROWS);
  }

  /**
   * Copies some rows of a file, each field as it is written there.
   *
   * @param rows positions, ascending, the first row being 0
   * @param columns the columns to copy
   */
  public static void copy(
      Path file, CsvOptions options, int[] rows, Set<String> columns, Appendable to)
      throws IOException {
    try (CsvFile csv = new CsvFile(file, options)) {
      int[] copied =
          IntStream.range(0, csv.columns().size())
              .filter(column -> columns.contains(csv.columns().get(column)))
              .toArray();
      CSVFormat format = CSVFormat.RFC4180.builder().setDelimiter(csv.delimiter()).get();
      append(to, format, Arrays.stream(copied).mapToObj(csv.columns()::get));
      int position = 0;
      for (int row : rows) {
        for (; position < row; position++) {
          csv.next();
        }
        CSVRecord fields = csv.next();
        position++;
        append(to, format, Arrays.stream(copied).mapToObj(fields::get));
      }
    }
  }

  private static void append(Appendable to, CSVFormat format, Stream<String> fields)
      throws IOException {
    to.append(format.format(fields.toArray())).append('\n');
  }

  /** Reads the whole file once to find out how it is written; refuses all doubtful content. */
  public static CsvSurvey survey(Path file, CsvOptions options) {
    try (CsvFile csv = new CsvFile(file, options)) {
      List<ColumnSurvey> columns =
          csv.columns().stream()
              .map(name -> new ColumnSurvey(name, csv.delimiter(), options))
              .toList();
      long rows = 0;
      for (; csv.hasNext(); rows++) {
        CSVRecord row = csv.next();
        for (int column = 0; column < columns.size(); column++) {
          columns.get(column).add(row.get(column), csv);
        }
      }
      boolean commas = columns.stream().anyMatch(ColumnSurvey::showsDecimalComma);
      return new CsvSurvey(
          columns.stream().map(column -> column.surveyed(commas)).toList(),
          rows,
          csv.delimiter(),
          csv.encoding(),
          options.missing());
    }
  }
}
