package retune.model.engine;

/**
 * A linear layer in the layout that {@link Matrices} reads: for each input, the weights of four
 * outputs side by side.
 *
 * @param weights {@code [outputs / 4][inputs][4]}
 * @param bias {@code [outputs]}
 * @param outputs number of outputs, padded to a multiple of four; the padding is always zero
 */
record PackedLinear(float[] weights, float[] bias, int inputs, int outputs) {
  /** Outputs computed together. */
  static final int GROUP = 4;

  static PackedLinear of(LinearLayer layer) {
    int inputs = layer.inputs();
    int outputs = padded(layer.outputs());
    float[] weights = new float[outputs * inputs];
    float[] bias = new float[outputs];
    for (int output = 0; output < layer.outputs(); output++) {
      bias[output] = (float) layer.bias()[output];
      int group = output / GROUP * GROUP * inputs + output % GROUP;
      for (int input = 0; input < inputs; input++) {
        weights[group + input * GROUP] = (float) layer.weights()[output][input];
      }
    }
    return new PackedLinear(weights, bias, inputs, outputs);
  }

  /** The size, rounded up to a multiple of {@link #GROUP}. */
  static int padded(int size) {
    return Math.ceilDiv(size, GROUP) * GROUP;
  }
}
