package retune.learning.exchange;

import java.util.SplittableRandom;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;

/** Rows for a model whose data is not available: uniform codes, standard normal numbers. */
public final class SyntheticRows {
  private SyntheticRows() {}

  /** Deterministic: the same schema gives the same rows. */
  public static Features of(FeatureSchema schema, int rows) {
    SplittableRandom random = new SplittableRandom(0);
    int[][] codes =
        schema.categorical().stream()
            .map(feature -> random.ints(rows, 0, feature.cardinality()).toArray())
            .toArray(int[][]::new);
    float[][] numbers = new float[schema.numeric().size()][rows];
    for (float[] column : numbers) {
      for (int row = 0; row < rows; row++) {
        column[row] = (float) random.nextGaussian();
      }
    }
    return new Features(schema, rows, codes, numbers);
  }
}
