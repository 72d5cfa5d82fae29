package retune.core.metrics;

import java.util.Arrays;
import retune.core.InvalidInputException;
import retune.core.data.Target;

/**
 * A classifier's answers beside the truth. There is at least one row and every row has a label.
 *
 * @param labels class index a row, 0 … classes − 1
 * @param probabilities {@code rows × classes}, row-major, each in 0 … 1
 * @param positive index of the positive class where there are two classes; otherwise ignored
 * @param threshold two classes: the positive class is answered from this probability on; more: the
 *     most probable class is answered (the first of equals) and this is ignored
 */
public record Predictions(
    int[] labels, double[] probabilities, int classes, int positive, double threshold) {

  /** An {@link InvalidInputException} where there is no row or a probability is not one. */
  public Predictions {
    if (labels.length == 0) {
      throw new InvalidInputException(
          "There is no labelled row to measure a model on; bring labels or choose another batch.");
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
            "The model answers row %d with the probability %s, which is not between 0 and 1;"
                    .formatted(i / classes, probabilities[i])
                + " its weights cannot be right, so register it again.");
      }
    }
  }

  /**
   * The rows that have a label.
   *
   * @param labels class index a row, or {@link Target#UNLABELLED}
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

  public int rows() {
    return labels.length;
  }

  public boolean isBinary() {
    return classes == 2;
  }

  public double probability(int row, int label) {
    return probabilities[row * classes + label];
  }

  /** The class answered for a row. */
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
