package retune.core.preprocessing;

import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;

/** Short ways to write down tables. */
final class Tables {
  static final double MISSING = Double.NaN;

  private Tables() {}

  static Table of(Column... columns) {
    return new Table(List.of(columns));
  }

  static Column numbers(String name, double... values) {
    return new Column.Numbers(name, values);
  }

  static Column numbers(String name, int rows, IntToDoubleFunction value) {
    return new Column.Numbers(name, IntStream.range(0, rows).mapToDouble(value).toArray());
  }

  static Column texts(String name, @Nullable String... values) {
    return new Column.Texts(name, values);
  }

  static Column texts(String name, int rows, IntFunction<@Nullable String> value) {
    return new Column.Texts(name, IntStream.range(0, rows).mapToObj(value).toArray(String[]::new));
  }
}
