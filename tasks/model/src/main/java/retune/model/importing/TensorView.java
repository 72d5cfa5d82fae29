package retune.model.importing;

import java.nio.ByteBuffer;
import java.util.Arrays;
import retune.model.Tensor;

/**
 * A tensor as PyTorch stores it: a strided view of a storage. A view that reaches outside its
 * storage, or holds more numbers than it, is refused; a transposed view is allowed.
 *
 * @param offset index of the first number in the storage
 * @param shape length of each dimension, outermost first
 * @param strides distance in the storage, in numbers, between neighbours along each dimension
 */
record TensorView(PickleValue.Storage storage, long offset, int[] shape, long[] strides) {
  TensorView {
    TorchArchive.checkNumbers(storage.elements());
    if (!isInside(storage.elements(), offset, shape, strides)) {
      throw new RefusedException(
          "has a tensor of the shape "
              + Arrays.toString(shape)
              + " with the strides "
              + Arrays.toString(strides)
              + " and the offset "
              + offset
              + " that reaches outside its storage of "
              + storage.elements()
              + " numbers");
    }
  }

  /**
   * Each intermediate result is checked before the next is computed from it, so that none
   * overflows: a storage has fewer than 2³² numbers.
   */
  private static boolean isInside(long elements, long offset, int[] shape, long[] strides) {
    if (shape.length != strides.length
        || offset < 0
        || offset > elements
        || Arrays.stream(shape).anyMatch(length -> length < 0)
        || Arrays.stream(strides).anyMatch(stride -> stride < 0 || stride > elements)) {
      return false;
    }
    if (Arrays.stream(shape).anyMatch(length -> length == 0)) {
      return true;
    }
    long size = 1;
    long last = offset;
    for (int i = 0; i < shape.length; i++) {
      size *= shape[i];
      last += (shape[i] - 1L) * strides[i];
      if (size > elements || last >= elements) {
        return false;
      }
    }
    return last < elements;
  }

  int size() {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

  /**
   * Reads the numbers in row-major order, as float32.
   *
   * @param bytes the bytes of the storage, in a buffer with the archive's byte order
   * @throws RefusedException if a number is not floating-point, or beyond the range of float32
   */
  Tensor read(ByteBuffer bytes) {
    float[] values = new float[size()];
    int[] position = new int[shape.length];
    long index = offset;
    for (int i = 0; i < values.length; i++) {
      double value = storage.type().get(bytes, (int) index);
      values[i] = (float) value;
      if (Float.isInfinite(values[i]) && Double.isFinite(value)) {
        throw new RefusedException("holds " + value + ", which float32 cannot hold");
      }
      for (int d = shape.length - 1; d >= 0; d--) {
        index += strides[d];
        if (++position[d] < shape[d]) {
          break;
        }
        index -= position[d] * strides[d];
        position[d] = 0;
      }
    }
    return new Tensor(shape, values);
  }
}
