package retune.runtime.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bson.types.Binary;

/**
 * Columns as bytes for {@code numpy.frombuffer}, with the types {@code <i4}, {@code <i8}, {@code
 * <f4} and {@code <f8}.
 */
final class LittleEndian {
  private LittleEndian() {}

  static Binary ints(int[] values) {
    byte[] bytes = new byte[values.length * Integer.BYTES];
    buffer(bytes).asIntBuffer().put(values);
    return new Binary(bytes);
  }

  static Binary longs(long[] values) {
    byte[] bytes = new byte[values.length * Long.BYTES];
    buffer(bytes).asLongBuffer().put(values);
    return new Binary(bytes);
  }

  static Binary floats(float[] values) {
    byte[] bytes = new byte[values.length * Float.BYTES];
    buffer(bytes).asFloatBuffer().put(values);
    return new Binary(bytes);
  }

  static Binary doubles(double[] values) {
    byte[] bytes = new byte[values.length * Double.BYTES];
    buffer(bytes).asDoubleBuffer().put(values);
    return new Binary(bytes);
  }

  static int[] ints(Binary binary) {
    int[] values = new int[binary.length() / Integer.BYTES];
    buffer(binary.getData()).asIntBuffer().get(values);
    return values;
  }

  static long[] longs(Binary binary) {
    long[] values = new long[binary.length() / Long.BYTES];
    buffer(binary.getData()).asLongBuffer().get(values);
    return values;
  }

  static float[] floats(Binary binary) {
    float[] values = new float[binary.length() / Float.BYTES];
    buffer(binary.getData()).asFloatBuffer().get(values);
    return values;
  }

  static double[] doubles(Binary binary) {
    double[] values = new double[binary.length() / Double.BYTES];
    buffer(binary.getData()).asDoubleBuffer().get(values);
    return values;
  }

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
