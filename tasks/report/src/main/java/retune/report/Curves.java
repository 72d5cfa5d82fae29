package retune.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import retune.core.metrics.Predictions;

/** Curves that show how well the probability of one class separates its rows from the others. */
public final class Curves {
  /** More points would not be visible. */
  private static final int MOST_POINTS = 200;

  private static final int CALIBRATION_BINS = 10;

  private Curves() {}

  /** True positive rate over false positive rate. */
  public static Line roc(String name, Predictions predictions, int label) {
    return thinned(
        name,
        counts(predictions, label),
        (inside, outside, allInside, allOutside) ->
            new double[] {(double) outside / allOutside, (double) inside / allInside});
  }

  /** Precision over recall, from the first predicted row on. */
  public static Line precisionRecall(String name, Predictions predictions, int label) {
    List<int[]> counts = counts(predictions, label);
    return thinned(
        name,
        counts.subList(1, counts.size()),
        (inside, outside, allInside, _) ->
            new double[] {(double) inside / allInside, (double) inside / (inside + outside)});
  }

  /** Observed share over predicted probability in ten equal bins; empty bins are left out. */
  public static Line calibration(String name, Predictions predictions, int label) {
    double[] stated = new double[CALIBRATION_BINS];
    double[] observed = new double[CALIBRATION_BINS];
    int[] rows = new int[CALIBRATION_BINS];
    for (int row = 0; row < predictions.rows(); row++) {
      double probability = predictions.probability(row, label);
      int bin = Math.min(CALIBRATION_BINS - 1, (int) (probability * CALIBRATION_BINS));
      stated[bin] += probability;
      observed[bin] += predictions.labels()[row] == label ? 1 : 0;
      rows[bin]++;
    }
    int[] some = IntStream.range(0, CALIBRATION_BINS).filter(bin -> rows[bin] > 0).toArray();
    return new Line(
        name,
        IntStream.of(some).mapToDouble(bin -> stated[bin] / rows[bin]).toArray(),
        IntStream.of(some).mapToDouble(bin -> observed[bin] / rows[bin]).toArray());
  }

  private interface Point {
    double[] of(int inside, int outside, int allInside, int allOutside);
  }

  /** Rows of the class, and of the others, that are predicted as it, as the threshold falls. */
  private static List<int[]> counts(Predictions predictions, int label) {
    double[] inside = sorted(predictions, label, true);
    double[] outside = sorted(predictions, label, false);
    List<int[]> counts = new ArrayList<>(List.of(new int[] {0, 0}));
    int insideLeft = inside.length;
    int outsideLeft = outside.length;
    while (insideLeft > 0 || outsideLeft > 0) {
      double threshold =
          Math.max(
              insideLeft > 0 ? inside[insideLeft - 1] : 0,
              outsideLeft > 0 ? outside[outsideLeft - 1] : 0);
      while (insideLeft > 0 && inside[insideLeft - 1] >= threshold) {
        insideLeft--;
      }
      while (outsideLeft > 0 && outside[outsideLeft - 1] >= threshold) {
        outsideLeft--;
      }
      counts.add(new int[] {inside.length - insideLeft, outside.length - outsideLeft});
    }
    return counts;
  }

  /** The class's probability for the rows that are of the class, or that are not, ascending. */
  private static double[] sorted(Predictions predictions, int label, boolean isInside) {
    double[] sorted = new double[predictions.rows()];
    int filled = 0;
    for (int row = 0; row < sorted.length; row++) {
      if ((predictions.labels()[row] == label) == isInside) {
        sorted[filled++] = predictions.probability(row, label);
      }
    }
    double[] some = Arrays.copyOf(sorted, filled);
    Arrays.sort(some);
    return some;
  }

  private static Line thinned(String name, List<int[]> counts, Point point) {
    int[] all = counts.getLast();
    int points = Math.min(MOST_POINTS, counts.size());
    double[] x = new double[points];
    double[] y = new double[points];
    for (int i = 0; i < points; i++) {
      int[] at =
          counts.get(points == 1 ? 0 : (int) ((long) i * (counts.size() - 1) / (points - 1)));
      double[] place = point.of(at[0], at[1], all[0], all[1]);
      x[i] = place[0];
      y[i] = place[1];
    }
    return new Line(name, x, y);
  }
}
