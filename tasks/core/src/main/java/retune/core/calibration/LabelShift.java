package retune.core.calibration;

import java.util.Arrays;
import retune.core.metrics.Predictions;

/**
 * A change in the shares of the classes. Where the rows of each class look as they did before, the
 * probability of a class changes by one factor in all rows, up to the row's norm (Saerens, Latinne
 * &amp; Decaestecker, 2002).
 *
 * @param shares of the classes now; they add up to 1
 * @param biases the logarithm of each class's factor, to be added to its logit
 * @param steps number of iterations
 * @param converged false if the last step still moved a share by more than {@value #PRECISION}
 */
public record LabelShift(double[] shares, double[] biases, int steps, boolean converged) {
  /** An iteration ends as soon as a step moves no share by more than this. */
  static final double PRECISION = 1e-10;

  /** An iteration ends after so many steps at the latest. */
  static final int MOST_STEPS = 2_000;

  /**
   * Estimates the shares from rows without labels, by expectation maximization. It finds the
   * maximum of the likelihood, which is the only one. It needs calibrated probabilities
   * (Alexandari, Kundaje &amp; Shrikumar, 2020), and calls every change a change in shares, also
   * one that is not.
   *
   * @param probabilities {@code rows × classes}, row-major, of at least one row
   * @param reference the shares in the rows that the probabilities were calibrated on, above 0
   */
  public static LabelShift withoutLabels(double[] probabilities, double[] reference) {
    int classes = reference.length;
    if (probabilities.length == 0 || probabilities.length % classes != 0) {
      throw new IllegalArgumentException(
          probabilities.length + " probabilities of " + classes + " classes");
    }
    for (double share : reference) {
      if (!(share > 0 && share <= 1)) {
        throw new IllegalArgumentException("the reference has a class of the share " + share);
      }
    }
    double[] shares = reference.clone();
    double[] factors = new double[classes];
    Arrays.fill(factors, 1);
    boolean converged = false;
    int steps = 0;
    while (!converged && steps < MOST_STEPS) {
      double[] next = mean(probabilities, factors);
      converged = distance(shares, next) <= PRECISION;
      shares = next;
      for (int label = 0; label < classes; label++) {
        factors[label] = shares[label] / reference[label];
      }
      steps++;
    }
    return new LabelShift(shares, logarithms(factors), steps, converged);
  }

  /**
   * The shares of rows with labels, and the factors with which the probabilities of a class are its
   * share in the mean. These are the biases of least log loss. One more row, of each class as far
   * as the probabilities say, keeps the bias of a class finite that no row has.
   */
  public static LabelShift withLabels(Predictions rows) {
    int classes = rows.classes();
    double[] factors = new double[classes];
    Arrays.fill(factors, 1);
    double[] mean = mean(rows.probabilities(), factors);
    double[] shares = mean.clone();
    for (int label : rows.labels()) {
      shares[label]++;
    }
    for (int label = 0; label < classes; label++) {
      shares[label] /= rows.rows() + 1;
    }
    int steps = 0;
    while (distance(shares, mean) > PRECISION && steps < MOST_STEPS) {
      for (int label = 0; label < classes; label++) {
        factors[label] *= mean[label] > 0 ? shares[label] / mean[label] : 1;
      }
      mean = mean(rows.probabilities(), factors);
      steps++;
    }
    return new LabelShift(shares, logarithms(factors), steps, distance(shares, mean) <= PRECISION);
  }

  /** The mean probability of each class, after its factor. */
  private static double[] mean(double[] probabilities, double[] factors) {
    int classes = factors.length;
    double[] sums = new double[classes];
    double[] row = new double[classes];
    for (int from = 0; from < probabilities.length; from += classes) {
      double sum = 0;
      for (int label = 0; label < classes; label++) {
        row[label] = probabilities[from + label] * factors[label];
        sum += row[label];
      }
      for (int label = 0; label < classes; label++) {
        // a row whose only classes have vanished says nothing new
        sums[label] += sum > 0 ? row[label] / sum : probabilities[from + label];
      }
    }
    for (int label = 0; label < classes; label++) {
      sums[label] /= (double) probabilities.length / classes;
    }
    return sums;
  }

  private static double distance(double[] shares, double[] others) {
    double greatest = 0;
    for (int label = 0; label < shares.length; label++) {
      greatest = Math.max(greatest, Math.abs(shares[label] - others[label]));
    }
    return greatest;
  }

  private static double[] logarithms(double[] factors) {
    return Arrays.stream(factors).map(LogOdds::logarithm).toArray();
  }
}
