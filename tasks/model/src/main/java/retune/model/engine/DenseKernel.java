package retune.model.engine;

import static retune.model.engine.Matrices.BLOCK;

import java.util.List;

/** Linear layers with a ReLU between them, for one block of rows at a time; lanes are rows. */
final class DenseKernel {
  private final List<PackedLinear> layers;
  private final boolean reluLast;
  private float[] input;
  private float[] output;

  /**
   * A kernel with its own scratch memory.
   *
   * @param reluLast whether a ReLU follows the last layer, too
   */
  DenseKernel(List<PackedLinear> layers, boolean reluLast) {
    this.layers = layers;
    this.reluLast = reluLast;
    int widest =
        layers.stream()
            .mapToInt(layer -> Math.max(layer.inputs(), layer.outputs()))
            .max()
            .orElse(0);
    this.input = new float[widest * BLOCK];
    this.output = new float[widest * BLOCK];
  }

  /** The block that the next {@link #run} reads: {@code [input][BLOCK]}. */
  float[] input() {
    return input;
  }

  /** The outputs for the block in {@link #input}: {@code [output][BLOCK]}, valid until next run. */
  float[] run() {
    for (int layer = 0; layer < layers.size(); layer++) {
      if (reluLast || layer < layers.size() - 1) {
        Matrices.linearRelu(layers.get(layer), input, 0, output, 0);
      } else {
        Matrices.linear(layers.get(layer), input, 0, output, 0);
      }
      float[] swapped = input;
      input = output;
      output = swapped;
    }
    return input;
  }
}
