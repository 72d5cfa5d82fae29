package retune.runtime.csv;

import java.text.ParsePosition;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.ResolverStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import retune.core.preprocessing.DateText;
import retune.core.preprocessing.NumberText;

/**
 * How the numbers or dates of a column are written.
 *
 * @param name for people and for {@link retune.core.preprocessing.TableNotation}: {@code decimal
 *     comma}, {@code dd.MM.yyyy}
 * @param isPlain whether Retune itself writes so
 * @param read a value as Retune writes it; null where it is written otherwise
 */
record Notation(String name, boolean isPlain, Function<String, @Nullable String> read) {
  private static final Pattern DECIMAL_COMMA_NUMBER =
      Pattern.compile(
          "[-+]?((\\d+|[1-9]\\d{0,2}(\\.\\d{3})+)(,\\d+)?([eE][-+]?\\d+)?|(?i:inf|infinity))");

  static final Notation DECIMAL_POINT =
      new Notation("decimal point", true, text -> NumberText.parse(text).isPresent() ? text : null);

  /** Dots group thousands. */
  static final Notation DECIMAL_COMMA =
      new Notation("decimal comma", false, Notation::decimalComma);

  static final Notation ISO_DATES =
      new Notation("ISO 8601", true, text -> DateText.parse(text).isPresent() ? text : null);

  static final List<Notation> DATES =
      List.of(
          date("dd.MM.yyyy", "d.M.uuuu"),
          date("dd/MM/yyyy", "d/M/uuuu"),
          date("MM/dd/yyyy", "M/d/uuuu"),
          date("dd-MM-yyyy", "d-M-uuuu"),
          date("MM-dd-yyyy", "M-d-uuuu"),
          date("yyyy/MM/dd", "uuuu/M/d"));

  /** Dates that can be read in more than one way, and stay as they are. */
  static Notation ambiguous(List<Notation> ways) {
    return new Notation(
        String.join(" or ", ways.stream().map(Notation::name).toList()), false, _ -> null);
  }

  /** Whether the values are numbers. */
  boolean isNumeric() {
    return equals(DECIMAL_POINT) || equals(DECIMAL_COMMA);
  }

  /** Whether the values are dates that can be read in more than one way. */
  boolean isAmbiguous() {
    return name.contains(" or ");
  }

  /** The value as Retune writes it; as it is where it is written otherwise. */
  String rewrite(String value) {
    return Objects.requireNonNullElse(read.apply(value), value);
  }

  private static @Nullable String decimalComma(String text) {
    String trimmed = text.strip();
    return DECIMAL_COMMA_NUMBER.matcher(trimmed).matches()
        ? trimmed.replace(".", "").replace(',', '.')
        : null;
  }

  private static Notation date(String name, String pattern) {
    DateTimeFormatter format =
        DateTimeFormatter.ofPattern(pattern + "[[' ']['T']H:mm[:ss]]", Locale.ROOT)
            .withResolverStyle(ResolverStyle.STRICT);
    char separator = pattern.replaceAll("\\w", "").charAt(0);
    return new Notation(name, false, text -> isoDate(text.strip(), format, separator));
  }

  private static @Nullable String isoDate(String text, DateTimeFormatter format, char separator) {
    // Looked at first, because parsing each word of a long column is slow, and exceptions slower.
    int first = text.indexOf(separator);
    if (first < 1 || first > 4 || !Character.isDigit(text.charAt(0))) {
      return null;
    }
    ParsePosition end = new ParsePosition(0);
    TemporalAccessor fields = format.parseUnresolved(text, end);
    if (fields == null
        || end.getIndex() < text.length()
        || fields.getLong(ChronoField.MONTH_OF_YEAR) > 12) {
      return null;
    }
    try {
      return format.parseBest(text, LocalDateTime::from, LocalDate::from).toString();
    } catch (DateTimeException e) {
      return null;
    }
  }
}
