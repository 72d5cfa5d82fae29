package retune.runtime.csv;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.preprocessing.ColumnType;
import retune.core.preprocessing.NumberText;
import retune.core.preprocessing.TableNotation.ColumnNotation;
import retune.runtime.csv.CsvOptions.Decimal;
import retune.runtime.csv.SurveyedColumn.Doubt;

/**
 * Finds out what a column holds. It is read by a {@link Notation} where at least 99 % of its values
 * follow it; values that do not stay as they are, and are counted as unreadable later. A column
 * whose type is stated needs half of its values only, and the others are missing.
 */
final class ColumnSurvey {
  private static final double SHARE = 0.99;
  private static final double DOUBTFUL_SHARE = 0.5;
  private static final int DOUBTFUL_ROWS = 20;
  private static final int MOST_WORDS = 100;

  private final String name;
  private final CsvOptions options;
  private final @Nullable ColumnNotation known;
  private final @Nullable ColumnType stated;
  private final boolean commas;
  private final List<Notation> dateNotations;

  /** Missing in whatever the column holds. */
  private final Set<String> missingEverywhere;

  /** Missing where the column holds numbers or dates, beside the usual words. */
  private final Set<String> missing;

  private final Map<String, Long> missingSeen = new HashMap<>();
  private final Map<String, Long> words = new LinkedHashMap<>();
  private long values;
  private long unread;
  private boolean hasComma;
  private boolean hasPoint;
  private long plainNumbers;
  private long withDecimalComma;
  private long numbersEitherWay;
  private final long[] dates;
  private @Nullable InvalidInputException infinite;

  /**
   * Begins with no value.
   *
   * @param delimiter of the file: where it is a comma, a decimal comma must be stated or known
   */
  ColumnSurvey(String name, char delimiter, CsvOptions options) {
    this.name = name;
    this.options = options;
    known = options.known() == null ? null : options.known().column(name).orElse(null);
    stated = options.types().get(name);
    commas =
        options.decimal() == Decimal.COMMA
            || (known != null && known.notation().equals(Notation.DECIMAL_COMMA.name()))
            || (options.decimal() == null && (delimiter != ',' || stated == ColumnType.NUMERIC));
    missingEverywhere = Set.copyOf(options.missing());
    missing = new HashSet<>(missingEverywhere);
    if (known != null) {
      missing.addAll(known.missing());
    }
    dateNotations =
        Stream.concat(
                Stream.of(Notation.ISO_DATES),
                Notation.DATES.stream()
                    .filter(way -> options.dates() == null || way.name().equals(options.dates())))
            .toList();
    dates = new long[dateNotations.size()];
  }

  void add(String field, CsvFile file) {
    if (field.isEmpty()) {
      return;
    }
    if (CsvOptions.isMissing(field, missing)) {
      missingSeen.merge(field, 1L, Long::sum);
      return;
    }
    values++;
    OptionalDouble number = NumberText.parse(field);
    plainNumbers += number.isPresent() ? 1 : 0;
    boolean isRead = number.isPresent();
    if (!isRead) {
      for (int i = 0; i < dates.length; i++) {
        if (dateNotations.get(i).read().apply(field) != null) {
          dates[i]++;
          isRead = true;
        }
      }
    }
    hasComma |= field.indexOf(',') >= 0;
    hasPoint |= field.indexOf('.') >= 0;
    String comma = Notation.DECIMAL_COMMA.read().apply(field);
    if (comma != null) {
      withDecimalComma++;
      isRead = true;
      number = commas ? NumberText.parse(comma) : number;
    }
    numbersEitherWay += number.isPresent() ? 1 : 0;
    if (infinite == null && Double.isInfinite(number.orElse(0))) {
      infinite = ColumnBuilder.noFiniteNumber(field, name, file);
    }
    if (!isRead) {
      unread++;
      if (words.size() < MOST_WORDS || words.containsKey(field)) {
        words.merge(field, 1L, Long::sum);
      }
    }
  }

  /** Whether numbers of this column are certainly written with a decimal comma. */
  boolean showsDecimalComma() {
    return commas && hasComma && suits(withDecimalComma);
  }

  /**
   * What the column holds.
   *
   * @param commaElsewhere whether another column of the file shows a decimal comma: then {@code
   *     1.234} is a thousand, where every value can be read so
   * @throws InvalidInputException where it is a column of numbers with an infinite one
   */
  SurveyedColumn surveyed(boolean commaElsewhere) {
    SurveyedColumn found = found(commaElsewhere);
    if (found.numbers() && infinite != null) {
      throw infinite;
    }
    return found;
  }

