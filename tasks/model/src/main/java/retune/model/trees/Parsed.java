package retune.model.trees;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * A value in a parsed file, with its place for messages.
 *
 * @param value a map, a list, a {@code double[]}, a text, a number or a boolean; null if absent
 * @param place dotted path from the file's root
 */
record Parsed(@Nullable Object value, String place, String source) {
  Parsed get(String key) {
    Object inner = value instanceof Map<?, ?> object ? object.get(key) : null;
    return new Parsed(inner, place.isEmpty() ? key : place + "." + key, source);
  }

  boolean isPresent() {
    return value != null;
  }

  String text() {
    if (value instanceof String text) {
      return text;
    }
    throw wrong("a text");
  }

  /** A whole number, which XGBoost may write as a text. */
  int integer() {
    try {
      return value instanceof Number number
          ? Math.toIntExact(number.longValue())
          : Integer.parseInt(text());
    } catch (NumberFormatException | ArithmeticException e) {
      throw wrong("a whole number");
    }
  }

  List<Parsed> list() {
    if (!(value instanceof List<?> list)) {
      throw wrong("an array");
    }
    return IntStream.range(0, list.size())
        .mapToObj(i -> new Parsed(list.get(i), "%s[%d]".formatted(place, i), source))
        .toList();
  }

  double[] numbers() {
    return switch (value) {
      case double[] numbers -> numbers;
      case List<?> list -> list.stream().mapToDouble(this::number).toArray();
      case null, default -> throw wrong("an array of numbers");
    };
  }

  int[] integers() {
    return Arrays.stream(numbers()).mapToInt(this::integer).toArray();
  }

  private double number(@Nullable Object element) {
    return switch (element) {
      case Number number -> number.doubleValue();
      case Boolean flag -> flag ? 1 : 0;
      case null, default -> throw wrong("an array of numbers");
    };
  }

  private int integer(double number) {
    if (number != (int) number) {
      throw wrong("an array of whole numbers");
    }
    return (int) number;
  }

  private InvalidInputException wrong(String expected) {
    return new InvalidInputException(
        "%s: '%s' is %s; it must be %s. Save the model again with the library that trained it."
            .formatted(source, place, value == null ? "absent" : "of another type", expected));
  }
}
