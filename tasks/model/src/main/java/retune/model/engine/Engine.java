package retune.model.engine;

import retune.core.data.Features;

/**
 * Runs a model version: encodes rows once and applies the head to the result. Results depend
 * neither on how rows are grouped nor on the number of threads.
 */
public interface Engine extends AutoCloseable {
  /** Rows to vectors: {@code rows × encodedSize}, row-major. */
  float[] encode(Features features);

  /** Encoded rows to logits: {@code rows × classes}, row-major. */
  float[] head(float[] encoded, int rows);

  /**
   * The engine's name, for logs and provenance: {@code vector}, {@code plain} or {@code pytorch}.
   */
  String name();

  @Override
  void close();
}
