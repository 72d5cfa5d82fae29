package retune.model.engine;

import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;

/** Checks a network's input: its features, codes within range, finite numbers. */
public final class FeatureCheck {
  /** Squares of weighted sums of such numbers do not overflow float32. */
  static final float GREATEST = 1e15f;

  private FeatureCheck() {}

  /** Throws an {@link InvalidInputException} naming the first invalid feature and row. */
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
