package retune.core.distribution;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.core.data.Column;

/**
 * A column to be learned, as numbers.
 *
 * @param text whether the values are texts
 * @param categories the different texts, in order; empty for numbers
 * @param values one a row: the number, or the position of the text; NaN is missing
 */
record CodedColumn(String name, boolean text, List<String> categories, double[] values) {
  /** An {@link InvalidInputException} where a number is infinite or texts are too many. */
  static CodedColumn of(Column column, int[][] rowsOfClass) {
    return switch (column) {
      case Column.Numbers(String name, double[] values) ->
          new CodedColumn(name, false, List.of(), finite(name, values));
      case Column.Texts texts -> {
        List<String> categories = Category.inOrder(texts, rowsOfClass);
        yield new CodedColumn(texts.name(), true, categories, positions(texts, categories));
      }
    };
  }

  /** The fewest places after the point that all values have, see {@link FeatureColumn#decimals}. */
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
    // Adding zero turns -0.0 into 0.0, which sorts apart although it is equal.
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
