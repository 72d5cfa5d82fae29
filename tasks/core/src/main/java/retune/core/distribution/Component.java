package retune.core.distribution;

import java.util.List;
import retune.core.InvalidInputException;

/**
 * Some rows of one class that are alike, as a Gaussian copula: a marginal a column, and the
 * correlation of the standard normal values behind the columns' values.
 *
 * @param label index of the class
 * @param rows rows that were learned from; the component's weight
 * @param marginals one a feature column, in their order
 * @param correlation positive definite, its lower triangle without the diagonal: row {@code i} has
 *     {@code i} values, each −1 … 1
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