  private SurveyedColumn found(boolean commaElsewhere) {
    Notation asBefore = known();
    if (asBefore != null && (values == 0 ? asBefore.isNumeric() : suits(count(asBefore)))) {
      return written(asBefore, missing);
    }
    SurveyedColumn detected = detected(commaElsewhere);
    if (detected.notation() != null) {
      return detected;
    }
    if (asBefore != null && isMostly(asBefore)) {
      return written(asBefore, missing);
    }
    Notation stated = stated();
    return stated != null && isMostly(stated) && wordsAreAllOthersThan(stated)
        ? withoutWords(stated)
        : detected;
  }

  /** The other words stand for a missing value. */
  private SurveyedColumn withoutWords(Notation notation) {
    Set<String> all = new HashSet<>(missing);
    all.addAll(words.keySet());
    words.forEach((word, count) -> missingSeen.merge(word, count, Long::sum));
    return new SurveyedColumn(name, notation.isNumeric(), notation, all, missingSeen, null);
  }

  private SurveyedColumn detected(boolean commaElsewhere) {
    boolean groups =
        commas
            && (commaElsewhere || options.decimal() == Decimal.COMMA)
            && hasPoint
            && withDecimalComma == values;
    if (values > 0 && (groups || showsDecimalComma())) {
      return written(Notation.DECIMAL_COMMA, missing);
    }
    if (values > 0 && suits(plainNumbers)) {
      return written(Notation.DECIMAL_POINT, missing);
    }
    List<Notation> ways = dateNotations.stream().filter(way -> suits(count(way))).toList();
    return switch (ways.size()) {
      case 0 -> text();
      case 1 -> written(ways.getFirst(), missing);
      default -> written(Notation.ambiguous(ways), missing);
    };
  }

  /** The notation of the model's table. */
  private @Nullable Notation known() {
    return Stream.of(
            Stream.of(Notation.DECIMAL_POINT, Notation.DECIMAL_COMMA, Notation.ISO_DATES),
            Notation.DATES.stream())
        .flatMap(ways -> ways)
        .filter(way -> known != null && way.name().equals(known.notation()))
        .findFirst()
        .orElse(null);
  }

  /** The likeliest notation of the stated type. */
  private @Nullable Notation stated() {
    return stated == ColumnType.NUMERIC
        ? likelierNumbers()
        : stated == ColumnType.DATE ? likeliestDates() : null;
  }

  private Notation likelierNumbers() {
    return commas && hasComma && withDecimalComma >= plainNumbers
        ? Notation.DECIMAL_COMMA
        : Notation.DECIMAL_POINT;
  }

  private Notation likeliestDates() {
    long most = dateNotations.stream().mapToLong(this::count).max().orElse(0);
    List<Notation> ways = dateNotations.stream().filter(way -> count(way) == most).toList();
    return ways.size() == 1 || most == 0 ? ways.getFirst() : Notation.ambiguous(ways);
  }

  private boolean isMostly(Notation notation) {
    return count(notation) > 0 && count(notation) >= DOUBTFUL_SHARE * values;
  }

  /** Whether each value that is not written so is one of the words, of which there are few. */
  private boolean wordsAreAllOthersThan(Notation notation) {
    return unread == values - count(notation)
        && unread == words.values().stream().mapToLong(Long::longValue).sum();
  }

  private SurveyedColumn written(Notation notation, Set<String> absent) {
    boolean numbers =
        notation.isNumeric()
            && (notation.equals(Notation.DECIMAL_COMMA) ? numbersEitherWay : plainNumbers)
                == values;
    return new SurveyedColumn(name, numbers, notation, absent, missingSeen, null);
  }

  private SurveyedColumn text() {
    Map<String, Long> seen = new HashMap<>(missingSeen);
    seen.keySet().retainAll(missingEverywhere);
    return new SurveyedColumn(name, false, null, missingEverywhere, seen, doubt());
  }

  private @Nullable Doubt doubt() {
    List<Notation> ways =
        Stream.concat(
                Stream.of(Notation.DECIMAL_POINT, Notation.DECIMAL_COMMA), dateNotations.stream())
            .toList();
    Notation best = ways.getFirst();
    for (Notation way : ways) {
      best = count(way) > count(best) ? way : best;
    }
    long read = count(best);
    if (values < DOUBTFUL_ROWS || read < DOUBTFUL_SHARE * values) {
      return null;
    }
    String what =
        (best.isNumeric() ? "numbers" : "dates") + (best.isPlain() ? "" : " (" + best.name() + ")");
    return new Doubt(what, (double) read / values, words);
  }

  private long count(Notation notation) {
    if (notation.equals(Notation.DECIMAL_POINT)) {
      return plainNumbers;
    }
    if (notation.equals(Notation.DECIMAL_COMMA)) {
      return withDecimalComma;
    }
    int date = dateNotations.indexOf(notation);
    return date < 0 ? 0 : dates[date];
  }

  private boolean suits(long read) {
    return read > 0 && values - read <= (long) Math.floor((1 - SHARE) * values);
  }
}
