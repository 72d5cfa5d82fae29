package retune.core.metrics;

import java.util.Arrays;
import java.util.List;
import retune.core.InvalidInputException;
import retune.core.data.Target;

/**
 * Predicted probabilities and true labels. There is at least one row, and every row has a label.
 *
 * @param labels one class index per row, 0 … classes − 1
 * @param probabilities {@code rows × classes}, row-major, each in 0 … 1
 * @param positive index of the positive class; ignored for more than two classes
 * @param threshold see {@link DecisionRule}
 */
public record Predictions(
    int[] labels, double[] probabilities, int classes, int positive, double threshold) {

  /**
   * Throws an {@link InvalidInputException} if there is no row or a probability is not in 0 … 1.
   */
  public Predictions {
    if (labels.length == 0) {
      throw new InvalidInputException(
          "No row has a label, so a model cannot be evaluated. Add labels or choose another"
              + " batch.");
    }
    if (probabilities.length != labels.length * classes) {
      throw new IllegalArgumentException(
          "%d probabilities for %d rows of %d classes"
              .formatted(probabilities.length, labels.length, classes));
    }
    for (int row = 0; row < labels.length; row++) {
      if (labels[row] < 0 || labels[row] >= classes) {
        throw new IllegalArgumentException("row " + row + " has the label " + labels[row]);
      }
    }
    for (int i = 0; i < probabilities.length; i++) {
      if (!(probabilities[i] >= 0 && probabilities[i] <= 1)) {
        throw new InvalidInputException(
            "The model predicts the probability %s for row %d, which is not between 0 and 1. Its"
                    .formatted(probabilities[i], i / classes)
                + " weights are damaged; register it again.");
      }
    }
  }

  /**
   * The predictions of the rows that have a label.
   *
   * @param labels one class index per row, or {@link Target#UNLABELLED}
   * @param probabilities {@code rows × classes}, row-major
   */
  public static Predictions of(
      Target target, int[] labels, double[] probabilities, double threshold) {
    int classes = target.classes().size();
    if (Arrays.stream(labels).allMatch(label -> label != Target.UNLABELLED)) {
      return new Predictions(labels, probabilities, classes, target.positiveIndex(), threshold);
    }
    int[] known = new int[labels.length];
    double[] kept = new double[probabilities.length];
    int rows = 0;
    for (int row = 0; row < labels.length; row++) {
      if (labels[row] != Target.UNLABELLED) {
        known[rows] = labels[row];
        System.arraycopy(probabilities, row * classes, kept, rows * classes, classes);
        rows++;
      }
    }
    return new Predictions(
        Arrays.copyOf(known, rows),
        Arrays.copyOf(kept, rows * classes),
        classes,
        target.positiveIndex(),
        threshold);
  }

  /** The predictions of one model for several groups of rows, one after the other. */
  public static Predictions joined(List<Predictions> parts) {
    Predictions first = parts.getFirst();
    return new Predictions(
        parts.stream().flatMapToInt(part -> Arrays.stream(part.labels)).toArray(),
        parts.stream().flatMapToDouble(part -> Arrays.stream(part.probabilities)).toArray(),
        first.classes,
        first.positive,
        first.threshold);
  }

  /** The predictions of some rows, in that order. */
  public Predictions select(int[] rows) {
    double[] selected = new double[rows.length * classes];
    int[] selectedLabels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      selectedLabels[i] = labels[rows[i]];
      System.arraycopy(probabilities, rows[i] * classes, selected, i * classes, classes);
    }
    return new Predictions(selectedLabels, selected, classes, positive, threshold);
  }

  /** The same with another decision threshold. */
  public Predictions withThreshold(double other) {
    return new Predictions(labels, probabilities, classes, positive, other);
  }

  public int rows() {
    return labels.length;
  }

  public boolean isBinary() {
    return classes == 2;
  }

  public double probability(int row, int label) {
    return probabilities[row * classes + label];
  }

  /** The index of the predicted class of a row. */
  public int answer(int row) {
    return new DecisionRule(classes, positive, threshold).answer(probabilities, row * classes);
  }

  public ConfusionMatrix confusion() {
    long[][] counts = new long[classes][classes];
    for (int row = 0; row < labels.length; row++) {
      counts[labels[row]][answer(row)]++;
    }
    return new ConfusionMatrix(counts);
  }
}
