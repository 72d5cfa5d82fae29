package retune.model.engine;

import static retune.model.engine.Matrices.BLOCK;
import static retune.model.engine.Matrices.SPECIES;
import static retune.model.engine.Matrices.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention of one block of queries to all keys, for one head; lanes are queries. Queries arrive
 * scaled by {@code log₂ e / √size}, so that scores are exponents of two.
 *
 * <p>Queries, keys and values are {@code [block][paddedSize][BLOCK]}. Not thread-safe.
 */
final class Attention {
  private static final int GROUP = PackedLinear.GROUP;

  /** 1.5 · 2²³: adding it to a number below 2²² leaves the rounded integer in the low bits. */
  private static final float ROUNDING = 12_582_912f;

  /** Exponents are at least −100: 2⁻¹⁰⁰ is negligible beside the greatest weight, 2⁰. */
  private static final float LOWEST_EXPONENT = 100f;

  // 2^f for |f| ≤ ½ to 7.5e-8 relative, a minimax polynomial
  private static final float P5 = 0.0013276471f;
  private static final float P4 = 0.009675541f;
  private static final float P3 = 0.05550713f;
  private static final float P2 = 0.2402212f;
  private static final float P1 = 0.69314694f;
  private static final float P0 = 1.0000001f;
  private static final int MANTISSA_BITS = 23;

  private final int tokens;
  private final int size;
  private final int paddedSize;

  /** {@code [key][query lane]}: scores, then the weights before division by their sum. */
  private final float[] weights;

  /** {@code [query lane]}: the inverse of the sum of the weights. */
  private final float[] inverseSums = new float[BLOCK];

  /**
   * Attention over a row's tokens.
   *
   * @param size dimensions of a head
   * @param paddedSize rows of a head's block
   */
  Attention(int tokens, int size, int paddedSize) {
    this.tokens = tokens;
    this.size = size;
    this.paddedSize = paddedSize;
    this.weights = new float[Matrices.blocks(tokens) * BLOCK * BLOCK];
  }

  /**
   * Writes the attended values, {@code [paddedSize][BLOCK]}, to {@code result}.
   *
   * @param projected the array with queries, keys and values
   * @param queries index at which the block of queries begins
   * @param keys index at which the head's first block of keys begins
   * @param values index at which the head's first block of values begins
   */
  void attend(float[] projected, int queries, int keys, int values, float[] result, int resultAt) {
    int block = paddedSize * BLOCK;
    for (int first = 0; first < tokens; first += BLOCK) {
      int count = Math.min(BLOCK, tokens - first);
      score(projected, queries, keys + first / BLOCK * block, count, first * BLOCK);
    }
    exponentiate(0);
    exponentiate(WIDTH);
    for (int row = 0; row < paddedSize; row += GROUP) {
      average(projected, values + row * BLOCK, result, resultAt + row * BLOCK);
    }
  }

  /** {@code weights[key][query] = Σ keys[i][key] · queries[i][query]} for one block of keys. */
  private void score(float[] projected, int queries, int keys, int count, int weightsAt) {
    for (int key = 0; key < count; key += GROUP) {
      FloatVector a0 = FloatVector.zero(SPECIES);
      FloatVector a1 = a0;
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector c0 = a0;
      FloatVector c1 = a0;
      FloatVector d0 = a0;
      FloatVector d1 = a0;
      int i = 0;
      do {
        FloatVector q0 = FloatVector.fromArray(SPECIES, projected, queries + i * BLOCK);
        FloatVector q1 = FloatVector.fromArray(SPECIES, projected, queries + i * BLOCK + WIDTH);
        int k = keys + key + i * BLOCK;
        FloatVector number = FloatVector.broadcast(SPECIES, projected[k]);
        a0 = number.fma(q0, a0);
        a1 = number.fma(q1, a1);
        number = FloatVector.broadcast(SPECIES, projected[k + 1]);
        b0 = number.fma(q0, b0);
        b1 = number.fma(q1, b1);
        number = FloatVector.broadcast(SPECIES, projected[k + 2]);
        c0 = number.fma(q0, c0);
        c1 = number.fma(q1, c1);
        number = FloatVector.broadcast(SPECIES, projected[k + 3]);
        d0 = number.fma(q0, d0);
        d1 = number.fma(q1, d1);
        i++;
      } while (i < size);
      int at = weightsAt + key * BLOCK;
      a0.intoArray(weights, at);
      a1.intoArray(weights, at + WIDTH);
      b0.intoArray(weights, at + BLOCK);
      b1.intoArray(weights, at + BLOCK + WIDTH);
      c0.intoArray(weights, at + 2 * BLOCK);
      c1.intoArray(weights, at + 2 * BLOCK + WIDTH);
      d0.intoArray(weights, at + 3 * BLOCK);
      d1.intoArray(weights, at + 3 * BLOCK + WIDTH);
    }
  }

