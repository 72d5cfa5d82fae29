package retune.learning.training;

import java.util.random.RandomGenerator;
import retune.core.data.Features;

/**
 * Makes views of rows by giving some of their features the values that another row, drawn at
 * random, has there: values that occur, in combinations that do not (SCARF: Bahri et al., 2022,
 * section 3).
 *
 * @param share probability of a feature to be replaced, 0 … 1
 */
record FeatureCorruption(double share) {
  /**
   * Two views of each row, corrupted independently of each other.
   *
   * @param features all rows: where other values are drawn from
   * @param rows the rows to make views of
   * @return 2 × {@code rows.length} rows; rows i and i + {@code rows.length} are views of one row
   */
  Features twoViews(Features features, int[] rows, RandomGenerator random) {
    int views = 2 * rows.length;
    int[][] codes = new int[features.codes().length][views];
    for (int feature = 0; feature < codes.length; feature++) {
      for (int view = 0; view < views; view++) {
        codes[feature][view] = features.codes()[feature][source(features, rows, view, random)];
      }
    }
    float[][] numbers = new float[features.numbers().length][views];
    for (int feature = 0; feature < numbers.length; feature++) {
      for (int view = 0; view < views; view++) {
        numbers[feature][view] = features.numbers()[feature][source(features, rows, view, random)];
      }
    }
    return new Features(features.schema(), views, codes, numbers);
  }

  private int source(Features features, int[] rows, int view, RandomGenerator random) {
    return random.nextDouble() < share ? random.nextInt(features.rows()) : rows[view % rows.length];
  }
}
