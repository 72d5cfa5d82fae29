package retune.core.statistics;

import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;

/**
 * The standard error of a metric whose rows are only known as counts: that of {@link Influence},
 * because all rows of a cell have the same influence. For any number of classes.
 */
public final class CountedError {
  private CountedError() {}

  /**
   * The standard error of a metric of answers.
   *
   * @param positive index of the positive class where there are two classes; otherwise ignored
   * @return NaN for the ROC AUC and for fewer than two rows
   */
  public static double of(Metric metric, ConfusionMatrix confusion, int positive) {
    double rows = confusion.total();
    if (!metric.dependsOnAnswers() || rows < 2) {
      return Double.NaN;
    }
    CellInfluence influence = CellInfluence.of(metric, confusion, positive);
    double squares = 0;
    for (int label = 0; label < confusion.classes(); label++) {
      for (int answer = 0; answer < confusion.classes(); answer++) {
        long count = confusion.counts()[label][answer];
        if (count > 0) {
          double ofCell = influence.at(label, answer);
          squares += count * ofCell * ofCell;
        }
      }
    }
    return Math.sqrt(squares / rows / (rows - 1));
  }
}
