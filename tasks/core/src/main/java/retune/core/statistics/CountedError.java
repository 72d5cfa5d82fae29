package retune.core.statistics;

import java.util.Arrays;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;

/**
 * The standard error of a metric whose rows are only known as counts. Each cell's influence is what
 * one more row in it would change (the influence function at a finite step), so that the result
 * approaches that of {@link Influence} as rows grow.
 */
public final class CountedError {
  /** The work grows with the fourth power of the number of classes. */
  private static final int MOST_CLASSES = 12;

  private CountedError() {}

  /**
   * The standard error of a metric of answers.
   *
   * @param positive index of the positive class where there are two classes; otherwise ignored
   * @return NaN for the ROC AUC, for fewer than two rows, and for more than {@value #MOST_CLASSES}
   *     classes
   */
  public static double of(Metric metric, ConfusionMatrix confusion, int positive) {
    double rows = confusion.total();
    if (!metric.dependsOnAnswers() || rows < 2 || confusion.classes() > MOST_CLASSES) {
      return Double.NaN;
    }
    double value = metric.of(confusion, positive);
    ConfusionMatrix more =
        new ConfusionMatrix(
            Arrays.stream(confusion.counts()).map(long[]::clone).toArray(long[][]::new));
    double sum = 0;
    double squares = 0;
    for (long[] cells : more.counts()) {
      for (int answered = 0; answered < cells.length; answered++) {
        long count = cells[answered];
        if (count == 0) {
          continue;
        }
        cells[answered] = count + 1;
        double influence = (rows + 1) * (metric.of(more, positive) - value);
        cells[answered] = count;
        sum += count * influence;
        squares += count * influence * influence;
      }
    }
    double mean = sum / rows;
    return Math.sqrt(Math.max(0, squares / rows - mean * mean) / (rows - 1));
  }
}
