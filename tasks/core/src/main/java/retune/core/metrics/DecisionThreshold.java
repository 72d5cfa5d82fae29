package retune.core.metrics;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The probability from which the positive of two classes is predicted.
 *
 * @param value the metric with this threshold, on the rows it was chosen on
 */
public record DecisionThreshold(double threshold, double value) {
  private static final double MIDDLE = 0.5;

  /**
   * The threshold with the greatest value of the metric, in O(n log n). Candidates are the
   * midpoints between neighbouring distinct probabilities, with 0 and 1 as the outermost. Ties go
   * to the threshold nearest to 0.5, then to the lower one. A metric that does not depend on the
   * threshold gives 0.5.
   *
   * @param predictions predictions of two classes; their threshold is ignored
   */
  public static DecisionThreshold best(Metric metric, Predictions predictions) {
    if (!predictions.isBinary()) {
      throw new IllegalArgumentException("a threshold decides between two classes");
    }
    if (!metric.dependsOnAnswers()) {
      return new DecisionThreshold(MIDDLE, metric.of(predictions));
    }
    int positive = predictions.positive();
    int rows = predictions.rows();
    Integer[] ascending = IntStream.range(0, rows).boxed().toArray(Integer[]::new);
    Arrays.sort(
        ascending, Comparator.comparingDouble(row -> predictions.probability(row, positive)));

    // All rows start as predicted positive; each row that the threshold passes becomes negative.
    long[][] counts = new long[2][2];
    for (int label : predictions.labels()) {
      counts[label][positive]++;
    }
    ConfusionMatrix confusion = new ConfusionMatrix(counts);
    double lowest = predictions.probability(ascending[0], positive);
    DecisionThreshold best = new DecisionThreshold(lowest / 2, metric.of(confusion, positive));
    for (int passed = 0; passed < rows; passed++) {
      int row = ascending[passed];
      int label = predictions.labels()[row];
      counts[label][positive]--;
      counts[label][1 - positive]++;
      double below = predictions.probability(row, positive);
      double above =
          passed + 1 < rows ? predictions.probability(ascending[passed + 1], positive) : 1;
      if (below < above) {
        DecisionThreshold candidate =
            new DecisionThreshold(between(below, above), metric.of(confusion, positive));
        best = candidate.isBetterThan(best) ? candidate : best;
      }
    }
    return best;
  }

  /** The midpoint, or the upper end if no double lies between. */
  private static double between(double below, double above) {
    double middle = below + (above - below) / 2;
    return middle > below ? middle : above;
  }

  private boolean isBetterThan(DecisionThreshold other) {
    if (value != other.value) {
      return value > other.value;
    }
    double distance = Math.abs(threshold - MIDDLE);
    double otherDistance = Math.abs(other.threshold - MIDDLE);
    return distance < otherDistance || (distance == otherDistance && threshold < other.threshold);
  }
}
