package retune.core.preprocessing;

import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;
import retune.core.data.Column;

/** Numbers written as text: decimal, with an optional sign, fraction and exponent. */
public final class NumberText {
  private static final Set<String> INFINITY = Set.of("inf", "infinity");

  private NumberText() {}

  /**
   * The number that the text represents, without surrounding space; empty if it is not a number.
   * {@code nan}, {@code inf} and {@code infinity} in upper or lower case are numbers. Hexadecimal
   * numbers and digit grouping are not accepted.
   */
  public static OptionalDouble parse(String text) {
    String trimmed = text.strip();
    if (trimmed.isEmpty()) {
      return OptionalDouble.empty();
    }
    for (int i = 0; i < trimmed.length(); i++) {
      if ("0123456789.+-eE".indexOf(trimmed.charAt(i)) < 0) {
        return parseName(trimmed.toLowerCase(Locale.ROOT));
      }
    }
    try {
      return OptionalDouble.of(Double.parseDouble(trimmed));
    } catch (NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }

  /** The number as a numeric column prints it: {@code 2} for 2.0. */
  static String of(double number) {
    return String.valueOf(new Column.Numbers("", new double[] {number}).text(0));
  }

  private static OptionalDouble parseName(String text) {
    if (text.equals("nan")) {
      return OptionalDouble.of(Double.NaN);
    }
    boolean negative = text.startsWith("-");
    String unsigned = negative || text.startsWith("+") ? text.substring(1) : text;
    if (!INFINITY.contains(unsigned)) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(negative ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY);
  }
}
