package retune.core.estimation;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.DecisionRule;
import retune.core.metrics.Metric;
import retune.core.statistics.Influence;
import retune.core.statistics.NormalApproximation;

/**
 * A metric of rows without labels, by what the model's probabilities say about them:
 * confidence-based performance estimation (Białek et al., 2024, "Estimating Model Performance Under
 * Covariate Shift Without Labels"). Each row counts towards each true class with its probability.
 * The estimate is right on average where the probabilities are calibrated for these rows, as they
 * are where only the columns have moved. Where the label's relation to the columns has changed,
 * nothing in the rows tells.
 *
 * @param value of the metric, 0 … 1; NaN where it is not defined
 * @param standardError by which the metric of the true labels differs from the estimate, if each
 *     label is drawn from the row's probabilities
 */
public record PerformanceEstimate(double value, double standardError) {
  /**
   * Parts of a row that a count is in, so that the sums of probabilities are a confusion matrix.
   * Metrics are quotients of counts, and do not depend on the unit.
   */
  private static final long PARTS_OF_A_ROW = 1L << 24;

  /**
   * Estimates a metric.
   *
   * @param probabilities {@code rows × classes}, row-major, calibrated
   */
  public static PerformanceEstimate of(
      Metric metric, double[] probabilities, DecisionRule decisions) {
    int rows = probabilities.length / decisions.classes();
    if (rows == 0) {
      throw new InvalidInputException(
          "There is no row, so a metric cannot be estimated. Choose another batch.");
    }
    return metric.dependsOnAnswers()
        ? ofAnswers(metric, rows, probabilities, decisions)
        : ofRocAuc(rows, probabilities, decisions);
  }

  /** The distribution of the metric of the true labels. */
  public NormalApproximation distribution() {
    return new NormalApproximation(value, standardError);
  }

  private static PerformanceEstimate ofAnswers(
      Metric metric, int rows, double[] probabilities, DecisionRule decisions) {
    int classes = decisions.classes();
    double[][] expected = new double[classes][classes];
    int[] answers = new int[rows];
    for (int row = 0; row < rows; row++) {
      answers[row] = decisions.answer(probabilities, row * classes);
      for (int label = 0; label < classes; label++) {
        expected[label][answers[row]] += probabilities[row * classes + label];
      }
    }
    ConfusionMatrix confusion =
        new ConfusionMatrix(
            Arrays.stream(expected)
                .map(
                    counts -> Arrays.stream(counts).mapToLong(PerformanceEstimate::parts).toArray())
                .toArray(long[][]::new));
    double value = metric.of(confusion, decisions.positive());
    double[] influences = Influence.ofCells(metric, confusion, decisions.positive());
    double variance = 0;
    for (int row = 0; row < rows; row++) {
      double mean = 0;
      double meanSquare = 0;
      for (int label = 0; label < classes; label++) {
        double weight = probabilities[row * classes + label];
        double change = influences[label * classes + answers[row]] / rows;
        mean += weight * change;
        meanSquare += weight * change * change;
      }
      variance += Math.max(0, meanSquare - mean * mean);
    }
    return new PerformanceEstimate(value, Math.sqrt(variance));
  }

  private static long parts(double rows) {
    return Math.round(rows * PARTS_OF_A_ROW);
  }

  private static PerformanceEstimate ofRocAuc(
      int rows, double[] probabilities, DecisionRule decisions) {
    int classes = decisions.classes();
    int[] labels =
        classes == 2 ? new int[] {decisions.positive()} : IntStream.range(0, classes).toArray();
    double value = 0;
    double[] mean = new double[rows];
    double[] meanSquare = new double[rows];
    for (int label : labels) {
      double[] ofLabel = new double[rows];
      for (int row = 0; row < rows; row++) {
        ofLabel[row] = probabilities[row * classes + label];
      }
      double[] changes = new double[rows];
      value += rocAuc(ofLabel, changes) / labels.length;
      for (int row = 0; row < rows; row++) {
        double change = changes[row] / labels.length;
        mean[row] += ofLabel[row] * change;
        meanSquare[row] += ofLabel[row] * change * change;
      }
    }
    double variance = 0;
    for (int row = 0; row < rows; row++) {
      variance += Math.max(0, meanSquare[row] - mean[row] * mean[row]);
    }
    return new PerformanceEstimate(value, Math.sqrt(variance));
  }

  /**
   * The area under the ROC curve of scores that are the probabilities of the class themselves.
   *
   * @param changes receives by how much the area changes if the row is of the class for sure
   *     instead of another one
   */
  private static double rocAuc(double[] probabilities, double[] changes) {
    int rows = probabilities.length;
    int[] ascending =
        IntStream.range(0, rows)
            .boxed()
            .sorted(Comparator.comparingDouble(row -> probabilities[row]))
            .mapToInt(Integer::intValue)
            .toArray();
    double inside = Arrays.stream(probabilities).sum();
    double outside = rows - inside;
    double wins = 0;
    double insideBelow = 0;
    double outsideBelow = 0;
    for (int i = 0; i < rows; ) {
      double score = probabilities[ascending[i]];
      int end = i;
      while (end < rows && probabilities[ascending[end]] == score) {
        end++;
      }
      double tied = (end - i) * score;
      double outsideTied = (end - i) * (1 - score);
      wins += tied * (outsideBelow + outsideTied / 2);
      double insideAbove = inside - insideBelow - tied;
      for (; i < end; i++) {
        changes[ascending[i]] =
            (outsideBelow + outsideTied / 2 - insideAbove - tied / 2) / (inside * outside);
      }
      insideBelow += tied;
      outsideBelow += outsideTied;
    }
    double area = wins / (inside * outside);
    for (int row = 0; row < rows; row++) {
      changes[row] -= area * (1 / inside - 1 / outside);
    }
    return area;
  }
}
