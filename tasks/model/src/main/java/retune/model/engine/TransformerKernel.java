package retune.model.engine;

import static retune.model.engine.Matrices.BLOCK;
import static retune.model.engine.PackedLinear.padded;

import java.util.Arrays;
import java.util.List;
import retune.core.data.Features;
import retune.model.engine.Network.Transformer;
import retune.model.engine.Network.TransformerLayer;

/**
 * The transformer's encoder, for one row of the batch at a time, so that all of its data stays in
 * the cache; lanes are tokens. Three computations are folded into others: LayerNorm's scale and
 * shift into the linear layer that follows it, the softmax's scale and base into the queries, and
 * the mean over tokens into the last layer's contraction, which is applied to the mean alone.
 *
 * <p>Sizes are padded to a multiple of four with zeros. Tokens are padded to a full block with
 * copies of the last one, which no token attends to.
 */
final class TransformerKernel implements Kernel {
  /** The packed weights of a network, shared by all of its kernels. */
  static final class Packed {
    private final Transformer transformer;
    private final List<PackedLayer> layers;
    private final LinearLayer lastContraction;
    private final int size;
    private final int paddedSize;

    Packed(Transformer transformer) {
      this.transformer = transformer;
      this.size = transformer.dimension() / transformer.heads();
      this.paddedSize = padded(size);
      this.layers = transformer.layers().stream().map(this::pack).toList();
      this.lastContraction = transformer.layers().getLast().contraction();
    }

    private PackedLayer pack(TransformerLayer layer) {
      LinearLayer projection =
          layer
              .projection()
              .after(layer.beforeAttention().scale(), layer.beforeAttention().shift());
      LinearLayer expansion =
          layer
              .expansion()
              .after(layer.beforeFeedForward().scale(), layer.beforeFeedForward().shift());
      PackedLinear[] heads = new PackedLinear[3 * transformer.heads()];
      for (int head = 0; head < heads.length; head++) {
        LinearLayer part = projection.outputs(head * size, (head + 1) * size);
        boolean queries = head < transformer.heads();
        heads[head] =
            PackedLinear.of(queries ? part.times(1 / (Math.log(2) * Math.sqrt(size))) : part);
      }
      return new PackedLayer(
          heads,
          PackedLinear.of(layer.output().withPaddedInputs(size, paddedSize)),
          PackedLinear.of(expansion),
          PackedLinear.of(layer.contraction()));
    }
  }

  /**
   * One layer.
   *
   * @param projection one per head: first for the queries, then for the keys, then for the values
   */
  private record PackedLayer(
      PackedLinear[] projection,
      PackedLinear output,
      PackedLinear expansion,
      PackedLinear contraction) {}

  private final Packed packed;
  private final int dimension;
  private final int paddedDimension;
  private final int hiddenSize;
  private final int heads;
  private final int tokens;
  private final int blocks;
  private final Attention attention;

  /** {@code [block][paddedDimension][BLOCK]}: the tokens as they pass through the layers. */
  private final float[] stream;

  /** {@code [paddedDimension][BLOCK]} of one block. */
  private final float[] normed;

  /** {@code [3 · heads][block][paddedSize][BLOCK]}: queries, keys, values. */
  private final float[] projected;

  /** {@code [heads · paddedSize][BLOCK]} of one block. */
  private final float[] attended;

  /** {@code [hiddenSize][BLOCK]} of one block. */
  private final float[] hidden;

  /** {@code [paddedDimension][BLOCK]} and {@code [hiddenSize][BLOCK]}: sums over the blocks. */
  private final float[] streamSums;

  private final float[] hiddenSums;

  TransformerKernel(Packed packed, int tokens) {
    this.packed = packed;
    this.tokens = tokens;
    this.dimension = packed.transformer.dimension();
    this.paddedDimension = padded(dimension);
    this.hiddenSize = packed.layers.getFirst().expansion.outputs();
    this.heads = packed.transformer.heads();
    this.blocks = Matrices.blocks(tokens);
    this.attention = new Attention(tokens, packed.size, packed.paddedSize);
    this.stream = new float[blocks * paddedDimension * BLOCK];
    this.normed = new float[paddedDimension * BLOCK];
    this.projected = new float[3 * heads * blocks * packed.paddedSize * BLOCK];
    this.attended = new float[heads * packed.paddedSize * BLOCK];
    this.hidden = new float[hiddenSize * BLOCK];
    this.streamSums = new float[paddedDimension * BLOCK];
    this.hiddenSums = new float[hiddenSize * BLOCK];
  }

