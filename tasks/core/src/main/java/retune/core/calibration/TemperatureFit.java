package retune.core.calibration;

import java.util.Optional;
import retune.core.calibration.Calibrator.Temperature;
import retune.core.metrics.Predictions;

/** The temperature with the smallest log loss, from 1/20 to 20. */
final class TemperatureFit {
  private static final double EXTREME = 20;
  private static final double PRECISION = 1e-12;
  private static final int MOST_STEPS = 200;

  private TemperatureFit() {}

  /** Empty if the log loss does not depend on the temperature. */
  static Optional<Calibrator> of(Predictions predictions) {
    int classes = predictions.classes();
    double[] logits = new double[predictions.probabilities().length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = LogOdds.logarithm(predictions.probabilities()[i]);
    }
    // The log loss is convex in the inverse temperature: Newton's steps, halving where they leave
    // the interval in which the derivative changes its sign.
    double low = 1 / EXTREME;
    double high = EXTREME;
    double inverse = 1;
    for (int step = 0; step < MOST_STEPS && high - low > PRECISION * high; step++) {
      Slope slope = Slope.at(inverse, logits, predictions.labels(), classes);
      if (slope.second == 0) {
        return Optional.empty();
      }
      if (slope.first > 0) {
        high = inverse;
      } else {
        low = inverse;
      }
      double next = inverse - slope.first / slope.second;
      if (Math.abs(next - inverse) <= PRECISION * inverse) {
        break;
      }
      inverse = next > low && next < high ? next : (low + high) / 2;
    }
    return Optional.of(new Temperature(1 / inverse));
  }

  /** The sum of log losses differentiated once and twice by the inverse temperature. */
  private record Slope(double first, double second) {
    static Slope at(double inverse, double[] logits, int[] labels, int classes) {
      double first = 0;
      double second = 0;
      double[] row = new double[classes];
      for (int i = 0; i < labels.length; i++) {
        int from = i * classes;
        for (int label = 0; label < classes; label++) {
          row[label] = inverse * logits[from + label];
        }
        LogOdds.softmax(row);
        double mean = 0;
        for (int label = 0; label < classes; label++) {
          mean += row[label] * logits[from + label];
        }
        double variance = 0;
        for (int label = 0; label < classes; label++) {
          double distance = logits[from + label] - mean;
          variance += row[label] * distance * distance;
        }
        first += mean - logits[from + labels[i]];
        second += variance;
      }
      return new Slope(first, second);
    }
  }
}
