package retune.runtime.csv;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.time.format.ResolverStyle;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.preprocessing.NumberText;

/**
 * How numbers and dates are written in a column of text, where that is neither {@code 1234.5} nor
 * ISO 8601. A column is rewritten where at least 99 % of its values follow one notation; values
 * that do not stay as they are, and are counted as unreadable later.
 *
 * @param name for people: {@code decimal comma}, {@code dd.MM.yyyy}
 */
record Notation(String name, Function<String, @Nullable String> read) {
  private static final double SHARE = 0.99;
  private static final Pattern DECIMAL_COMMA =
      Pattern.compile("[-+]?(\\d+|\\d{1,3}(\\.\\d{3})+)(,\\d+)?([eE][-+]?\\d+)?");

  private static final Notation COMMA = new Notation("decimal comma", Notation::decimalComma);
  private static final List<Notation> DATES =
      List.of(
          date("dd.MM.yyyy", "d.M.uuuu"),
          date("dd/MM/yyyy", "d/M/uuuu"),
          date("MM/dd/yyyy", "M/d/uuuu"),
          date("dd-MM-yyyy", "d-M-uuuu"),
          date("MM-dd-yyyy", "M-d-uuuu"),
          date("yyyy/MM/dd", "uuuu/M/d"));

  /**
   * A column as the rest of Retune reads it, and what was seen.
   *
   * @param notation null where the column is as it was
   */
  record Read(Column column, @Nullable String notation) {}

  /**
   * Reads a column.
   *
   * @param commas whether a comma may stand for a decimal point: not where it separates columns
   */
  static Read read(Column.Texts column, boolean commas) {
    List<String> present = Arrays.stream(column.values()).filter(Objects::nonNull).toList();
    boolean hasComma = present.stream().anyMatch(text -> text.indexOf(',') >= 0);
    if (commas && hasComma && COMMA.suits(present)) {
      return new Read(numbers(COMMA.rewrite(column)), COMMA.name);
    }
    List<Notation> dates = DATES.stream().filter(notation -> notation.suits(present)).toList();
    return switch (dates.size()) {
      case 0 -> new Read(column, null);
      case 1 -> new Read(dates.getFirst().rewrite(column), dates.getFirst().name);
      default ->
          new Read(
              column,
              String.join(" or ", dates.stream().map(Notation::name).toList())
                  + ", which is not guessed");
    };
  }

  private boolean suits(List<String> present) {
    if (present.isEmpty()) {
      return false;
    }
    long unread = 0;
    long allowed = (long) Math.floor((1 - SHARE) * present.size());
    for (String text : present) {
      unread += ColumnBuilder.isMissingNumber(text) || read.apply(text) != null ? 0 : 1;
      if (unread > allowed) { // most columns show it in their first rows
        return false;
      }
    }
    return present.stream().anyMatch(text -> read.apply(text) != null);
  }

  private Column.Texts rewrite(Column.Texts column) {
    @Nullable String[] values =
        Arrays.stream(column.values())
            .map(text -> text == null ? null : Objects.requireNonNullElse(read.apply(text), text))
            .toArray(String[]::new);
    return new Column.Texts(column.name(), values);
  }

  /** Numbers where every value is one; words for a missing number are none. */
  private static Column numbers(Column.Texts column) {
    double[] numbers = new double[column.rows()];
    for (int row = 0; row < numbers.length; row++) {
      String text = column.values()[row];
      if (text == null || ColumnBuilder.isMissingNumber(text)) {
        numbers[row] = Double.NaN;
      } else {
        numbers[row] = NumberText.parse(text).orElse(Double.NaN);
        if (!Double.isFinite(numbers[row])) {
          return column;
        }
      }
    }
    return new Column.Numbers(column.name(), numbers);
  }

  private static @Nullable String decimalComma(String text) {
    String trimmed = text.strip();
    return DECIMAL_COMMA.matcher(trimmed).matches()
        ? trimmed.replace(".", "").replace(',', '.')
        : null;
  }

  private static Notation date(String name, String pattern) {
    DateTimeFormatter format =
        DateTimeFormatter.ofPattern(pattern + "[[' ']['T']H:mm[:ss]]", Locale.ROOT)
            .withResolverStyle(ResolverStyle.STRICT);
    return new Notation(name, text -> isoDate(text.strip(), format));
  }

  private static @Nullable String isoDate(String text, DateTimeFormatter format) {
    // Looked at first, because an exception for each value of a long column of words is slow.
    if (text.length() < "1.1.2026".length() || !Character.isDigit(text.charAt(0))) {
      return null;
    }
    try {
      return format.parseBest(text, LocalDateTime::from, LocalDate::from).toString();
    } catch (DateTimeParseException e) {
      return null;
    }
  }
}
