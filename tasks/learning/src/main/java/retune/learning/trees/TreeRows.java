package retune.learning.trees;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Features;
import retune.model.batch.ReplayRows;

/**
 * Labelled rows of a batch.
 *
 * @param features all rows of the batch
 * @param rows positions of those that are meant
 * @param labels one class index per row of the batch; only these rows need one
 * @param weight of each of these rows, above 0
 * @param weights by which it is multiplied, one per row of the batch; null where all are 1
 */
public record TreeRows(
    Features features, int[] rows, int[] labels, double weight, double @Nullable [] weights) {
  /** Rows that weigh as much as any other. */
  public TreeRows(Features features, int[] rows, int[] labels) {
    this(features, rows, labels, 1, null);
  }

  /** What a row counts in the loss. */
  double weight(int index) {
    return weights == null ? weight : weight * weights[rows[index]];
  }

  /** All replayed rows. */
  static TreeRows all(ReplayRows.Some rows) {
    return new TreeRows(
        rows.features(), IntStream.range(0, rows.labels().length).toArray(), rows.labels());
  }

  int size() {
    return rows.length;
  }

  int label(int index) {
    return labels[rows[index]];
  }

  /** These rows with another weight. */
  public TreeRows weighing(double other) {
    return new TreeRows(features, rows, labels, other, weights);
  }

  /** So many rows: these from the first to the last, and from the first again. */
  TreeRows repeatedTo(int count) {
    return new TreeRows(
        features,
        IntStream.range(0, count).map(i -> rows[i % rows.length]).toArray(),
        labels,
        weight,
        weights);
  }

  /** At most so many of the rows, evenly spread. */
  TreeRows atMost(int most) {
    return rows.length <= most
        ? this
        : new TreeRows(
            features,
            IntStream.range(0, most)
                .map(i -> rows[(int) ((long) i * rows.length / most)])
                .toArray(),
            labels,
            weight,
            weights);
  }

  /** The features of these rows alone. */
  Features selected() {
    return features.select(rows);
  }

  int[] selectedLabels() {
    return Arrays.stream(rows).map(row -> labels[row]).toArray();
  }
}
