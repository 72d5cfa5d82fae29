package retune.core.data;

import java.util.Arrays;

/**
 * Rows of features, stored by column.
 *
 * @param codes {@code [categorical feature][row]}, each in 0 … cardinality − 1
 * @param numbers {@code [numeric feature][row]}, finite
 */
public record Features(FeatureSchema schema, int rows, int[][] codes, float[][] numbers) {
  public Features {
    if (codes.length != schema.categorical().size() || numbers.length != schema.numeric().size()) {
      throw new IllegalArgumentException("feature columns do not match the schema");
    }
  }

  /** The given rows, in that order. */
  public Features select(int[] selected) {
    int[][] selectedCodes = new int[codes.length][];
    for (int feature = 0; feature < codes.length; feature++) {
      int[] column = codes[feature];
      selectedCodes[feature] = Arrays.stream(selected).map(row -> column[row]).toArray();
    }
    float[][] selectedNumbers = new float[numbers.length][selected.length];
    for (int feature = 0; feature < numbers.length; feature++) {
      for (int i = 0; i < selected.length; i++) {
        selectedNumbers[feature][i] = numbers[feature][selected[i]];
      }
    }
    return new Features(schema, selected.length, selectedCodes, selectedNumbers);
  }
}
