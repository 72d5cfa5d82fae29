package retune.model.engine;

import static retune.model.engine.Matrices.BLOCK;

import java.util.List;
import retune.core.data.Features;
import retune.model.engine.Network.Perceptron;

/** The multi-layer perceptron's encoder; lanes are rows. */
final class PerceptronKernel implements Kernel {
  private final double[][][] embeddings;
  private final int encodedSize;
  private final DenseKernel dense;

  PerceptronKernel(Perceptron perceptron, List<PackedLinear> layers) {
    this.embeddings = perceptron.embeddings();
    this.encodedSize = perceptron.encodedSize();
    this.dense = new DenseKernel(layers, true);
  }

  @Override
  public void encode(Features features, int from, int to, float[] encoded) {
    for (int first = from; first < to; first += BLOCK) {
      int rows = Math.min(BLOCK, to - first);
      float[] input = dense.input();
      for (int row = 0; row < rows; row++) {
        embed(features, first + row, input, row);
      }
      float[] output = dense.run();
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < encodedSize; i++) {
          encoded[(first + row) * encodedSize + i] = output[i * BLOCK + row];
        }
      }
    }
  }

  private void embed(Features features, int row, float[] input, int lane) {
    int at = lane;
    for (int feature = 0; feature < embeddings.length; feature++) {
      for (double number : embeddings[feature][features.codes()[feature][row]]) {
        input[at] = (float) number;
        at += BLOCK;
      }
    }
    for (float[] numbers : features.numbers()) {
      input[at] = numbers[row];
      at += BLOCK;
    }
  }
}
