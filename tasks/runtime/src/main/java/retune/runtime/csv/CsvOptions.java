package retune.runtime.csv;

import java.nio.charset.Charset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.preprocessing.ColumnType;
import retune.core.preprocessing.TableNotation;

/**
 * How a file of delimited text is written; what is null or empty is detected.
 *
 * @param delimiter the most frequent of {@code , ; tab |} in the header where null
 * @param encoding UTF-8 where null and the whole file is valid UTF-8, otherwise Latin-1
 * @param missing words that stand for a missing value in every column
 * @param decimal the decimal separator of numbers
 * @param dates the order of dates that are not ISO 8601, such as {@code dd/MM/yyyy}
 * @param types columns that hold numbers or dates whatever they look like; what cannot be read as
 *     such there is a word for a missing value
 * @param known how the model's table was written; a column is read so where its values allow it
 */
public record CsvOptions(
    @Nullable Character delimiter,
    @Nullable Charset encoding,
    List<String> missing,
    @Nullable Decimal decimal,
    @Nullable String dates,
    Map<String, ColumnType> types,
    @Nullable TableNotation known) {

  /** The decimal separator. */
  public enum Decimal {
    /** {@code 1234.5}. */
    POINT,
    /** {@code 1234,5}, also {@code 1.234,5}. */
    COMMA
  }

  /** Everything is detected. */
  public static final CsvOptions DETECT = new CsvOptions(null, null);

  public CsvOptions {
    missing = List.copyOf(missing);
    types = Map.copyOf(types);
    if (dates != null && Notation.DATES.stream().noneMatch(way -> way.name().equals(dates))) {
      throw new InvalidInputException(
          "Dates cannot be read as '%s'; choose one of %s. ISO 8601 dates are always read."
              .formatted(
                  dates, String.join(", ", Notation.DATES.stream().map(Notation::name).toList())));
    }
  }

  /** A stated delimiter and encoding; null is detected. */
  public CsvOptions(@Nullable Character delimiter, @Nullable Charset encoding) {
    this(delimiter, encoding, List.of(), null, null, Map.of(), null);
  }

  /** Reads a file as the table of a model was read; null where nothing is known of it. */
  public static CsvOptions as(@Nullable TableNotation known) {
    List<String> missing = known == null ? List.of() : known.missing();
    return new CsvOptions(null, null, missing, null, null, Map.of(), known);
  }

  /**
   * Reads a file as a person states; null and empty are detected.
   *
   * @param types see {@link CsvOptions}
   */
  public static CsvOptions stated(
      @Nullable List<String> missing,
      @Nullable Decimal decimal,
      @Nullable String dates,
      Map<String, ColumnType> types) {
    return new CsvOptions(
        null, null, Objects.requireNonNullElse(missing, List.of()), decimal, dates, types, null);
  }

  /** Whether the field has no value in a column of numbers or dates. */
  static boolean isMissing(String field, Set<String> words) {
    return MissingWords.contains(field) || words.contains(field);
  }
}
