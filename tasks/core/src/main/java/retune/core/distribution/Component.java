package retune.core.distribution;

import java.util.List;
import retune.core.InvalidInputException;

/**
 * Similar rows of one class as a Gaussian copula: one marginal per column, and the correlation of
 * the standard normal values that underlie the columns' values.
 *
 * @param label class index
 * @param rows number of rows learned from, which is the component's weight
 * @param marginals one per feature column, in the order of the columns
 * @param correlation a positive definite matrix as its lower triangle without the diagonal: row
 *     {@code i} has {@code i} values, each −1 … 1
 */
public record Component(int label, long rows, List<Marginal> marginals, double[][] correlation) {
  public Component {
    marginals = List.copyOf(marginals);
    if (correlation.length != marginals.size()) {
      throw new InvalidInputException(
          "A correlation matrix has "
              + correlation.length
              + " rows for "
              + marginals.size()
              + " columns; learn the distribution again.");
    }
    for (int row = 0; row < correlation.length; row++) {
      if (correlation[row].length != row) {
        throw new InvalidInputException(
            "Row "
                + row
                + " of a correlation matrix has "
                + correlation[row].length
                + " values instead of "
                + row
                + "; learn the distribution again.");
      }
    }
  }
}
