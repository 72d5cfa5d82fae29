package retune.core.data;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * What the model predicts.
 *
 * @param classes the label's values as text; a class index is a position here
 * @param positive the class whose probability is the score where there are two classes; null for
 *     more than two
 */
public record Target(String column, List<String> classes, @Nullable String positive) {
  /** The index of a row whose label is not known (yet). */
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

  /** Whose classes are the labels' different values, in order. */
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

  /** The index of the positive class; −1 where there is none. */
  public int positiveIndex() {
    return positive == null ? -1 : classes.indexOf(positive);
  }

  /** The class index of each row's label; {@link #UNLABELLED} where it is missing. */
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
