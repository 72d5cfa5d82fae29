package retune.core.distribution;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.core.data.Column;

/**
 * A text of a column that is learned.
 *
 * @param rows rows that have it
 * @param classes sum of their class indices
 */
record Category(String text, long rows, long classes) {
  /** Different texts of a column; one that has more holds names or sentences, not categories. */
  private static final int MOST = 1_000;

  /**
   * The texts of a column, ordered by the mean class index of their rows, so that a category's
   * position says something that a correlation can carry.
   */
  static List<String> inOrder(Column.Texts column, int[][] rowsOfClass) {
    Map<String, Category> found = new HashMap<>();
    for (int label = 0; label < rowsOfClass.length; label++) {
      for (int row : rowsOfClass[label]) {
        String text = column.values()[row];
        if (text != null) {
          found.merge(text, new Category(text, 1, label), Category::plus);
        }
      }
    }
    if (found.size() > MOST) {
      throw new InvalidInputException(
          "Column '"
              + column.name()
              + "' has "
              + found.size()
              + " different texts; exclude it, or group them until at most "
              + MOST
              + " are left.");
    }
    return found.values().stream()
        .sorted(Comparator.comparingDouble(Category::meanClass).thenComparing(Category::text))
        .map(Category::text)
        .toList();
  }

  private Category plus(Category other) {
    return new Category(text, rows + other.rows, classes + other.classes);
  }

  private double meanClass() {
    return (double) classes / rows;
  }
}
