package retune.model.engine;

import org.jspecify.annotations.Nullable;
import retune.core.calibration.Calibrator;
import retune.core.calibration.LogOdds;

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
    return rowMajor(logits, classes, 0, null);
  }

  /**
   * The softmax of each row's calibrated logits.
   *
   * @param logits {@code rows × classes}, row-major, finite
   * @param positive index of the positive of two classes; ignored for more
   * @param calibrator null to leave the logits as they are
   * @return {@code rows × classes}, row-major; each row adds up to 1
   */
  static double[] rowMajor(
      float[] logits, int classes, int positive, @Nullable Calibrator calibrator) {
    double[] probabilities = new double[logits.length];
    double[] row = new double[classes];
    for (int from = 0; from < logits.length; from += classes) {
      for (int i = 0; i < classes; i++) {
        row[i] = logits[from + i];
      }
      if (calibrator != null) {
        calibrator.apply(row, positive);
      }
      LogOdds.softmax(row);
      System.arraycopy(row, 0, probabilities, from, classes);
    }
    return probabilities;
  }
}
