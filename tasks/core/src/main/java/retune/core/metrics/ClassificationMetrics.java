package retune.core.metrics;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Metrics of probabilities; {@link ConfusionMatrix} has those of predicted classes. */
public final class ClassificationMetrics {
  /** Number of bins in {@link #expectedCalibrationError}: equal width, open below, closed above. */
  public static final int CALIBRATION_BINS = 10;

  /** {@link #logLoss} clips probabilities this far from 0 and 1: 2⁻⁵², as scikit-learn. */
  private static final double EPSILON = Math.ulp(1.0);

  private ClassificationMetrics() {}

  /**
   * Area under the ROC curve: the probability that a row of the class scores above a row of another
   * one, ties counting half (Hanley &amp; McNeil, 1982). Two classes: for the positive class; more:
   * the mean of one-versus-rest over classes.
   *
   * @return NaN if a class has no row, or all rows
   */
  public static double rocAuc(Predictions predictions) {
    if (predictions.isBinary()) {
      return rocAucOfClass(predictions, predictions.positive());
    }
    return IntStream.range(0, predictions.classes())
        .mapToDouble(label -> rocAucOfClass(predictions, label))
        .average()
        .orElse(Double.NaN);
  }

  private static double rocAucOfClass(Predictions predictions, int label) {
    double[] inside = scores(predictions, label, true);
    double[] outside = scores(predictions, label, false);
    if (inside.length == 0 || outside.length == 0) {
      return Double.NaN;
    }
    Arrays.sort(inside);
    Arrays.sort(outside);
    double wins = 0;
    int below = 0;
    int notAbove = 0;
    for (double score : inside) {
      while (below < outside.length && outside[below] < score) {
        below++;
      }
      while (notAbove < outside.length && outside[notAbove] <= score) {
        notAbove++;
      }
      wins += 0.5 * (below + notAbove);
    }
    return wins / ((double) inside.length * outside.length);
  }

  private static double[] scores(Predictions predictions, int label, boolean ofTheClass) {
    return IntStream.range(0, predictions.rows())
        .filter(row -> (predictions.labels()[row] == label) == ofTheClass)
        .mapToDouble(row -> predictions.probability(row, label))
        .toArray();
  }

  /** Mean negative natural logarithm of the true class's probability. */
  public static double logLoss(Predictions predictions) {
    return Arrays.stream(logLosses(predictions)).average().orElseThrow();
  }

  /** The negative natural logarithm of the true class's probability, by row. */
  public static double[] logLosses(Predictions predictions) {
    return IntStream.range(0, predictions.rows())
        .mapToDouble(row -> predictions.probability(row, predictions.labels()[row]))
        .map(probability -> -Math.log(Math.clamp(probability, EPSILON, 1 - EPSILON)))
        .toArray();
  }

  /**
   * Mean squared difference of probability and outcome (Brier, 1950). Two classes: for the positive
   * class, 0 … 1; more: the sum over classes, 0 … 2.
   */
  public static double brierScore(Predictions predictions) {
    int[] labels =
        predictions.isBinary()
            ? new int[] {predictions.positive()}
            : IntStream.range(0, predictions.classes()).toArray();
    double sum = 0;
    for (int row = 0; row < predictions.rows(); row++) {
      for (int label : labels) {
        double outcome = predictions.labels()[row] == label ? 1 : 0;
        double distance = predictions.probability(row, label) - outcome;
        sum += distance * distance;
      }
    }
    return sum / predictions.rows();
  }

  /**
   * Mean absolute difference of predicted probability and observed share over {@link
   * #CALIBRATION_BINS} bins, weighted by rows (Naeini et al., 2015). Two classes: for the positive
   * class; more: for the predicted class (Guo et al., 2017).
   */
  public static double expectedCalibrationError(Predictions predictions) {
    double[] excess = new double[CALIBRATION_BINS];
    for (int row = 0; row < predictions.rows(); row++) {
      int label = predictions.isBinary() ? predictions.positive() : predictions.answer(row);
      double probability = predictions.probability(row, label);
      double outcome = predictions.labels()[row] == label ? 1 : 0;
      excess[calibrationBin(probability)] += probability - outcome;
    }
    return Arrays.stream(excess).map(Math::abs).sum() / predictions.rows();
  }

  private static int calibrationBin(double probability) {
    int bin = 0;
    while (bin < CALIBRATION_BINS - 1 && probability > (bin + 1) * (1.0 / CALIBRATION_BINS)) {
      bin++;
    }
    return bin;
  }
}
