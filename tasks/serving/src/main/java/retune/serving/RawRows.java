package retune.serving;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;

/** Rows as they arrive, one after the other, of the columns that a model reads. */
final class RawRows {
  /** A column's values so far: numbers alone, or whatever they are as text. */
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

  /** Whether the model reads a column of that name; other columns are let pass. */
  boolean reads(String column) {
    return columns.containsKey(column);
  }

  /** Rows that are whole. */
  int rows() {
    return rows;
  }

  /** A number of the row that is being read; NaN where its value is missing. */
  void add(String column, double number) {
    next(column).add(number);
  }

  /** A text of the row that is being read. */
  void add(String column, String text) {
    next(column).add(text);
  }

  /** What is said of a value that is neither a number nor a text, in the row being read. */
  Refusal noValue(String column) {
    return new Refusal(
        422,
        "Row %d has a list or an object in '%s'; send a number, a text or null."
            .formatted(rows, column));
  }

  /** Ends a row, which must have all columns. */
  void endRow() {
    List<String> lacking =
        columns.entrySet().stream()
            .filter(column -> column.getValue().size == rows)
            .map(Map.Entry::getKey)
            .toList();
    if (!lacking.isEmpty()) {
      throw new Refusal(
          422,
          "Row %d lacks %s; send every column that the model reads, with null where there is no value."
              .formatted(rows, lacking));
    }
    rows++;
  }

  Table table() {
    return new Table(
        columns.entrySet().stream()
            .map(column -> column.getValue().column(column.getKey()))
            .toList());
  }

  private Values next(String column) {
    Values values = columns.get(column);
    if (values == null) {
      throw new IllegalArgumentException(column);
    }
    if (values.size > rows) {
      throw new Refusal(400, "Row %d has '%s' twice; send it once.".formatted(rows, column));
    }
    return values;
  }
}
