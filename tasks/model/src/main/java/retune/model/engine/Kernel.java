package retune.model.engine;

import retune.core.data.Features;

/** Encodes rows in its own scratch memory. Not thread-safe. */
interface Kernel {
  /**
   * Encodes some rows.
   *
   * @param from first row, inclusive
   * @param to last row, exclusive
   * @param encoded {@code rows × encodedSize}, row-major; receives the results of these rows
   */
  void encode(Features features, int from, int to, float[] encoded);
}
