package retune.runtime.csv;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.preprocessing.NumberText;

/** Collects the fields of one column. */
sealed interface ColumnBuilder {
  /** What stands for a missing value in a column of numbers, beside nothing at all. */
  Set<String> MISSING_NUMBERS = Set.of("NA", "N/A", "NaN", "nan", "null", "None", "?");

  /**
   * Adds one field.
   *
   * @param file where the field was read, for the message where it cannot be used
   */
  void add(String field, CsvFile file);

  Column build();

  static boolean isMissingNumber(String field) {
    return field.isBlank() || MISSING_NUMBERS.contains(field);
  }

  static InvalidInputException noFiniteNumber(String field, String column, CsvFile file) {
    return new InvalidInputException(
        file.where()
            + " has '"
            + field
            + "' in the column '"
            + column
            + "', which holds finite numbers; correct it or leave the field empty.");
  }

  /** A column of finite numbers. */
  final class Numbers implements ColumnBuilder {
    private final String name;
    private final @Nullable Notation notation;
    private double[] values = new double[1_000];
    private int rows;

    Numbers(String name, @Nullable Notation notation) {
      this.name = name;
      this.notation = notation;
    }

    @Override
    public void add(String field, CsvFile file) {
      if (rows == values.length) {
        values = Arrays.copyOf(values, 2 * rows);
      }
      values[rows++] = isMissingNumber(field) ? Double.NaN : number(field, file);
    }

    @Override
    public Column build() {
      return new Column.Numbers(name, Arrays.copyOf(values, rows));
    }

    private double number(String field, CsvFile file) {
      OptionalDouble number = NumberText.parse(notation == null ? field : notation.rewrite(field));
      if (number.isEmpty() || Double.isInfinite(number.getAsDouble())) {
        throw noFiniteNumber(field, name, file);
      }
      return number.getAsDouble();
    }
  }

  /** A column of text. */
  final class Texts implements ColumnBuilder {
    private final String name;
    private final @Nullable Notation notation;
    private final List<@Nullable String> values = new ArrayList<>();

    Texts(String name, @Nullable Notation notation) {
      this.name = name;
      this.notation = notation;
    }

    @Override
    public void add(String field, CsvFile file) {
      if (field.isEmpty()) {
        values.add(null);
      } else {
        values.add(notation == null ? field : notation.rewrite(field));
      }
    }

    @Override
    public Column build() {
      return new Column.Texts(name, values.toArray(new @Nullable String[0]));
    }
  }
}
