package retune.model.engine;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Arithmetic on blocks: matrices {@code [row][BLOCK]} in a float array, with one column (a token,
 * or a row of the batch) per lane. The result of a lane never depends on the other lanes.
 *
 * <p>All products keep 4 outputs × 2 vectors in registers and read the weights as broadcasts.
 * Measured on AVX2 with d = 32: 4 × 2 reaches 78 % of the multiply-add peak; 4 × 3 spills registers
 * and reaches 38 %. The three kinds of {@code linear} are separate methods on purpose: a single one
 * with mode flags ran four times slower, because the vectors no longer stayed in registers.
 *
 * <p>Methods are called only on vectors that were just loaded, created or computed, never on one
 * that was carried around a loop. The compiler knows the class of a carried vector only if its
 * profile happens to contain it; otherwise it calls methods on boxed vectors, which made half of
 * all processes three times slower. Sums are therefore passed as arguments, and loops that end in a
 * sum are {@code do … while}, so that the sum is the result of the last computation.
 */
final class Matrices {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /** Lanes of a vector. */
  static final int WIDTH = SPECIES.length();

  /** Columns of a block. */
  static final int BLOCK = 2 * WIDTH;

  private Matrices() {}

  /** The number of blocks that hold the columns. */
  static int blocks(int columns) {
    return Math.ceilDiv(columns, BLOCK);
  }

