package retune.model.engine;

import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.model.ModelVersion;

/**
 * Runs a version: encoder, head, softmax, decision rule.
 *
 * @param engine opened for the version; the caller closes it
 */
public record Predictor(ModelVersion version, Engine engine) {
  /**
   * The outputs for rows of features, of which there may be none.
   *
   * @throws InvalidInputException if a feature is not the version's, or a logit is not finite
   */
  public Outputs predict(Features features) {
    return features.rows() == 0
        ? Outputs.of(new float[0], version)
        : predictEncoded(engine.encode(features), features.rows());
  }

  /**
   * The outputs for rows that are already encoded.
   *
   * @param encoded {@code rows × encodedSize}, row-major
   * @throws InvalidInputException if a logit is not finite
   */
  public Outputs predictEncoded(float[] encoded, int rows) {
    return Outputs.of(engine.head(encoded, rows), version);
  }
}
