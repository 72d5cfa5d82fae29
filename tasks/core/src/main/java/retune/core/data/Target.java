package retune.core.data;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * The column that a model predicts.
 *
 * @param classes the labels' values as text; a class index is a position in this list
 * @param positive the positive class of two classes; null for more than two
 */
public record Target(String column, List<String> classes, @Nullable String positive) {
  /** The class index of a row without a label. */
  public static final int UNLABELLED = -1;

  public Target {
    classes = List.copyOf(classes);
    if (classes.size() < 2) {
      throw new InvalidInputException(
          "The target '" + column + "' has the classes " + classes + "; at least two are needed.");
    }
    if (positive != null && !classes.contains(positive)) {
      throw new InvalidInputException(
          "The positive class '"
              + positive
              + "' is not a value of '"
              + column
              + "'; its values are "
              + classes
              + ".");
    }
    if (positive == null && classes.size() == 2) {
      throw new InvalidInputException(
          "The target '"
              + column
              + "' has two classes; say which of "
              + classes
              + " is the positive one.");
    }
  }

  /** A target whose classes are the distinct labels, sorted. */
  public static Target of(Column labels, @Nullable String positive) {
    List<String> classes =
        IntStream.range(0, labels.rows())
            .mapToObj(labels::text)
            .filter(Objects::nonNull)
            .distinct()
            .sorted()
            .toList();
    return new Target(labels.name(), classes, positive);
  }

  public boolean isBinary() {
    return classes.size() == 2;
  }

  /** The index of the positive class; −1 if there is none. */
  public int positiveIndex() {
    return positive == null ? -1 : classes.indexOf(positive);
  }

  /** The class index of each row's label; {@link #UNLABELLED} if it is missing. */
  public int[] encode(Column labels) {
    int[] indices = new int[labels.rows()];
    for (int row = 0; row < indices.length; row++) {
      String text = labels.text(row);
      indices[row] = text == null ? UNLABELLED : classes.indexOf(text);
      if (text != null && indices[row] < 0) {
        throw new InvalidInputException(
            "Row "
                + row
                + " has the label '"
                + text
                + "', which is not among the classes "
                + classes
                + " of '"
                + column
                + "'.");
      }
    }
    return indices;
  }
}
