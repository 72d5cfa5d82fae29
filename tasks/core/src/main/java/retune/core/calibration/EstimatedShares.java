package retune.core.calibration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.TDistribution;
import retune.core.metrics.Predictions;
import retune.core.statistics.Interval;

/**
 * The shares of the classes in rows without labels, with their error: {@link
 * LabelShift#withoutLabels} with probabilities that are first made right on average in labelled
 * rows of the reference.
 *
 * <p>The error is that of the delete-a-group jackknife (Efron &amp; Tibshirani, 1993, chapter 11),
 * over groups of both samples. It says how far other samples would have moved the estimate, and
 * nothing of whether the rows of a class still look as they did.
 *
 * @param reference the shares in the reference
 * @param shares the estimate
 * @param standardErrors of the estimate
 * @param converged see {@link LabelShift}
 */
public record EstimatedShares(
    double[] reference, double[] shares, double[] standardErrors, boolean converged) {
  private static final int GROUPS = 10;

  /** Of more rows × classes, a part that is spread over the rows is used. */
  private static final int MOST_NUMBERS = 20_000;

  /**
   * Estimates the shares.
   *
   * @param reference calibrated predictions of labelled rows that have every class
   * @param probabilities of the rows without labels, {@code rows × classes}, row-major
   */
  public static EstimatedShares of(Predictions reference, double[] probabilities) {
    int classes = reference.classes();
    Predictions labelled = reference.select(spread(reference.rows(), classes));
    double[] unlabelled =
        select(probabilities, classes, spread(probabilities.length / classes, classes));
    LabelShift estimate = estimate(labelled, unlabelled);
    double[] variances = new double[classes];
    add(
        variances,
        groups(labelled.rows()).stream()
            .map(rows -> estimate(labelled.select(rows), unlabelled))
            .toList());
    add(
        variances,
        groups(unlabelled.length / classes).stream()
            .map(rows -> estimate(labelled, select(unlabelled, classes, rows)))
            .toList());
    return new EstimatedShares(
        shares(labelled),
        estimate.shares(),
        Arrays.stream(variances).map(Math::sqrt).toArray(),
        estimate.converged());
  }

  /** The interval of a class's share. */
  public Interval interval(int label, double confidence) {
    double reach =
        TDistribution.of(GROUPS - 1).inverseSurvivalProbability((1 - confidence) / 2)
            * standardErrors[label];
    return new Interval(
        Math.max(0, shares[label] - reach), Math.min(1, shares[label] + reach), confidence);
  }

  private static LabelShift estimate(Predictions labelled, double[] unlabelled) {
    double[] biases = LabelShift.withLabels(labelled).biases();
    int classes = labelled.classes();
    double[] moved = unlabelled.clone();
    for (int from = 0; from < moved.length; from += classes) {
      double sum = 0;
      for (int label = 0; label < classes; label++) {
        moved[from + label] *= Math.exp(biases[label]);
        sum += moved[from + label];
      }
      for (int label = 0; label < classes; label++) {
        moved[from + label] /= sum;
      }
    }
    return LabelShift.withoutLabels(moved, shares(labelled));
  }

  /** With a part of a row for each class, so that no share is 0. */
  private static double[] shares(Predictions rows) {
    double[] shares = new double[rows.classes()];
    Arrays.fill(shares, 1.0 / shares.length);
    Arrays.stream(rows.labels()).forEach(label -> shares[label]++);
    return Arrays.stream(shares).map(count -> count / (rows.rows() + 1)).toArray();
  }

  /** Adds the variance of the mean of the leave-one-group-out estimates. */
  private static void add(double[] variances, List<LabelShift> estimates) {
    int groups = estimates.size();
    for (int label = 0; label < variances.length; label++) {
      int of = label;
      double mean = estimates.stream().mapToDouble(one -> one.shares()[of]).average().orElseThrow();
      double squares =
          estimates.stream()
              .mapToDouble(one -> (one.shares()[of] - mean) * (one.shares()[of] - mean))
              .sum();
      variances[label] += squares * (groups - 1) / groups;
    }
  }

  /** The rows that are left without each group; a group is spread over the rows. */
  private static List<int[]> groups(int rows) {
    List<int[]> groups = new ArrayList<>();
    for (int group = 0; group < GROUPS; group++) {
      int left = group;
      groups.add(IntStream.range(0, rows).filter(row -> row % GROUPS != left).toArray());
    }
    return groups;
  }

  private static int[] spread(int rows, int classes) {
    int most = Math.max(10 * GROUPS, MOST_NUMBERS / classes);
    int taken = Math.min(rows, most);
    return IntStream.range(0, taken).map(i -> (int) ((long) i * rows / taken)).toArray();
  }

  private static double[] select(double[] probabilities, int classes, int[] rows) {
    double[] selected = new double[rows.length * classes];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(probabilities, rows[i] * classes, selected, i * classes, classes);
    }
    return selected;
  }
}
