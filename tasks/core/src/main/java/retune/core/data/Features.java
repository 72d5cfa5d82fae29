package retune.core.data;

import java.util.Arrays;
import java.util.List;

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

  /** The rows of parts with the same schema, one after the other; there is at least one part. */
  public static Features joined(List<Features> parts) {
    FeatureSchema schema = parts.getFirst().schema;
    int[][] codes = new int[schema.categorical().size()][];
    for (int feature = 0; feature < codes.length; feature++) {
      int joined = feature;
      codes[feature] =
          parts.stream().flatMapToInt(part -> Arrays.stream(part.codes[joined])).toArray();
    }
    int rows = parts.stream().mapToInt(Features::rows).sum();
    float[][] numbers = new float[schema.numeric().size()][rows];
    int first = 0;
    for (Features part : parts) {
      for (int feature = 0; feature < numbers.length; feature++) {
        System.arraycopy(part.numbers[feature], 0, numbers[feature], first, part.rows);
      }
      first += part.rows;
    }
    return new Features(schema, rows, codes, numbers);
  }

  /** The rows from position {@code from} (inclusive) to {@code to} (exclusive). */
  public Features range(int from, int to) {
    if (from == 0 && to == rows) {
      return this;
    }
    int[][] someCodes = new int[codes.length][];
    for (int feature = 0; feature < codes.length; feature++) {
      someCodes[feature] = Arrays.copyOfRange(codes[feature], from, to);
    }
    float[][] someNumbers = new float[numbers.length][];
    for (int feature = 0; feature < numbers.length; feature++) {
      someNumbers[feature] = Arrays.copyOfRange(numbers[feature], from, to);
    }
    return new Features(schema, to - from, someCodes, someNumbers);
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
