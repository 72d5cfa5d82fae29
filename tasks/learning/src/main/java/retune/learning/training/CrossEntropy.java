package retune.learning.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Weighted cross-entropy: the mean of −log p(label) over rows, weighted by the label's weight, as
 * PyTorch's {@code CrossEntropyLoss(weight)}, times the row's.
 *
 * @param weights one per class
 */
record CrossEntropy(double[] weights) {
  static CrossEntropy unweighted(int classes) {
    double[] weights = new double[classes];
    Arrays.fill(weights, 1);
    return new CrossEntropy(weights);
  }

  /**
   * Inverse class frequency: rows / (classes × rows of the class), as scikit-learn's {@code
   * balanced}; 0 for a class without rows.
   */
  static CrossEntropy balanced(int[] labels, int classes) {
    return balanced(labels, null, classes);
  }

  /**
   * The same with rows that count as much as they weigh.
   *
   * @param rowWeights one per row; null where all weigh alike
   */
  static CrossEntropy balanced(int[] labels, double @Nullable [] rowWeights, int classes) {
    double[] counts = new double[classes];
    double all = 0;
    for (int row = 0; row < labels.length; row++) {
      double weight = rowWeights == null ? 1 : rowWeights[row];
      counts[labels[row]] += weight;
      all += weight;
    }
    double sum = all;
    return new CrossEntropy(
        Arrays.stream(counts).map(count -> count == 0 ? 0 : sum / (classes * count)).toArray());
  }

  /**
   * The loss of a batch.
   *
   * @param logits [rows, classes]
   * @param labels one class index per row
   * @param rowWeights one per row; null where all weigh alike
   */
  NDArray of(NDArray logits, int[] labels, double @Nullable [] rowWeights) {
    int classes = weights.length;
    double[] ofRows = new double[labels.length];
    for (int row = 0; row < labels.length; row++) {
      ofRows[row] = weights[labels[row]] * (rowWeights == null ? 1 : rowWeights[row]);
    }
    double total = Arrays.stream(ofRows).sum();
    float[] shares = new float[labels.length * classes];
    for (int row = 0; row < labels.length; row++) {
      shares[row * classes + labels[row]] = (float) (ofRows[row] / total);
    }
    NDArray share = logits.getManager().create(shares, new Shape(labels.length, classes));
    return logits.logSoftmax(1).mul(share).sum().neg();
  }
}
