package retune.model.engine;

import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;

/** Checks the input of a network: its features, the range of codes and of numbers. */
public final class FeatureCheck {
  /** Greatest absolute value of a number: squares of weighted sums do not overflow float32. */
  static final float GREATEST = 1e15f;

  private FeatureCheck() {}

  /**
   * Refuses features that the network cannot read.
   *
   * @throws InvalidInputException if the schema differs; if a code is not in 0 … cardinality − 1 or
   *     a number is not in −1e15 … 1e15, naming the feature and the row
   */
  public static void check(Features features, FeatureSchema schema) {
    if (!features.schema().equals(schema)) {
      throw new InvalidInputException(
          "The rows have the features "
              + features.schema()
              + ", the model reads "
              + schema
              + "; process the batch with this model's preprocessing.");
    }
    for (int feature = 0; feature < features.codes().length; feature++) {
      checkCodes(features.codes()[feature], features.rows(), schema.categorical().get(feature));
    }
    for (int feature = 0; feature < features.numbers().length; feature++) {
      checkNumbers(features.numbers()[feature], features.rows(), schema.numeric().get(feature));
    }
  }

  private static void checkCodes(int[] codes, int rows, FeatureSchema.Categorical feature) {
    for (int row = 0; row < rows; row++) {
      if (codes[row] < 0 || codes[row] >= feature.cardinality()) {
        throw new InvalidInputException(
            "Row "
                + row
                + " has the code "
                + codes[row]
                + " for '"
                + feature.name()
                + "', whose codes are 0 to "
                + (feature.cardinality() - 1)
                + "; process the batch with this model's preprocessing.");
      }
    }
  }

  private static void checkNumbers(float[] numbers, int rows, String feature) {
    for (int row = 0; row < rows; row++) {
      if (!(Math.abs(numbers[row]) <= GREATEST)) {
        throw new InvalidInputException(
            "Row "
                + row
                + " has "
                + numbers[row]
                + " for '"
                + feature
                + "'; a model reads finite numbers up to "
                + GREATEST
                + ", so process the batch with this model's preprocessing.");
      }
    }
  }
}
