package retune.model.engine;

/** Logits to probabilities. */
public final class Probabilities {
  private Probabilities() {}

  /**
   * Probabilities of all classes.
   *
   * @param logits {@code rows × classes}, row-major, finite
   * @return {@code [row][class]}, each row adding up to 1
   */
  public static double[][] of(float[] logits, int classes) {
    double[][] probabilities = new double[logits.length / classes][classes];
    for (int row = 0; row < probabilities.length; row++) {
      for (int i = 0; i < classes; i++) {
        probabilities[row][i] = logits[row * classes + i];
      }
      softmax(probabilities[row]);
    }
    return probabilities;
  }

  /** The same, {@code rows × classes}, row-major. */
  public static double[] rowMajor(float[] logits, int classes) {
    double[] probabilities = new double[logits.length];
    double[] row = new double[classes];
    for (int from = 0; from < logits.length; from += classes) {
      for (int i = 0; i < classes; i++) {
        row[i] = logits[from + i];
      }
      softmax(row);
      System.arraycopy(row, 0, probabilities, from, classes);
    }
    return probabilities;
  }

  /** The probability of one class, row by row. */
  public static double[] ofClass(float[] logits, int classes, int index) {
    double[][] all = of(logits, classes);
    double[] probabilities = new double[all.length];
    for (int row = 0; row < all.length; row++) {
      probabilities[row] = all[row][index];
    }
    return probabilities;
  }

  /** In place; the greatest value is taken off first, so that no exponential overflows. */
  static void softmax(double[] values) {
    double greatest = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      greatest = Math.max(greatest, value);
    }
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.exp(values[i] - greatest);
      sum += values[i];
    }
    for (int i = 0; i < values.length; i++) {
      values[i] /= sum;
    }
  }
}
