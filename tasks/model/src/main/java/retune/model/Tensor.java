package retune.model;

import java.util.Arrays;

/**
 * A dense float32 tensor in row-major order.
 *
 * @param shape the length of each dimension, outermost first; empty for a single number
 * @param values as many as the shape's product
 */
public record Tensor(int[] shape, float[] values) {
  public Tensor {
    int size = 1;
    for (int dimension : shape) {
      size = Math.multiplyExact(size, dimension);
    }
    if (size != values.length) {
      throw new IllegalArgumentException("shape and number of values differ");
    }
  }

  /** Whether the other tensor has the same shape and the same values. */
  public boolean hasSameContent(Tensor other) {
    return Arrays.equals(shape, other.shape) && Arrays.equals(values, other.values);
  }
}
