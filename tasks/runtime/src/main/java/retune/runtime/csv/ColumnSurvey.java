package retune.runtime.csv;

import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.preprocessing.NumberText;

/**
 * Finds out what a column holds. It is read by a {@link Notation} where at least 99 % of its values
 * follow it; values that do not stay as they are, and are counted as unreadable later.
 */
final class ColumnSurvey {
  private static final double SHARE = 0.99;

  private final String name;
  private final boolean commas;
  private long present;
  private long missing;
  private boolean hasWord;
  private long withDecimalComma;
  private long numbersEitherWay;
  private boolean hasComma;
  private boolean hasPoint;
  private final long[] dates = new long[Notation.DATES.size()];
  private @Nullable InvalidInputException infinite;

  /**
   * What a column holds.
   *
   * @param notation null where it is written as the rest of Retune writes it
   */
  record Kind(boolean numbers, @Nullable Notation notation) {
    static final Kind NUMBERS = new Kind(true, null);
    static final Kind TEXT = new Kind(false, null);
  }

  /**
   * Begins with no value.
   *
   * @param commas whether a comma may stand for a decimal point: not where it separates columns
   */
  ColumnSurvey(String name, boolean commas) {
    this.name = name;
    this.commas = commas;
  }

  void add(String field, CsvFile file) {
    if (field.isEmpty()) {
      return;
    }
    present++;
    if (ColumnBuilder.isMissingNumber(field)) {
      missing++;
      return;
    }
    // Behind a word there may be numbers by a decimal comma alone.
    OptionalDouble number = commas || !hasWord ? NumberText.parse(field) : OptionalDouble.empty();
    if (number.isEmpty()) {
      hasWord = true;
      for (int i = 0; i < dates.length; i++) {
        dates[i] += Notation.DATES.get(i).read().apply(field) == null ? 0 : 1;
      }
    }
    if (commas) {
      hasComma |= field.indexOf(',') >= 0;
      hasPoint |= field.indexOf('.') >= 0;
      String read = Notation.DECIMAL_COMMA.read().apply(field);
      withDecimalComma += read == null ? 0 : 1;
      number = read == null ? number : NumberText.parse(read);
    }
    numbersEitherWay += number.isPresent() ? 1 : 0;
    if (infinite == null && Double.isInfinite(number.orElse(0))) {
      infinite = ColumnBuilder.noFiniteNumber(field, name, file);
    }
  }

  /** Whether numbers of this column are certainly written with a decimal comma. */
  boolean showsDecimalComma() {
    return hasComma && suits(withDecimalComma);
  }

  /**
   * What the column holds.
   *
   * @param commaElsewhere whether another column of the file shows a decimal comma: then {@code
   *     1.234} is a thousand, where every value can be read so
   * @throws InvalidInputException where it is a column of numbers with an infinite one
   */
  Kind kind(boolean commaElsewhere) {
    Kind kind = finiteOrNot(commaElsewhere);
    if (kind.numbers() && infinite != null) {
      throw infinite;
    }
    return kind;
  }

  private Kind finiteOrNot(boolean commaElsewhere) {
    long values = present - missing;
    boolean groups = commaElsewhere && hasPoint && withDecimalComma == values;
    if (groups || showsDecimalComma()) {
      return new Kind(numbersEitherWay == values, Notation.DECIMAL_COMMA);
    }
    if (values > 0 && !hasWord) {
      return Kind.NUMBERS;
    }
    List<Notation> ways =
        IntStream.range(0, dates.length)
            .filter(i -> suits(dates[i]))
            .mapToObj(Notation.DATES::get)
            .toList();
    return switch (ways.size()) {
      case 0 -> Kind.TEXT;
      case 1 -> new Kind(false, ways.getFirst());
      default -> new Kind(false, Notation.ambiguous(ways));
    };
  }

  private boolean suits(long read) {
    return read > 0 && present - missing - read <= (long) Math.floor((1 - SHARE) * present);
  }
}
