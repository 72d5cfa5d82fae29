package retune.learning.torch;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;

/**
 * The few operations of Python's pickle format, protocol 2, that a TorchScript module needs.
 * Opcodes are those of CPython's {@code Lib/pickletools.py}.
 */
final class Pickle {
  private static final int PROTOCOL = 0x80;
  private static final int VERSION = 2;

  /** Length of the protocol and its version. */
  static final int HEADER = 2;

  private static final int GLOBAL = 'c';
  private static final int EMPTY_TUPLE = ')';
  private static final int NEW_OBJECT = 0x81;
  private static final int EMPTY_DICTIONARY = '}';
  private static final int MARK = '(';
  private static final int TUPLE_FROM_MARK = 't';
  private static final int SET_ITEMS_FROM_MARK = 'u';
  private static final int BUILD = 'b';
  private static final int REDUCE = 'R';
  private static final int PERSISTENT_ID = 'Q';
  private static final int UNICODE = 'X';
  private static final int INT = 'J';
  private static final int TRUE = 0x88;
  private static final int FALSE = 0x89;
  private static final int STOP = '.';

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  Pickle() {
    write(PROTOCOL, VERSION);
  }

  byte[] end() {
    write(STOP);
    return bytes.toByteArray();
  }

  Pickle emptyTuple() {
    return write(EMPTY_TUPLE);
  }

  /** A new object of the class, its state still to be set. */
  Pickle emptyObject(String qualifiedClass) {
    int dot = qualifiedClass.lastIndexOf('.');
    global(qualifiedClass.substring(0, dot), qualifiedClass.substring(dot + 1));
    return write(EMPTY_TUPLE, NEW_OBJECT);
  }

  /** A dictionary; keys and values follow in turn until {@link #endItems}. */
  Pickle beginItems() {
    return write(EMPTY_DICTIONARY, MARK);
  }

  Pickle endItems() {
    return write(SET_ITEMS_FROM_MARK);
  }

  /** Gives the dictionary on top to the object below it. */
  Pickle setState() {
    return write(BUILD);
  }

  /** The one object of another pickle of protocol 2, whose memo is its own. */
  Pickle objectOf(byte[] pickle) {
    bytes.write(pickle, HEADER, pickle.length - HEADER - 1);
    return this;
  }

  Pickle text(String value) {
    byte[] utf8 = value.getBytes(UTF_8);
    write(UNICODE).littleEndian(utf8.length);
    bytes.writeBytes(utf8);
    return this;
  }

  Pickle bool(boolean value) {
    return write(value ? TRUE : FALSE);
  }

  Pickle integer(int value) {
    return write(INT).littleEndian(value);
  }

  /**
   * A contiguous float32 tensor on the CPU, without a gradient, whose values are in the archive's
   * entry {@code data/storage}.
   */
  Pickle tensor(int storage, int[] shape) {
    int size = 1;
    for (int dimension : shape) {
      size *= dimension;
    }
    global("torch._utils", "_rebuild_tensor_v2").write(MARK);
    write(MARK).text("storage").global("torch", "FloatStorage").text(Integer.toString(storage));
    text("cpu").integer(size).write(TUPLE_FROM_MARK, PERSISTENT_ID);
    integer(0);
    write(MARK);
    for (int dimension : shape) {
      integer(dimension);
    }
    write(TUPLE_FROM_MARK, MARK);
    int stride = size;
    for (int dimension : shape) {
      stride /= dimension;
      integer(stride);
    }
    write(TUPLE_FROM_MARK).bool(false);
    global("collections", "OrderedDict").write(EMPTY_TUPLE, REDUCE);
    return write(TUPLE_FROM_MARK, REDUCE);
  }

  private Pickle global(String module, String name) {
    write(GLOBAL);
    bytes.writeBytes((module + "\n" + name + "\n").getBytes(UTF_8));
    return this;
  }

  private Pickle littleEndian(int value) {
    for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
      bytes.write(value >>> shift);
    }
    return this;
  }

  private Pickle write(int... values) {
    for (int value : values) {
      bytes.write(value);
    }
    return this;
  }
}
