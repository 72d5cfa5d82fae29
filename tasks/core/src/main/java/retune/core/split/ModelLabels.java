package retune.core.split;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import retune.core.data.Target;

/**
 * Labels that a model gave, beside those that people gave. They may train, and never judge: to a
 * split their rows have no label.
 *
 * @param labels class index a row; {@link Target#UNLABELLED} where no model gave one
 * @param confidences of the model in its label, 0 … 1; 0 where it is not known
 */
public record ModelLabels(int[] labels, float[] confidences) {
  /** No label for any of so many rows. */
  public static ModelLabels none(int rows) {
    int[] labels = new int[rows];
    Arrays.fill(labels, Target.UNLABELLED);
    return new ModelLabels(labels, new float[rows]);
  }

  /** Copies labels of other rows to the rows from a position on. */
  public void put(int position, ModelLabels other, int from, int rows) {
    System.arraycopy(other.labels, from, labels, position, rows);
    System.arraycopy(other.confidences, from, confidences, position, rows);
  }

  /** Labels of these rows, in that order. */
  public ModelLabels select(int[] rows) {
    float[] selected = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      selected[i] = confidences[rows[i]];
    }
    return new ModelLabels(Arrays.stream(rows).map(row -> labels[row]).toArray(), selected);
  }

  /** The labels to train with: a person's, or else a model's. */
  public int[] besides(int[] ofPeople) {
    return IntStream.range(0, labels.length)
        .map(row -> ofPeople[row] == Target.UNLABELLED ? labels[row] : ofPeople[row])
        .toArray();
  }

  /** The rows whose label is less certain than that, ascending. */
  public List<Integer> below(double leastConfidence) {
    return IntStream.range(0, labels.length)
        .filter(
            row -> labels[row] != Target.UNLABELLED && confidences[row] < (float) leastConfidence)
        .boxed()
        .toList();
  }

  /**
   * Gives the rows whose label is certain enough to training. A row that equals one with a person's
   * label stays out: that label says more, and the row may judge.
   */
  public Split addTo(Split split, long[] rowHashes, double leastConfidence) {
    byte[] assignment = split.assignment().clone();
    Set<Long> ofPeople = new HashSet<>();
    for (int row = 0; row < assignment.length; row++) {
      if (assignment[row] != Part.EXCLUDED.code()) {
        ofPeople.add(rowHashes[row]);
      }
    }
    for (int row = 0; row < assignment.length; row++) {
      if (labels[row] != Target.UNLABELLED
          && confidences[row] >= (float) leastConfidence
          && !ofPeople.contains(rowHashes[row])) {
        assignment[row] = Part.TRAINING.code();
      }
    }
    return new Split(assignment);
  }
}
