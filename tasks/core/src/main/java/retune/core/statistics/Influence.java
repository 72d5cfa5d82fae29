package retune.core.statistics;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.NormalDistribution;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * The influence of each row on an estimated value: its first-order change per unit of weight that
 * the row gains (Hampel, 1974). The variance of the estimate is that of a mean of the influences
 * (Efron &amp; Tibshirani, 1993, chapter 22), and the influences of a difference are the difference
 * of the influences, which takes into account that both sides answer the same rows.
 *
 * @param values one per row, in the unit of the estimate; their mean is 0
 */
public record Influence(double[] values) {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  /**
   * The influences on a metric.
   *
   * @return NaN for every row where the metric is not defined
   */
  public static Influence of(Metric metric, Predictions predictions) {
    return metric == Metric.ROC_AUC ? ofRocAuc(predictions) : ofConfusion(metric, predictions);
  }

  /** The influences on this estimate minus another on the same rows. */
  public Influence minus(Influence other) {
    if (values.length != other.values.length) {
      throw new IllegalArgumentException(
          "%d rows beside %d".formatted(values.length, other.values.length));
    }
    double[] differences = new double[values.length];
    for (int row = 0; row < differences.length; row++) {
      differences[row] = values[row] - other.values[row];
    }
    return new Influence(differences);
  }

  /** The standard error of the estimate; NaN for fewer than two rows. */
  public double standardError() {
    double rows = values.length;
    double squares = Arrays.stream(values).map(value -> value * value).sum();
    return Math.sqrt(squares / rows / (rows - 1));
  }

  /**
   * The acceleration of the BCa interval: a sixth of the skewness of the influences (Efron, 1987).
   */
  public double acceleration() {
    double squares = 0;
    double cubes = 0;
    for (double value : values) {
      squares += value * value;
      cubes += value * value * value;
    }
    return squares == 0 ? 0 : cubes / (6 * Math.pow(squares, 1.5));
  }

  /**
   * The interval that a normal distribution gives.
   *
   * @param estimate the estimated value
   * @param confidence nominal coverage, 0 … 1
   */
  public Interval interval(double estimate, double confidence) {
    double reach = NORMAL.inverseSurvivalProbability((1 - confidence) / 2) * standardError();
    return new Interval(estimate - reach, estimate + reach, confidence);
  }

  /**
   * The least difference from a limit that a one-sided test finds with the given power, given this
   * standard error.
   *
   * @param alpha level of the test, 0 … 1
   * @param power probability of finding it, 0 … 1
   */
  public double minimalDetectableEffect(double alpha, double power) {
    return standardNormalSum(alpha, power) * standardError();
  }

  /**
   * About how many rows like these a one-sided test needs to tell an effect from none.
   *
   * @param effect distance of the true value from the limit, above 0
   * @param alpha level of the test, 0 … 1
   * @param power probability of finding it, 0 … 1
   */
  public long rowsToDetect(double effect, double alpha, double power) {
    double ratio = minimalDetectableEffect(alpha, power) / effect;
    return (long) Math.ceil(values.length * ratio * ratio);
  }

  private static double standardNormalSum(double alpha, double power) {
    return NORMAL.inverseSurvivalProbability(alpha) + NORMAL.inverseCumulativeProbability(power);
  }

  /**
   * The influence of a row of each cell of the confusion matrix on a metric that depends on the
   * answers alone; every row of a cell has the same.
   *
   * @param positive index of the positive class where there are two classes; otherwise ignored
   * @return {@code classes × classes} by true class and answered class, row-major
   */
  public static double[] ofCells(Metric metric, ConfusionMatrix confusion, int positive) {
    return CellInfluence.of(metric, confusion, positive).all();
  }

  private static Influence ofConfusion(Metric metric, Predictions predictions) {
    double[] ofCell = ofCells(metric, predictions.confusion(), predictions.positive());
    double[] influences = new double[predictions.rows()];
    for (int row = 0; row < influences.length; row++) {
      influences[row] =
          ofCell[predictions.labels()[row] * predictions.classes() + predictions.answer(row)];
    }
    return new Influence(influences);
  }

  private static Influence ofRocAuc(Predictions predictions) {
    int classes = predictions.classes();
    int[] labels =
        predictions.isBinary()
            ? new int[] {predictions.positive()}
            : IntStream.range(0, classes).toArray();
    double rows = predictions.rows();
    double[] influences = new double[predictions.rows()];
    for (int label : labels) {
      DeLong auc = DeLong.of(predictions, label);
      double inside = auc.inside() / rows;
      double outside = auc.outside() / rows;
      for (int row = 0; row < influences.length; row++) {
        double share = predictions.labels()[row] == label ? inside : outside;
        influences[row] += (auc.placements()[row] - auc.value()) / share / labels.length;
      }
    }
    return new Influence(influences);
  }
}
