package retune.model.engine;

import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;

/** What a network may be given: its own features, codes that it knows, numbers that it can bear. */
public final class FeatureCheck {
  /** Squares of sums of such numbers, times weights, still are float32 numbers. */
  static final float GREATEST = 1e15f;

  private FeatureCheck() {}

  /** An {@link InvalidInputException} names the first feature and row that cannot be used. */
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