  /** {@code y = W x + b} for all outputs of the layer. */
  static void linear(PackedLinear layer, float[] x, int xAt, float[] y, int yAt) {
    float[] weights = layer.weights();
    float[] bias = layer.bias();
    int inputs = layer.inputs();
    for (int output = 0; output < layer.outputs(); output += PackedLinear.GROUP) {
      int w = output * inputs;
      FloatVector a0 = FloatVector.broadcast(SPECIES, bias[output]);
      FloatVector b0 = FloatVector.broadcast(SPECIES, bias[output + 1]);
      FloatVector c0 = FloatVector.broadcast(SPECIES, bias[output + 2]);
      FloatVector d0 = FloatVector.broadcast(SPECIES, bias[output + 3]);
      FloatVector a1 = a0;
      FloatVector b1 = b0;
      FloatVector c1 = c0;
      FloatVector d1 = d0;
      int input = 0;
      do {
        FloatVector x0 = FloatVector.fromArray(SPECIES, x, xAt + input * BLOCK);
        FloatVector x1 = FloatVector.fromArray(SPECIES, x, xAt + input * BLOCK + WIDTH);
        FloatVector weight = FloatVector.broadcast(SPECIES, weights[w + input * 4]);
        a0 = weight.fma(x0, a0);
        a1 = weight.fma(x1, a1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 1]);
        b0 = weight.fma(x0, b0);
        b1 = weight.fma(x1, b1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 2]);
        c0 = weight.fma(x0, c0);
        c1 = weight.fma(x1, c1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 3]);
        d0 = weight.fma(x0, d0);
        d1 = weight.fma(x1, d1);
        input++;
      } while (input < inputs);
      int at = yAt + output * BLOCK;
      a0.intoArray(y, at);
      a1.intoArray(y, at + WIDTH);
      b0.intoArray(y, at + BLOCK);
      b1.intoArray(y, at + BLOCK + WIDTH);
      c0.intoArray(y, at + 2 * BLOCK);
      c1.intoArray(y, at + 2 * BLOCK + WIDTH);
      d0.intoArray(y, at + 3 * BLOCK);
      d1.intoArray(y, at + 3 * BLOCK + WIDTH);
    }
  }

  /** {@code y += W x + b} for all outputs of the layer. */
  static void linearAdd(PackedLinear layer, float[] x, int xAt, float[] y, int yAt) {
    float[] weights = layer.weights();
    float[] bias = layer.bias();
    int inputs = layer.inputs();
    for (int output = 0; output < layer.outputs(); output += PackedLinear.GROUP) {
      int w = output * inputs;
      FloatVector a0 = FloatVector.broadcast(SPECIES, bias[output]);
      FloatVector b0 = FloatVector.broadcast(SPECIES, bias[output + 1]);
      FloatVector c0 = FloatVector.broadcast(SPECIES, bias[output + 2]);
      FloatVector d0 = FloatVector.broadcast(SPECIES, bias[output + 3]);
      FloatVector a1 = a0;
      FloatVector b1 = b0;
      FloatVector c1 = c0;
      FloatVector d1 = d0;
      int input = 0;
      do {
        FloatVector x0 = FloatVector.fromArray(SPECIES, x, xAt + input * BLOCK);
        FloatVector x1 = FloatVector.fromArray(SPECIES, x, xAt + input * BLOCK + WIDTH);
        FloatVector weight = FloatVector.broadcast(SPECIES, weights[w + input * 4]);
        a0 = weight.fma(x0, a0);
        a1 = weight.fma(x1, a1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 1]);
        b0 = weight.fma(x0, b0);
        b1 = weight.fma(x1, b1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 2]);
        c0 = weight.fma(x0, c0);
        c1 = weight.fma(x1, c1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 3]);
        d0 = weight.fma(x0, d0);
        d1 = weight.fma(x1, d1);
        input++;
      } while (input < inputs);
      int at = yAt + output * BLOCK;
      accumulate(a0, y, at);
      accumulate(a1, y, at + WIDTH);
      accumulate(b0, y, at + BLOCK);
      accumulate(b1, y, at + BLOCK + WIDTH);
      accumulate(c0, y, at + 2 * BLOCK);
      accumulate(c1, y, at + 2 * BLOCK + WIDTH);
      accumulate(d0, y, at + 3 * BLOCK);
      accumulate(d1, y, at + 3 * BLOCK + WIDTH);
    }
  }

  /** {@code y = max(0, W x + b)} for all outputs of the layer. */
  static void linearRelu(PackedLinear layer, float[] x, int xAt, float[] y, int yAt) {
    float[] weights = layer.weights();
    float[] bias = layer.bias();
    int inputs = layer.inputs();
    for (int output = 0; output < layer.outputs(); output += PackedLinear.GROUP) {
      int w = output * inputs;
      FloatVector a0 = FloatVector.broadcast(SPECIES, bias[output]);
      FloatVector b0 = FloatVector.broadcast(SPECIES, bias[output + 1]);
      FloatVector c0 = FloatVector.broadcast(SPECIES, bias[output + 2]);
      FloatVector d0 = FloatVector.broadcast(SPECIES, bias[output + 3]);
      FloatVector a1 = a0;
      FloatVector b1 = b0;
      FloatVector c1 = c0;
      FloatVector d1 = d0;
      int input = 0;
      do {
        FloatVector x0 = FloatVector.fromArray(SPECIES, x, xAt + input * BLOCK);
        FloatVector x1 = FloatVector.fromArray(SPECIES, x, xAt + input * BLOCK + WIDTH);
        FloatVector weight = FloatVector.broadcast(SPECIES, weights[w + input * 4]);
        a0 = weight.fma(x0, a0);
        a1 = weight.fma(x1, a1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 1]);
        b0 = weight.fma(x0, b0);
        b1 = weight.fma(x1, b1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 2]);
        c0 = weight.fma(x0, c0);
        c1 = weight.fma(x1, c1);
        weight = FloatVector.broadcast(SPECIES, weights[w + input * 4 + 3]);
        d0 = weight.fma(x0, d0);
        d1 = weight.fma(x1, d1);
        input++;
      } while (input < inputs);
      int at = yAt + output * BLOCK;
      relu(a0).intoArray(y, at);
      relu(a1).intoArray(y, at + WIDTH);
      relu(b0).intoArray(y, at + BLOCK);
      relu(b1).intoArray(y, at + BLOCK + WIDTH);
      relu(c0).intoArray(y, at + 2 * BLOCK);
      relu(c1).intoArray(y, at + 2 * BLOCK + WIDTH);
      relu(d0).intoArray(y, at + 3 * BLOCK);
      relu(d1).intoArray(y, at + 3 * BLOCK + WIDTH);
    }
  }

  /** {@code y = (x − mean) / √(variance + ε)} for each column, over its {@code rows}. */
  static void normalise(int rows, float[] x, int xAt, float[] y, int yAt) {
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    for (int row = 0; row < rows; row++) {
      sum0 = FloatVector.fromArray(SPECIES, x, xAt + row * BLOCK).add(sum0);
      sum1 = FloatVector.fromArray(SPECIES, x, xAt + row * BLOCK + WIDTH).add(sum1);
    }
    FloatVector share = FloatVector.broadcast(SPECIES, 1f / rows);
    FloatVector mean0 = share.mul(sum0);
    FloatVector mean1 = share.mul(sum1);
    FloatVector squares0 = FloatVector.zero(SPECIES);
    FloatVector squares1 = squares0;
    for (int row = 0; row < rows; row++) {
      FloatVector x0 = FloatVector.fromArray(SPECIES, x, xAt + row * BLOCK).sub(mean0);
      FloatVector x1 = FloatVector.fromArray(SPECIES, x, xAt + row * BLOCK + WIDTH).sub(mean1);
      squares0 = x0.fma(x0, squares0);
      squares1 = x1.fma(x1, squares1);
    }
    FloatVector scale0 = inverseDeviation(share.mul(squares0));
    FloatVector scale1 = inverseDeviation(share.mul(squares1));
    for (int row = 0; row < rows; row++) {
      int at = row * BLOCK;
      FloatVector x0 = FloatVector.fromArray(SPECIES, x, xAt + at).sub(mean0);
      FloatVector x1 = FloatVector.fromArray(SPECIES, x, xAt + at + WIDTH).sub(mean1);
      x0.mul(scale0).intoArray(y, yAt + at);
      x1.mul(scale1).intoArray(y, yAt + at + WIDTH);
    }
  }

  /** {@code y += x} for the first rows of a block. */
  static void add(int rows, float[] x, int xAt, float[] y) {
    for (int i = 0; i < rows * BLOCK; i += WIDTH) {
      accumulate(FloatVector.fromArray(SPECIES, x, xAt + i), y, i);
    }
  }

  private static void accumulate(FloatVector vector, float[] y, int at) {
    FloatVector.fromArray(SPECIES, y, at).add(vector).intoArray(y, at);
  }

  /**
   * The integer maximum would be a single instruction and right, too, but the compiler then boxes
   * vectors in some methods: 75 KB for each row of the example.
   */
  private static FloatVector relu(FloatVector x) {
    return x.max(0f);
  }

  private static FloatVector inverseDeviation(FloatVector variance) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    return one.div(variance.add((float) Network.LayerNorm.EPSILON).sqrt());
  }
}
