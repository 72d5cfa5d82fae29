package retune.learning.training;

import java.util.Arrays;
import retune.learning.torch.NetworkInput;

/**
 * Rows with their labels.
 *
 * @param labels class index a row; every row has one
 */
public record LabelledRows(NetworkInput input, int[] labels) {
  public LabelledRows {
    if (input.rows() != labels.length) {
      throw new IllegalArgumentException(labels.length + " labels for " + input.rows() + " rows");
    }
  }

  int rows() {
    return labels.length;
  }

  /** The rows named, in that order. */
  LabelledRows select(int[] rows) {
    return select(input, labels, rows);
  }

  /** The rows named, in that order, out of rows of which only these need have a label. */
  static LabelledRows select(NetworkInput all, int[] labels, int[] rows) {
    return new LabelledRows(
        all.select(rows), Arrays.stream(rows).map(row -> labels[row]).toArray());
  }
}
