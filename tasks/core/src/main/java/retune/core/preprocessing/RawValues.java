package retune.core.preprocessing;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;

/** Reads a raw column as text, numbers or dates; rejects rows whose value cannot be read. */
final class RawValues {
  private RawValues() {}

  /** The values as text; null if missing. Blank text is missing. */
  static @Nullable String[] texts(Column column) {
    @Nullable String[] texts = new @Nullable String[column.rows()];
    for (int row = 0; row < texts.length; row++) {
      texts[row] = text(column, row);
    }
    return texts;
  }

  /** The values that are not missing, as text. */
  static List<String> present(Column column) {
    List<String> present = new ArrayList<>();
    for (int row = 0; row < column.rows(); row++) {
      String text = text(column, row);
      if (text != null) {
        present.add(text);
      }
    }
    return present;
  }

  /** The values as finite numbers; NaN where missing or rejected. */
  static double[] numbers(Column column, Rejections rejections) {
    double[] numbers = new double[column.rows()];
    for (int row = 0; row < numbers.length; row++) {
      double number = number(column, row, rejections);
      if (Double.isInfinite(number)) {
        rejections.reject(row, Outcome.INFINITE, column.name());
        number = Double.NaN;
      }
      numbers[row] = number;
    }
    return numbers;
  }

  /** The values as dates; null where missing or rejected. A column of numbers has no dates. */
  static @Nullable LocalDateTime[] dates(Column column, Rejections rejections) {
    @Nullable LocalDateTime[] dates = new @Nullable LocalDateTime[column.rows()];
    for (int row = 0; row < dates.length; row++) {
      String text = text(column, row);
      if (text != null) {
        Optional<LocalDateTime> date = DateText.parse(text);
        if (date.isEmpty()) {
          rejections.reject(row, Outcome.WRONG_TYPE, column.name());
        }
        dates[row] = date.orElse(null);
      }
    }
    return dates;
  }

  private static @Nullable String text(Column column, int row) {
    String text = column.text(row);
    return text == null || text.isBlank() ? null : text;
  }

  private static double number(Column column, int row, Rejections rejections) {
    if (column instanceof Column.Numbers numbers) {
      return numbers.values()[row];
    }
    String text = text(column, row);
    if (text == null) {
      return Double.NaN;
    }
    OptionalDouble number = NumberText.parse(text);
    if (number.isEmpty()) {
      rejections.reject(row, Outcome.WRONG_TYPE, column.name());
    }
    return number.orElse(Double.NaN);
  }
}
