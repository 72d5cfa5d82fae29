package retune.core.distribution;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.core.data.Column;

/**
 * A feature column, coded as numbers for learning.
 *
 * @param text whether the values are texts
 * @param categories the distinct texts, in the order of {@link Category#inOrder}; empty for numbers
 *     and for many dates
 * @param values one per row: the number, the position of the text, or of many dates the {@link
 *     Days}; NaN if missing
 */
record CodedColumn(String name, boolean text, List<String> categories, double[] values) {
  /**
   * Codes a column.
   *
   * @param rowsOfClass {@code [class][i]}: the rows of each class
   * @throws InvalidInputException if a number is infinite, or there are too many distinct texts
   *     that are not dates
   */
  static CodedColumn of(Column column, int[][] rowsOfClass) {
    return switch (column) {
      case Column.Numbers(String name, double[] values) ->
          new CodedColumn(name, false, List.of(), finite(name, values));
      case Column.Texts texts when Days.ofMany(texts).isPresent() ->
          new CodedColumn(texts.name(), true, List.of(), Days.ofMany(texts).orElseThrow());
      case Column.Texts texts -> {
        List<String> categories = Category.inOrder(texts, rowsOfClass);
        yield new CodedColumn(texts.name(), true, categories, positions(texts, categories));
      }
    };
  }

  /** The fewest decimal places that represent all values; see {@link FeatureColumn#decimals}. */
  int decimals() {
    for (int decimals = 0; decimals <= FeatureColumn.MOST_DECIMALS; decimals++) {
      double scale = Math.pow(10, decimals);
      if (Arrays.stream(values)
          .allMatch(value -> Double.isNaN(value) || Math.rint(value * scale) / scale == value)) {
        return decimals;
      }
    }
    return FeatureColumn.ANY_DECIMALS;
  }

  double[] values(int[] rows) {
    return Arrays.stream(rows).mapToDouble(row -> values[row]).toArray();
  }

  private static double[] finite(String name, double[] values) {
    for (int row = 0; row < values.length; row++) {
      if (Double.isInfinite(values[row])) {
        throw new InvalidInputException(
            "Row " + row + " of column '" + name + "' is infinite; make it finite or missing.");
      }
    }
    // Adding 0 turns -0.0 into 0.0: the two are equal, but sort apart.
    return Arrays.stream(values).map(value -> value + 0.0).toArray();
  }

  private static double[] positions(Column.Texts texts, List<String> categories) {
    Map<String, Integer> positions = new HashMap<>();
    categories.forEach(text -> positions.put(text, positions.size()));
    return Arrays.stream(texts.values())
        .mapToDouble(
            text -> {
              Integer position = positions.get(text);
              return position == null ? Double.NaN : position;
            })
        .toArray();
  }
}
