package retune.core.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A named column of raw values, some of which may be missing. */
public sealed interface Column {
  String name();

  int rows();

  boolean isMissing(int row);

  /** The value as text, or null if it is missing. Whole numbers have no fraction. */
  @Nullable String text(int row);

  /** The given rows, in that order. */
  Column select(int[] rows);

  /** The values of columns, one after the other, under the first one's name. */
  static Column joined(List<Column> parts) {
    String name = parts.getFirst().name();
    if (parts.stream().allMatch(Numbers.class::isInstance)) {
      return new Numbers(
          name,
          parts.stream()
              .flatMapToDouble(part -> Arrays.stream(((Numbers) part).values()))
              .toArray());
    }
    return new Texts(
        name,
        parts.stream()
            .flatMap(part -> IntStream.range(0, part.rows()).mapToObj(part::text))
            .toArray(String[]::new));
  }

  /** Numbers; NaN is missing. */
  record Numbers(String name, double[] values) implements Column {
    @Override
    public int rows() {
      return values.length;
    }

    @Override
    public boolean isMissing(int row) {
      return Double.isNaN(values[row]);
    }

    @Override
    public @Nullable String text(int row) {
      double value = values[row];
      if (Double.isNaN(value)) {
        return null;
      }
      return value == Math.rint(value) && Math.abs(value) < 1e15
          ? Long.toString((long) value)
          : Double.toString(value);
    }

    @Override
    public Numbers select(int[] rows) {
      return new Numbers(name, Arrays.stream(rows).mapToDouble(row -> values[row]).toArray());
    }
  }

  /** Text; null is missing. */
  record Texts(String name, @Nullable String[] values) implements Column {
    @Override
    public int rows() {
      return values.length;
    }

    @Override
    public boolean isMissing(int row) {
      return values[row] == null;
    }

    @Override
    public @Nullable String text(int row) {
      return values[row];
    }

    @Override
    public Texts select(int[] rows) {
      @Nullable String[] selected = new @Nullable String[rows.length];
      for (int i = 0; i < rows.length; i++) {
        selected[i] = values[rows[i]];
      }
      return new Texts(name, selected);
    }
  }
}
