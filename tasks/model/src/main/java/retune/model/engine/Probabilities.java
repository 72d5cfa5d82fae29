package retune.model.engine;

/** Probabilities from logits. */
final class Probabilities {
  private Probabilities() {}

  /**
   * The softmax of each row.
   *
   * @param logits {@code rows × classes}, row-major, finite
   * @return {@code rows × classes}, row-major; each row adds up to 1
   */
  static double[] rowMajor(float[] logits, int classes) {
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

  /** Replaces values by their softmax; subtracts the greatest first, so that none overflows. */
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