  /**
   * Replaces the scores of one vector of queries by {@code 2^(score − greatest)}, and stores the
   * inverse of their sum. With {@code 2^y = 2^n · 2^f}, n whole and |f| ≤ ½, the polynomial gives
   * 2^f, and n is added to the bits of the exponent.
   */
  private void exponentiate(int lane) {
    FloatVector greatest = greatest(lane);
    FloatVector sum = FloatVector.zero(SPECIES);
    FloatVector minusOne = FloatVector.broadcast(SPECIES, -1f);
    FloatVector rounding = FloatVector.broadcast(SPECIES, ROUNDING);
    IntVector limit = FloatVector.broadcast(SPECIES, LOWEST_EXPONENT).reinterpretAsInts();
    FloatVector p5 = FloatVector.broadcast(SPECIES, P5);
    FloatVector p4 = FloatVector.broadcast(SPECIES, P4);
    FloatVector p3 = FloatVector.broadcast(SPECIES, P3);
    FloatVector p2 = FloatVector.broadcast(SPECIES, P2);
    FloatVector p1 = FloatVector.broadcast(SPECIES, P1);
    FloatVector p0 = FloatVector.broadcast(SPECIES, P0);
    for (int key = 0; key < tokens; key++) {
      int at = key * BLOCK + lane;
      FloatVector below = minusOne.fma(FloatVector.fromArray(SPECIES, weights, at), greatest);
      // never negative, so that integers order these numbers as floats do
      below = below.reinterpretAsInts().min(limit).reinterpretAsFloats();
      FloatVector whole = rounding.sub(below);
      FloatVector fraction = rounding.sub(whole).sub(below);
      FloatVector power = p5.fma(fraction, p4).fma(fraction, p3).fma(fraction, p2);
      power = power.fma(fraction, p1).fma(fraction, p0);
      IntVector exponent = whole.reinterpretAsInts().lanewise(VectorOperators.LSHL, MANTISSA_BITS);
      power = power.reinterpretAsInts().add(exponent).reinterpretAsFloats();
      power.intoArray(weights, at);
      sum = power.add(sum);
    }
    FloatVector.broadcast(SPECIES, 1f).div(sum).intoArray(inverseSums, lane);
  }

  /** The greatest score of each query; in four chains, because each step waits for the previous. */
  private FloatVector greatest(int lane) {
    FloatVector least = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    FloatVector a = least;
    FloatVector b = least;
    FloatVector c = least;
    FloatVector d = least;
    int key = 0;
    for (; key <= tokens - GROUP; key += GROUP) {
      int at = key * BLOCK + lane;
      a = FloatVector.fromArray(SPECIES, weights, at).max(a);
      b = FloatVector.fromArray(SPECIES, weights, at + BLOCK).max(b);
      c = FloatVector.fromArray(SPECIES, weights, at + 2 * BLOCK).max(c);
      d = FloatVector.fromArray(SPECIES, weights, at + 3 * BLOCK).max(d);
    }
    for (; key < tokens; key++) {
      a = FloatVector.fromArray(SPECIES, weights, key * BLOCK + lane).max(a);
    }
    return least.max(a).max(b).max(least.max(c).max(d));
  }

  /**
   * {@code result[i][query] = Σ values[i][key] · weights[key][query] / sum} for four dimensions.
   */
  private void average(float[] projected, int values, float[] result, int resultAt) {
    FloatVector a0 = FloatVector.zero(SPECIES);
    FloatVector a1 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector c0 = a0;
    FloatVector c1 = a0;
    FloatVector d0 = a0;
    FloatVector d1 = a0;
    for (int first = 0; first < tokens; first += BLOCK) {
      int block = values + first * paddedSize;
      int count = Math.min(BLOCK, tokens - first);
      for (int key = 0; key < count; key++) {
        int at = (first + key) * BLOCK;
        FloatVector w0 = FloatVector.fromArray(SPECIES, weights, at);
        FloatVector w1 = FloatVector.fromArray(SPECIES, weights, at + WIDTH);
        FloatVector number = FloatVector.broadcast(SPECIES, projected[block + key]);
        a0 = number.fma(w0, a0);
        a1 = number.fma(w1, a1);
        number = FloatVector.broadcast(SPECIES, projected[block + BLOCK + key]);
        b0 = number.fma(w0, b0);
        b1 = number.fma(w1, b1);
        number = FloatVector.broadcast(SPECIES, projected[block + 2 * BLOCK + key]);
        c0 = number.fma(w0, c0);
        c1 = number.fma(w1, c1);
        number = FloatVector.broadcast(SPECIES, projected[block + 3 * BLOCK + key]);
        d0 = number.fma(w0, d0);
        d1 = number.fma(w1, d1);
      }
    }
    FloatVector inverse0 = FloatVector.fromArray(SPECIES, inverseSums, 0);
    FloatVector inverse1 = FloatVector.fromArray(SPECIES, inverseSums, WIDTH);
    inverse0.mul(a0).intoArray(result, resultAt);
    inverse1.mul(a1).intoArray(result, resultAt + WIDTH);
    inverse0.mul(b0).intoArray(result, resultAt + BLOCK);
    inverse1.mul(b1).intoArray(result, resultAt + BLOCK + WIDTH);
    inverse0.mul(c0).intoArray(result, resultAt + 2 * BLOCK);
    inverse1.mul(c1).intoArray(result, resultAt + 2 * BLOCK + WIDTH);
    inverse0.mul(d0).intoArray(result, resultAt + 3 * BLOCK);
    inverse1.mul(d1).intoArray(result, resultAt + 3 * BLOCK + WIDTH);
  }
}
