package retune.core.distribution;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.core.data.Column;

/**
 * A distinct text of a column, with the counts that order it.
 *
 * @param rows number of rows with this text
 * @param classes sum of the class indices of these rows
 */
record Category(String text, long rows, long classes) {
  /** Greatest number of distinct texts; a column with more holds names or sentences. */
  static final int MOST = 1_000;

  /**
   * The distinct texts of a column, ordered by the mean class index of their rows. A category's
   * position is then related to the class, which a correlation can express.
   *
   * @param rowsOfClass {@code [class][i]}: the rows of each class
   * @throws InvalidInputException if the column has more than {@value #MOST} distinct texts
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
