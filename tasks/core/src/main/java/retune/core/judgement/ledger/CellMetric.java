package retune.core.judgement.ledger;

import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.statistics.Influence;

/**
 * A metric as a function of the shares of the confusion matrix's cells, by true class and answered
 * class, row-major.
 *
 * @param positive index of the positive class where there are two classes; otherwise ignored
 */
record CellMetric(Metric metric, int classes, int positive) {
  /** Turns shares into counts, of which a {@link ConfusionMatrix} consists. */
  private static final double SCALE = 1e15;

  double value(double[] shares) {
    return metric.of(matrix(shares), positive);
  }

  /** The influence of a row of each cell; their mean, weighted by the shares, is 0. */
  double[] influences(double[] shares) {
    return Influence.ofCells(metric, matrix(shares), positive);
  }

  private ConfusionMatrix matrix(double[] shares) {
    long[][] counts = new long[classes][classes];
    for (int cell = 0; cell < shares.length; cell++) {
      counts[cell / classes][cell % classes] = Math.round(shares[cell] * SCALE);
    }
    return new ConfusionMatrix(counts);
  }
}
