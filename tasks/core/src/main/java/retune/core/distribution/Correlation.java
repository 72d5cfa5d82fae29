package retune.core.distribution;

import java.util.Arrays;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.CholeskyDecomposition_F64;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import retune.core.InvalidInputException;

/**
 * Correlation matrices of normal values. Outside this class, a matrix is represented by its lower
 * triangle without the diagonal, as in {@link Component#correlation()}.
 */
final class Correlation {
  /** Smallest eigenvalue allowed: far above what rounding to {@link #PLACES} can take away. */
  private static final double LEAST_EIGENVALUE = 1e-4;

  private static final double PLACES = 1e6;

  private Correlation() {}

  /**
   * Estimates the correlation of the normal values that underlie the columns, as a positive
   * definite matrix. Each pair of columns is estimated from the rows that have both values; a
   * constant or empty column is uncorrelated with all others.
   *
   * @param columns {@code [column][row]}; NaN if missing
   */
  static double[][] estimate(double[][] columns) {
    NormalScores[] scores =
        Arrays.stream(columns).map(NormalScores::of).toArray(NormalScores[]::new);
    DMatrixRMaj values =
        new DMatrixRMaj(Arrays.stream(scores).map(NormalScores::values).toArray(double[][]::new));
    DMatrixRMaj products = new DMatrixRMaj(columns.length, columns.length);
    CommonOps_DDRM.multOuter(values, products);
    DMatrixRMaj squares = squaresWherePresent(values, columns);
    DMatrixRMaj correlation = CommonOps_DDRM.identity(columns.length);
    for (int i = 0; i < columns.length; i++) {
      for (int j = 0; j < i; j++) {
        double scale = Math.sqrt(squares.get(i, j) * squares.get(j, i));
        if (scale > 0) {
          double normal =
              NormalScores.normalCorrelation(scores[i], scores[j], products.get(i, j) / scale);
          correlation.set(i, j, normal);
          correlation.set(j, i, normal);
        }
      }
    }
    return lowerTriangle(positiveDefinite(correlation));
  }

  /**
   * The lower factor L of the matrix LLᵀ: row {@code i} has {@code i + 1} values.
   *
   * @throws InvalidInputException if the matrix is not positive definite
   */
  static double[][] cholesky(double[][] lowerTriangle) {
    DMatrixRMaj factor =
        factor(full(lowerTriangle))
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "A correlation matrix of the distribution is not positive definite; learn"
                            + " the distribution again."));
    double[][] rows = new double[lowerTriangle.length][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(factor.data, i * rows.length, i * rows.length + i + 1);
    }
    return rows;
  }

  /**
   * The matrix itself, or a positive definite correlation matrix near it: eigenvalues that are too
   * small are raised to the smallest one allowed, and the diagonal is scaled back to 1 (Rousseeuw
   * and Molenberghs 1993, "Transformation of non positive semidefinite correlation matrices").
   */
  static DMatrixRMaj positiveDefinite(DMatrixRMaj correlation) {
    int size = correlation.getNumRows();
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(size, true, true);
    if (!eigen.decompose(correlation.copy())) {
      throw new IllegalStateException("no eigenvalues of a symmetric matrix of size " + size);
    }
    DMatrixRMaj root = new DMatrixRMaj(size, size);
    boolean raised = false;
    for (int k = 0; k < size; k++) {
      double eigenvalue = eigen.getEigenvalue(k).getReal();
      raised |= eigenvalue < LEAST_EIGENVALUE;
      double scale = Math.sqrt(Math.max(eigenvalue, LEAST_EIGENVALUE));
      DMatrixRMaj vector = eigen.getEigenVector(k);
      for (int i = 0; i < size; i++) {
        root.set(i, k, scale * vector.get(i));
      }
    }
    if (!raised) {
      return correlation;
    }
    DMatrixRMaj nearest = new DMatrixRMaj(size, size);
    CommonOps_DDRM.multOuter(root, nearest);
    double[] deviation = new double[size];
    for (int i = 0; i < size; i++) {
      deviation[i] = Math.sqrt(nearest.get(i, i));
    }
    CommonOps_DDRM.divideRows(deviation, nearest);
    CommonOps_DDRM.divideCols(nearest, deviation);
    return nearest;
  }

  /** At (i, j): the sum of squares of column i over the rows in which column j has a value. */
  private static DMatrixRMaj squaresWherePresent(DMatrixRMaj values, double[][] columns) {
    double[][] ones =
        Arrays.stream(columns)
            .map(column -> Arrays.stream(column).map(x -> Double.isNaN(x) ? 0 : 1).toArray())
            .toArray(double[][]::new);
    DMatrixRMaj present = new DMatrixRMaj(ones);
    DMatrixRMaj squared = new DMatrixRMaj(values.getNumRows(), values.getNumCols());
    CommonOps_DDRM.elementMult(values, values, squared);
    DMatrixRMaj sums = new DMatrixRMaj(columns.length, columns.length);
    CommonOps_DDRM.multTransB(squared, present, sums);
    return sums;
  }

  private static Optional<DMatrixRMaj> factor(DMatrixRMaj matrix) {
    CholeskyDecomposition_F64<DMatrixRMaj> cholesky =
        DecompositionFactory_DDRM.chol(matrix.getNumRows(), true);
    return cholesky.decompose(matrix) ? Optional.of(cholesky.getT(null)) : Optional.empty();
  }

  private static double[][] lowerTriangle(DMatrixRMaj matrix) {
    double[][] rows = new double[matrix.getNumRows()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new double[i];
      for (int j = 0; j < i; j++) {
        rows[i][j] = Math.rint(matrix.get(i, j) * PLACES) / PLACES;
      }
    }
    return rows;
  }

  private static DMatrixRMaj full(double[][] lowerTriangle) {
    DMatrixRMaj matrix = CommonOps_DDRM.identity(lowerTriangle.length);
    for (int i = 0; i < lowerTriangle.length; i++) {
      for (int j = 0; j < i; j++) {
        matrix.set(i, j, lowerTriangle[i][j]);
        matrix.set(j, i, lowerTriangle[i][j]);
      }
    }
    return matrix;
  }
}
