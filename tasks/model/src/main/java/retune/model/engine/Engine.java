package retune.model.engine;

import retune.core.data.Features;

/**
 * Runs a model version: encodes rows once and applies the head to the result. Results depend
 * neither on how rows are grouped nor on the number of threads; with PyTorch, the grouping may
 * change them by float32 rounding.
 */
public interface Engine extends AutoCloseable {
  /**
   * Encodes rows.
   *
   * @return {@code rows × encodedSize}, row-major
   * @throws retune.core.InvalidInputException if {@link FeatureCheck} refuses the features
   */
  float[] encode(Features features);

  /**
   * Applies the head to encoded rows. The version must have one.
   *
   * @param encoded {@code rows × encodedSize}, row-major
   * @return logits, {@code rows × classes}, row-major
   */
  float[] head(float[] encoded, int rows);

  /**
   * The engine's name, for logs and provenance: {@code vector}, {@code plain}, {@code sparse} or
   * {@code pytorch}.
   */
  String name();

  @Override
  void close();
}
