package retune.model.importing;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The type of a stored number. Floating-point numbers can be read: float16 and bfloat16 are exact
 * in float32, float64 is rounded. The other types are known by name only, because weights do not
 * have them.
 */
enum ElementType {
  FLOAT32("FloatStorage", 4),
  FLOAT64("DoubleStorage", 8),
  FLOAT16("HalfStorage", 2),
  BFLOAT16("BFloat16Storage", 2),
  INT64("LongStorage", 8),
  INT32("IntStorage", 4),
  INT16("ShortStorage", 2),
  INT8("CharStorage", 1),
  UINT8("ByteStorage", 1),
  BOOL("BoolStorage", 1);

  private final String storageName;
  private final int size;

  ElementType(String storageName, int size) {
    this.storageName = storageName;
    this.size = size;
  }

  /** The type that belongs to one of PyTorch's storage classes, {@code torch.FloatStorage}. */
  static Optional<ElementType> ofStorage(String className) {
    return Arrays.stream(values())
        .filter(type -> className.equals("torch." + type.storageName))
        .findFirst();
  }

  /** Bytes per number. */
  int size() {
    return size;
  }

  /**
   * Reads a number.
   *
   * @param index position in the storage, in numbers
   * @throws RefusedException if the type is not floating-point
   */
  double get(ByteBuffer storage, int index) {
    int at = index * size;
    return switch (this) {
      case FLOAT32 -> storage.getFloat(at);
      case FLOAT64 -> storage.getDouble(at);
      case FLOAT16 -> Float.float16ToFloat(storage.getShort(at));
      case BFLOAT16 -> Float.intBitsToFloat(storage.getShort(at) << Short.SIZE);
      case INT64, INT32, INT16, INT8, UINT8, BOOL ->
          throw new RefusedException("holds " + this + ", while weights are floating-point");
    };
  }

  /** PyTorch's name for the type, {@code float32}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
