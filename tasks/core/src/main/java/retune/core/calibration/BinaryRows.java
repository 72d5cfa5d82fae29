package retune.core.calibration;

import java.util.Arrays;
import retune.core.metrics.Predictions;

/**
 * Rows of two classes: the log-odds of the positive one, and the probability that a calibrator aims
 * at. The targets are Platt's: a little inside 0 and 1, by the numbers of rows, as if one more row
 * of each class had been seen.
 */
final class BinaryRows {
  private final double[] logOdds;
  private final boolean[] positive;
  private final int positives;
  private final double target;
  private final double otherTarget;

  private BinaryRows(double[] logOdds, boolean[] positive, int positives) {
    this.logOdds = logOdds;
    this.positive = positive;
    this.positives = positives;
    this.target = (positives + 1.0) / (positives + 2.0);
    this.otherTarget = 1 / (positive.length - positives + 2.0);
  }

  static BinaryRows of(Predictions predictions) {
    int rows = predictions.rows();
    double[] logOdds = new double[rows];
    boolean[] positive = new boolean[rows];
    int positives = 0;
    for (int row = 0; row < rows; row++) {
      int label = predictions.positive();
      logOdds[row] =
          LogOdds.logarithm(predictions.probability(row, label))
              - LogOdds.logarithm(predictions.probability(row, 1 - label));
      positive[row] = predictions.labels()[row] == label;
      positives += positive[row] ? 1 : 0;
    }
    return new BinaryRows(logOdds, positive, positives);
  }

  int size() {
    return logOdds.length;
  }

  double logOdds(int row) {
    return logOdds[row];
  }

  double target(int row) {
    return positive[row] ? target : otherTarget;
  }

  boolean isPositive(int row) {
    return positive[row];
  }

  /** The mean target of rows of which so many are positive. */
  double meanTarget(long positives, long rows) {
    return (positives * target + (rows - positives) * otherTarget) / rows;
  }

  /** The mean target of all rows. */
  double meanTarget() {
    return meanTarget(positives, size());
  }

  /** The rows' positions by ascending log-odds. */
  int[] ascending() {
    Integer[] order = new Integer[size()];
    Arrays.setAll(order, row -> row);
    Arrays.sort(order, (a, b) -> Double.compare(logOdds[a], logOdds[b]));
    return Arrays.stream(order).mapToInt(Integer::intValue).toArray();
  }
}
