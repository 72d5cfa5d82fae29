package retune.learning.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * Class-weighted cross-entropy: the mean of −log p(label) over rows, weighted by the label's
 * weight, as PyTorch's {@code CrossEntropyLoss(weight)}.
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
    double[] counts = new double[classes];
    for (int label : labels) {
      counts[label]++;
    }
    return new CrossEntropy(
        Arrays.stream(counts)
            .map(count -> count == 0 ? 0 : labels.length / (classes * count))
            .toArray());
  }

  /**
   * The loss of a batch.
   *
   * @param logits [rows, classes]
   * @param labels one class index per row
   */
  NDArray of(NDArray logits, int[] labels) {
    int classes = weights.length;
    double total = Arrays.stream(labels).mapToDouble(label -> weights[label]).sum();
    float[] shares = new float[labels.length * classes];
    for (int row = 0; row < labels.length; row++) {
      shares[row * classes + labels[row]] = (float) (weights[labels[row]] / total);
    }
    NDArray share = logits.getManager().create(shares, new Shape(labels.length, classes));
    return logits.logSoftmax(1).mul(share).sum().neg();
  }
}