  @Override
  public void encode(Features features, int from, int to, float[] encoded) {
    for (int row = from; row < to; row++) {
      embed(features, row);
      for (int layer = 0; layer < packed.layers.size(); layer++) {
        project(packed.layers.get(layer));
        transform(packed.layers.get(layer), layer == packed.layers.size() - 1);
      }
      mean(encoded, row * dimension);
    }
  }

  private void embed(Features features, int row) {
    int categorical = features.codes().length;
    for (int token = 0; token < blocks * BLOCK; token++) {
      int feature = Math.min(token, tokens - 1);
      int at = token / BLOCK * paddedDimension * BLOCK + token % BLOCK;
      if (feature < categorical) {
        int code = features.codes()[feature][row];
        double[] embedding = packed.transformer.embeddings()[feature][code];
        for (int i = 0; i < dimension; i++) {
          stream[at + i * BLOCK] = (float) embedding[i];
        }
      } else {
        LinearLayer layer = packed.transformer.numbers().get(feature - categorical);
        double number = features.numbers()[feature - categorical][row];
        for (int i = 0; i < dimension; i++) {
          stream[at + i * BLOCK] = (float) (layer.weights()[i][0] * number + layer.bias()[i]);
        }
      }
    }
  }

  /** Computes queries, keys and values of all tokens. */
  private void project(PackedLayer layer) {
    int headBlock = packed.paddedSize * BLOCK;
    for (int block = 0; block < blocks; block++) {
      Matrices.normalise(dimension, stream, block * paddedDimension * BLOCK, normed, 0);
      for (int head = 0; head < 3 * heads; head++) {
        PackedLinear linear = layer.projection[head];
        Matrices.linear(linear, normed, 0, projected, (head * blocks + block) * headBlock);
      }
    }
  }

  /** Attention and feed-forward, block by block; the last layer only adds up sums for the mean. */
  private void transform(PackedLayer layer, boolean last) {
    int headBlock = packed.paddedSize * BLOCK;
    if (last) {
      Arrays.fill(streamSums, 0);
      Arrays.fill(hiddenSums, 0);
    }
    for (int block = 0; block < blocks; block++) {
      int at = block * paddedDimension * BLOCK;
      for (int head = 0; head < heads; head++) {
        attention.attend(
            projected,
            (head * blocks + block) * headBlock,
            (heads + head) * blocks * headBlock,
            (2 * heads + head) * blocks * headBlock,
            attended,
            head * headBlock);
      }
      Matrices.linearAdd(layer.output, attended, 0, stream, at);
      Matrices.normalise(dimension, stream, at, normed, 0);
      Matrices.linearRelu(layer.expansion, normed, 0, hidden, 0);
      if (last) {
        int columns = Math.min(BLOCK, tokens - block * BLOCK);
        clearPadding(stream, at, paddedDimension, columns);
        clearPadding(hidden, 0, hiddenSize, columns);
        Matrices.add(paddedDimension, stream, at, streamSums);
        Matrices.add(hiddenSize, hidden, 0, hiddenSums);
      } else {
        Matrices.linearAdd(layer.contraction, hidden, 0, stream, at);
      }
    }
  }

  private static void clearPadding(float[] matrix, int at, int rows, int columns) {
    for (int row = 0; row < rows && columns < BLOCK; row++) {
      Arrays.fill(matrix, at + row * BLOCK + columns, at + (row + 1) * BLOCK, 0);
    }
  }

  /** {@code mean(stream) + contraction(mean(hidden))}. */
  private void mean(float[] encoded, int at) {
    double[] meanHidden = new double[packed.lastContraction.inputs()];
    for (int i = 0; i < meanHidden.length; i++) {
      meanHidden[i] = sum(hiddenSums, i) / tokens;
    }
    double[] contracted = packed.lastContraction.apply(meanHidden);
    for (int i = 0; i < dimension; i++) {
      encoded[at + i] = (float) (sum(streamSums, i) / tokens + contracted[i]);
    }
  }

  /** Adds the lanes in order, because a vector's own reduction has no defined order. */
  private static double sum(float[] matrix, int row) {
    double sum = 0;
    for (int lane = 0; lane < BLOCK; lane++) {
      sum += matrix[row * BLOCK + lane];
    }
    return sum;
  }
}
