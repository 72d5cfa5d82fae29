package retune.core.statistics;

import java.util.stream.IntStream;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * Precision, recall or F1 of a class, or of several classes together: right answers by rows, with
 * the influence of each row. The quotient of two sums has the influences {@code (hit − value · row)
 * / mean of rows} (Cochran, Sampling Techniques, 1977, chapter 6).
 *
 * @param value 0 where there is no row to divide by
 */
public record ClassInfluence(double value, Influence influence) {
  /**
   * The metric of these classes: a row is a hit if it is of one of them and is answered with that
   * one.
   *
   * @param metric {@link Metric#PRECISION}, {@link Metric#RECALL} or {@link Metric#F1_SCORE}
   * @param classes indices
   */
  public static ClassInfluence of(Metric metric, Predictions predictions, int... classes) {
    boolean[] isMeant = new boolean[predictions.classes()];
    for (int label : classes) {
      isMeant[label] = true;
    }
    int count = predictions.rows();
    boolean[] isHit = new boolean[count];
    double[] rows = new double[count];
    double sum = 0;
    long hits = 0;
    for (int row = 0; row < count; row++) {
      int label = predictions.labels()[row];
      int answer = predictions.answer(row);
      double isTrue = isMeant[label] ? 1 : 0;
      double isAnswered = isMeant[answer] ? 1 : 0;
      isHit[row] = isMeant[label] && label == answer;
      rows[row] =
          switch (metric) {
            case PRECISION -> isAnswered;
            case RECALL -> isTrue;
            case F1_SCORE -> (isTrue + isAnswered) / 2;
            case F1_MACRO, F1_WEIGHTED, ACCURACY, ROC_AUC ->
                throw new IllegalArgumentException(metric.id() + " is not a metric of one class");
          };
      sum += rows[row];
      hits += isHit[row] ? 1 : 0;
    }
    double value = sum == 0 ? 0 : hits / sum;
    double mean = sum / count;
    return new ClassInfluence(
        value,
        new Influence(
            IntStream.range(0, count)
                .mapToDouble(
                    row -> mean == 0 ? 0 : ((isHit[row] ? 1 : 0) - value * rows[row]) / mean)
                .toArray()));
  }
}
