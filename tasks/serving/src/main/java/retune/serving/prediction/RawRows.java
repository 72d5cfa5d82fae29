package retune.serving.prediction;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.runtime.http.Refusal;

/** Collects the rows of a request, value by value, for the columns that a model reads. */
final class RawRows {
  /** The values of a column so far: as numbers, or as text once one of them is text. */
  private static final class Values {
    private double[] numbers = new double[1];
    private @Nullable String @Nullable [] texts;
    private int size;

    void add(double number) {
      makeRoom();
      numbers[size] = number;
      if (texts != null) {
        texts[size] = new Column.Numbers("", new double[] {number}).text(0);
      }
      size++;
    }

    void add(String text) {
      makeRoom();
      if (texts == null) {
        texts = new String[numbers.length];
        Column before = new Column.Numbers("", numbers);
        for (int row = 0; row < size; row++) {
          texts[row] = before.text(row);
        }
      }
      texts[size++] = text;
    }

    private void makeRoom() {
      if (size == numbers.length) {
        numbers = Arrays.copyOf(numbers, 2 * size);
        texts = texts == null ? null : Arrays.copyOf(texts, 2 * size);
      }
    }

    Column column(String name) {
      return texts == null
          ? new Column.Numbers(name, Arrays.copyOf(numbers, size))
          : new Column.Texts(name, Arrays.copyOf(texts, size));
    }
  }

  private final Map<String, Values> columns = new LinkedHashMap<>();
  private int rows;

  RawRows(List<String> columns) {
    columns.forEach(name -> this.columns.put(name, new Values()));
  }

  /** Whether the model reads this column; other columns are ignored. */
  boolean reads(String column) {
    return columns.containsKey(column);
  }

  /** The number of complete rows. */
  int rows() {
    return rows;
  }

  /** Adds a number to the current row; NaN if the value is missing. */
  void add(String column, double number) {
    next(column).add(number);
  }

  /** Adds a text to the current row. */
  void add(String column, String text) {
    next(column).add(text);
  }

  /** The refusal of a value that is neither a number nor a text, in the current row. */
  Refusal noValue(String column) {
    return new Refusal(
        422,
        "Row %d has an array or an object in '%s'; send a number, a string or null."
            .formatted(rows, column));
  }

  /** Completes the current row, which must have all columns. */
  void endRow() {
    List<String> lacking = new ArrayList<>();
    columns.forEach(
        (name, values) -> {
          if (values.size == rows) {
            lacking.add(name);
          }
        });
    if (!lacking.isEmpty()) {
      throw new Refusal(
          422,
          "Row %d lacks %s; send every column that the model reads, with null for a missing value."
              .formatted(rows, lacking));
    }
    rows++;
  }

  Table table() {
    List<Column> table = new ArrayList<>(columns.size());
    columns.forEach((name, values) -> table.add(values.column(name)));
    return new Table(table);
  }

  private Values next(String column) {
    Values values = columns.get(column);
    if (values == null) {
      throw new IllegalArgumentException(column);
    }
    if (values.size > rows) {
      throw new Refusal(
          400, "Row %d has the column '%s' twice; send it once.".formatted(rows, column));
    }
    return values;
  }
}
