package retune.model.engine;

import retune.core.data.Features;

/** Encodes rows in scratch memory of its own: one thread at a time. */
interface Kernel {
  /** Rows {@code from} to {@code to} into {@code encoded}, which is {@code rows × encodedSize}. */
  void encode(Features features, int from, int to, float[] encoded);
}
