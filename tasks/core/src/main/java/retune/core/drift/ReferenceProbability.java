package retune.core.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;

/**
 * The probability that a row is of the reference rather than of the batch, where both are equally
 * likely: a logistic regression on the bins of columns, with a ridge of 1 and the same total weight
 * for both samples.
 *
 * <p>With {@code p} for the reference's density and {@code q} for the batch's, weighting a row of
 * the batch by this probability and one of the reference by the other one gives both samples the
 * density {@code p · q / (p + q)}: that of the inputs which both have (Cai, Namkoong &amp;
 * Yadlowsky, 2023, "Diagnosing Model Performance Under Distribution Shift"). No weight exceeds 1.
 *
 * @param reference by row of the reference
 * @param current by row of the batch
 */
record ReferenceProbability(double[] reference, double[] current) {
  private static final int MOST_STEPS = 30;
  private static final double PRECISION = 1e-9;
  private static final double RIDGE = 1;

  /** Coefficients beyond these are left out, column by column. */
  private static final int MOST_COEFFICIENTS = 300;

  /** Bins of numbers beside the deciles: at either end, and beyond what the reference has. */
  private static final int MORE_BINS = 4;

  /** A column's bin of each row, with the coefficient of its first bin. */
  private record Coded(int first, int count, int[] reference, int[] current) {
    static Coded of(ComparedColumn column, int first) {
      return switch (column) {
        case ComparedColumn.Numbers numbers -> {
          float[] sorted = numbers.reference().clone();
          Arrays.sort(sorted);
          Bins bins = Bins.ofNumbers(sorted);
          yield new Coded(
              first,
              bins.coarseCount() + MORE_BINS,
              coarse(bins, sorted, numbers.reference()),
              coarse(bins, sorted, numbers.current()));
        }
        case ComparedColumn.Codes codes -> {
          Bins bins = Bins.ofCodes(codes.reference(), codes.current(), codes.labels().size());
          yield new Coded(
              first, bins.count(), bins.of(codes.reference()), bins.of(codes.current()));
        }
      };
    }

    /** Between deciles; the outermost 2 % and what is outside the reference have own bins. */
    private static int[] coarse(Bins bins, float[] sorted, float[] values) {
      int[] fine = bins.of(values);
      int[] coarse = new int[values.length];
      for (int row = 0; row < values.length; row++) {
        if (values[row] < sorted[0]) {
          coarse[row] = bins.coarseCount();
        } else if (values[row] > sorted[sorted.length - 1]) {
          coarse[row] = bins.coarseCount() + 1;
        } else if (fine[row] == 0) {
          coarse[row] = bins.coarseCount() + 2;
        } else if (fine[row] == bins.count() - 1) {
          coarse[row] = bins.coarseCount() + 3;
        } else {
          coarse[row] = bins.coarse()[fine[row]];
        }
      }
      return coarse;
    }
  }

  /**
   * Fits the probability; ½ for every row if there is no column.
   *
   * @param columns the most important first
   */
  static ReferenceProbability of(List<ComparedColumn> columns, int referenceRows, int currentRows) {
    List<Coded> coded = new ArrayList<>();
    int coefficients = 1;
    for (ComparedColumn column : columns) {
      Coded next = Coded.of(column, coefficients);
      if (coefficients + next.count <= MOST_COEFFICIENTS) {
        coded.add(next);
        coefficients += next.count;
      }
    }
    double[] beta = new double[coefficients];
    if (!coded.isEmpty()) {
      fit(coded, beta, referenceRows, currentRows);
    }
    return new ReferenceProbability(
        probabilities(coded, beta, referenceRows, true),
        probabilities(coded, beta, currentRows, false));
  }

  /** Newton's method; the log likelihood with its ridge is concave. */
  private static void fit(List<Coded> columns, double[] beta, int referenceRows, int currentRows) {
    double rows = referenceRows + currentRows;
    LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.symmPosDef(beta.length);
    for (int step = 0; step < MOST_STEPS; step++) {
      double[] gradient = new double[beta.length];
      DMatrixRMaj curvature = new DMatrixRMaj(beta.length, beta.length);
      add(columns, beta, referenceRows, true, rows / (2 * referenceRows), gradient, curvature);
      add(columns, beta, currentRows, false, rows / (2 * currentRows), gradient, curvature);
      for (int i = 1; i < beta.length; i++) {
        gradient[i] -= RIDGE * beta[i];
        curvature.add(i, i, RIDGE);
      }
      DMatrixRMaj change = new DMatrixRMaj(beta.length, 1);
      if (!solver.setA(curvature)) {
        return;
      }
      solver.solve(DMatrixRMaj.wrap(beta.length, 1, gradient), change);
      double greatest = Arrays.stream(change.data).map(Math::abs).max().orElse(0);
      // A step beyond 2 in a log-odds may leave the region where the quadratic model holds.
      double share = greatest > 2 ? 2 / greatest : 1;
      for (int i = 0; i < beta.length; i++) {
        beta[i] += share * change.data[i];
      }
      if (greatest < PRECISION) {
        return;
      }
    }
  }

  private static void add(
      List<Coded> columns,
      double[] beta,
      int rows,
      boolean isReference,
      double weight,
      double[] gradient,
      DMatrixRMaj curvature) {
    int[] at = new int[columns.size() + 1];
    for (int row = 0; row < rows; row++) {
      double probability = probability(columns, beta, row, isReference, at);
      double slope = weight * ((isReference ? 1 : 0) - probability);
      double bend = weight * probability * (1 - probability);
      for (int i : at) {
        gradient[i] += slope;
        for (int j : at) {
          curvature.add(i, j, bend);
        }
      }
    }
  }

  private static double[] probabilities(
      List<Coded> columns, double[] beta, int rows, boolean isReference) {
    int[] at = new int[columns.size() + 1];
    double[] probabilities = new double[rows];
    for (int row = 0; row < rows; row++) {
      probabilities[row] = probability(columns, beta, row, isReference, at);
    }
    return probabilities;
  }

  /** Leaves the row's coefficients in {@code at}; the first is the constant's. */
  private static double probability(
      List<Coded> columns, double[] beta, int row, boolean isReference, int[] at) {
    double logOdds = beta[0];
    for (int column = 0; column < columns.size(); column++) {
      Coded coded = columns.get(column);
      at[column + 1] = coded.first + (isReference ? coded.reference : coded.current)[row];
      logOdds += beta[at[column + 1]];
    }
    return 1 / (1 + Math.exp(-logOdds));
  }
}
