package retune.core.drift;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.ChiSquaredDistribution;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import retune.core.statistics.Interval;
import retune.core.statistics.NormalApproximation;

/**
 * Whether the label depends on the columns as it did in the reference, by the residuals of the
 * model's probabilities: how often a class came, less how often it was expected. Rows count by
 * weights that give both samples the same inputs, so that residuals differ only where the relation
 * does, whether or not the probabilities are right.
 *
 * <p>{@code pValue} is of any change: of each class's mean residual, and of the slope, which is the
 * mean covariance of the residuals with the model's log probabilities (the score test of Cox's
 * recalibration, 1958). {@code slopePValue} is of what is left of the slope after each class's
 * log-odds may have moved by a constant, as they do where only the shares of the classes change; 1
 * for a model that gives every row the same probability.
 *
 * @param overlap share of the inputs that both samples have, 0 … 1
 * @param rows of the smaller sample that count: Kish's effective number (1965), or what the weights
 *     add up to if the sides differ so much that all are small
 * @param label the class whose mean residual changed most
 * @param residual that change: batch minus reference
 * @param interval of the change, with a confidence of 95 %
 */
public record RelationTest(
    double overlap,
    double rows,
    double pValue,
    double slopePValue,
    int label,
    double residual,
    Interval interval) {
  /** With fewer effective rows the relation cannot be tested. */
  public static final int LEAST_ROWS = 50;

  /** With less of the inputs in common it cannot, either. */
  public static final double LEAST_OVERLAP = 0.1;

  /** A class with fewer rows in either sample has no mean residual of its own. */
  private static final int LEAST_OF_A_CLASS = 20;

  private static final int MOST_CLASSES = 10;

  /** A smaller probability counts as this in the slope, so that no row has all the weight. */
  private static final double LEAST_PROBABILITY = 0.01;

  /**
   * A model whose log-odds spread less than this gives every row the same probability, and what its
   * slope has is rounding.
   */
  private static final double LEAST_SLOPE = 1e-6;

  private static final double CONFIDENCE = 0.95;
  private static final int MOST_STEPS = 50;
  private static final double PRECISION = 1e-10;
  private static final double RIDGE = 1e-9;

  /**
   * Labelled rows of one sample.
   *
   * @param probabilities {@code rows × classes}, row-major
   * @param weights above 0
   */
  record Side(int classes, int[] labels, double[] probabilities, double[] weights) {
    /** Without a difference of the inputs every weight is ½. */
    double effectiveRows() {
      double sum = Arrays.stream(weights).sum();
      double squares = Arrays.stream(weights).map(weight -> weight * weight).sum();
      return Math.min(2 * sum, sum * sum / squares);
    }

    double meanWeight() {
      return Arrays.stream(weights).average().orElse(0);
    }

    long rowsOf(int label) {
      return Arrays.stream(labels).filter(of -> of == label).count();
    }
  }

  /** Compares the samples. */
  static RelationTest of(Side reference, Side current) {
    int[] classes = classes(reference, current);
    Moments before = Moments.of(reference, classes);
    Moments after = Moments.of(current, classes);
    int size = before.mean.length;
    double[] difference =
        IntStream.range(0, size).mapToDouble(i -> after.mean[i] - before.mean[i]).toArray();
    DMatrixRMaj covariance = new DMatrixRMaj(size, size);
    CommonOps_DDRM.add(before.covariance, after.covariance, covariance);
    int most =
        IntStream.range(0, classes.length)
            .boxed()
            .max(Comparator.comparingDouble(i -> Math.abs(difference[i])))
            .orElseThrow();
    NormalApproximation change =
        new NormalApproximation(difference[most], Math.sqrt(covariance.get(most, most)));
    double slopeVariance = before.slopeVariance + after.slopeVariance;
    boolean hasSlope = slopeVariance > LEAST_SLOPE * LEAST_SLOPE * covariance.get(0, 0);
    NormalApproximation slope =
        new NormalApproximation(after.slope - before.slope, Math.sqrt(slopeVariance));
    return new RelationTest(
        Math.min(1, reference.meanWeight() + current.meanWeight()),
        Math.min(reference.effectiveRows(), current.effectiveRows()),
        pValue(difference, covariance),
        hasSlope ? slope.pValue(0) : 1,
        classes[most],
        difference[most],
        change.interval(CONFIDENCE));
  }

  /** Whether there are enough rows to tell. */
  public boolean isTellable() {
    return rows >= LEAST_ROWS && overlap >= LEAST_OVERLAP;
  }

  /** Whether anything has changed, at a level. */
  public boolean hasChanged(double level) {
    return pValue < level;
  }

  /** Whether more has changed than a constant of each class, at a level. */
  public boolean isBeyondShares(double level) {
    return isTellable() && slopePValue < level;
  }

  /** The most frequent classes but the first of all, whose residual follows from the others. */
  private static int[] classes(Side reference, Side current) {
    int[] frequent =
        IntStream.range(0, reference.classes)
            .filter(
                label ->
                    Math.min(reference.rowsOf(label), current.rowsOf(label)) >= LEAST_OF_A_CLASS)
            .boxed()
            .sorted(Comparator.comparingLong((Integer label) -> -current.rowsOf(label)))
            .mapToInt(label -> label)
            .toArray();
    int[] kept =
        Arrays.stream(frequent)
            .skip(frequent.length == reference.classes ? 1 : 0)
            .limit(MOST_CLASSES)
            .toArray();
    return kept.length == 0 ? new int[] {mostFrequent(current)} : kept;
  }

  private static int mostFrequent(Side side) {
    return IntStream.range(0, side.classes)
        .boxed()
        .max(Comparator.comparingLong(side::rowsOf))
        .orElseThrow();
  }

  private static double pValue(double[] difference, DMatrixRMaj covariance) {
    int size = difference.length;
    double scale = CommonOps_DDRM.trace(covariance) / size;
    if (scale == 0) {
      return Arrays.stream(difference).allMatch(value -> value == 0) ? 1 : 0;
    }
    DMatrixRMaj matrix = covariance.copy();
    for (int i = 0; i < size; i++) {
      matrix.add(i, i, RIDGE * scale);
    }
    DMatrixRMaj solved = new DMatrixRMaj(size, 1);
    CommonOps_DDRM.solve(matrix, DMatrixRMaj.wrap(size, 1, difference), solved);
    double statistic = CommonOps_DDRM.dot(DMatrixRMaj.wrap(size, 1, difference), solved);
    return ChiSquaredDistribution.of(size).survivalProbability(Math.max(0, statistic));
  }

  /**
   * Weighted means of the residuals of some classes and, last, of the slope.
   *
   * @param covariance of the means
   * @param slope the slope's mean after each class's log-odds have moved by their best constants
   */
  private record Moments(
      double[] mean, DMatrixRMaj covariance, double slope, double slopeVariance) {
    static Moments of(Side side, int[] classes) {
      int size = classes.length + 1;
      double total = Arrays.stream(side.weights).sum();
      double[] ofRow = new double[size];
      double[] mean = new double[size];
      for (int row = 0; row < side.labels.length; row++) {
        residuals(side, classes, new double[side.classes], row, ofRow);
        for (int i = 0; i < size; i++) {
          mean[i] += side.weights[row] / total * ofRow[i];
        }
      }
      DMatrixRMaj covariance = new DMatrixRMaj(size, size);
      for (int row = 0; row < side.labels.length; row++) {
        residuals(side, classes, new double[side.classes], row, ofRow);
        double weight = side.weights[row] / total;
        for (int i = 0; i < size; i++) {
          for (int j = 0; j < size; j++) {
            covariance.add(i, j, weight * weight * (ofRow[i] - mean[i]) * (ofRow[j] - mean[j]));
          }
        }
      }
      return withSlope(side, classes, total, mean, covariance);
    }

    /** Moves the log-odds of the classes until their mean residuals are 0, by Newton's method. */
    private static Moments withSlope(
        Side side, int[] classes, double total, double[] mean, DMatrixRMaj covariance) {
      int size = classes.length;
      double[] biases = new double[side.classes];
      double[] residual = new double[size + 1];
      double[] row = new double[size + 1];
      DMatrixRMaj information = new DMatrixRMaj(size, size);
      double[] cross = new double[size];
      DMatrixRMaj change = new DMatrixRMaj(size, 1);
      for (int step = 0; step < MOST_STEPS; step++) {
        Arrays.fill(residual, 0);
        information.zero();
        Arrays.fill(cross, 0);
        for (int i = 0; i < side.labels.length; i++) {
          double weight = side.weights[i] / total;
          double[] moved = residuals(side, classes, biases, i, row);
          double meanLog = meanLog(side, i, moved);
          for (int k = 0; k <= size; k++) {
            residual[k] += weight * row[k];
          }
          for (int k = 0; k < size; k++) {
            double p = moved[classes[k]];
            cross[k] += weight * p * (logarithm(side, i, classes[k]) - meanLog);
            for (int l = 0; l < size; l++) {
              information.add(k, l, weight * p * ((k == l ? 1 : 0) - moved[classes[l]]));
            }
          }
        }
        for (int k = 0; k < size; k++) {
          information.add(k, k, RIDGE);
        }
        CommonOps_DDRM.solve(
            information, DMatrixRMaj.wrap(size, 1, Arrays.copyOf(residual, size)), change);
        double greatest = Arrays.stream(change.data).map(Math::abs).max().orElse(0);
        if (greatest < PRECISION) {
          break;
        }
        double share = greatest > 2 ? 2 / greatest : 1;
        for (int k = 0; k < size; k++) {
          biases[classes[k]] += share * change.data[k];
        }
      }
      DMatrixRMaj influence = new DMatrixRMaj(size, 1);
      CommonOps_DDRM.solve(information, DMatrixRMaj.wrap(size, 1, cross), influence);
      double slope = residual[size];
      double variance = 0;
      for (int i = 0; i < side.labels.length; i++) {
        residuals(side, classes, biases, i, row);
        double ofRow = row[size] - slope;
        for (int k = 0; k < size; k++) {
          ofRow -= influence.data[k] * row[k];
        }
        double weight = side.weights[i] / total;
        variance += weight * weight * ofRow * ofRow;
      }
      return new Moments(mean, covariance, slope, variance);
    }

    /** Fills in a row's residuals and slope, and returns its probabilities. */
    private static double[] residuals(
        Side side, int[] classes, double[] biases, int row, double[] residuals) {
      double[] moved = new double[side.classes];
      double sum = 0;
      for (int label = 0; label < side.classes; label++) {
        moved[label] = side.probabilities[row * side.classes + label] * Math.exp(biases[label]);
        sum += moved[label];
      }
      for (int label = 0; label < side.classes; label++) {
        moved[label] /= sum;
      }
      for (int k = 0; k < classes.length; k++) {
        residuals[k] = (side.labels[row] == classes[k] ? 1 : 0) - moved[classes[k]];
      }
      residuals[classes.length] =
          logarithm(side, row, side.labels[row]) - meanLog(side, row, moved);
      return moved;
    }

    private static double meanLog(Side side, int row, double[] probabilities) {
      double mean = 0;
      for (int label = 0; label < side.classes; label++) {
        mean += probabilities[label] * logarithm(side, row, label);
      }
      return mean;
    }

    private static double logarithm(Side side, int row, int label) {
      return Math.log(Math.max(LEAST_PROBABILITY, side.probabilities[row * side.classes + label]));
    }
  }
}
