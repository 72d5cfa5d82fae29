package retune.runtime.csv;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.preprocessing.NumberText;

/** Collects the fields of one column. */
sealed interface ColumnBuilder {
  /**
   * Adds one field.
   *
   * @param file where the field was read, for the error message
   */
  void add(String field, CsvFile file);

  /** The column of all fields added. */
  Column build();

  /** A builder for a column that holds what the survey found. */
  static ColumnBuilder of(SurveyedColumn column) {
    return column.numbers() ? new Numbers(column) : new Texts(column);
  }

  /** The error for a field that is not a finite number. */
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
    private final SurveyedColumn column;
    private double[] values = new double[1_000];
    private int rows;

    private Numbers(SurveyedColumn column) {
      this.column = column;
    }

    @Override
    public void add(String field, CsvFile file) {
      if (rows == values.length) {
        values = Arrays.copyOf(values, 2 * rows);
      }
      values[rows++] = column.isMissing(field) ? Double.NaN : number(field, file);
    }

    @Override
    public Column build() {
      return new Column.Numbers(column.name(), Arrays.copyOf(values, rows));
    }

    private double number(String field, CsvFile file) {
      OptionalDouble number = NumberText.parse(column.rewritten(field));
      if (number.isEmpty() || Double.isInfinite(number.getAsDouble())) {
        throw noFiniteNumber(field, column.name(), file);
      }
      return number.getAsDouble();
    }
  }

  /** A column of text. */
  final class Texts implements ColumnBuilder {
    private final SurveyedColumn column;
    private final List<@Nullable String> values = new ArrayList<>();

    private Texts(SurveyedColumn column) {
      this.column = column;
    }

    @Override
    public void add(String field, CsvFile file) {
      values.add(column.isMissing(field) ? null : column.rewritten(field));
    }

    @Override
    public Column build() {
      return new Column.Texts(column.name(), values.toArray(new @Nullable String[0]));
    }
  }
}
