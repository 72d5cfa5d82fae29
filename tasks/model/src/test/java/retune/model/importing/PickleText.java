package retune.model.importing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes pickles instruction by instruction, honest ones and others. */
final class PickleText {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  PickleText() {
    raw(0x80, 2);
  }

  PickleText raw(int... instructions) {
    for (int instruction : instructions) {
      bytes.write(instruction);
    }
    return this;
  }

  PickleText global(String module, String name) {
    raw('c');
    bytes.writeBytes((module + "\n" + name + "\n").getBytes(UTF_8));
    return this;
  }

  PickleText text(String text) {
    byte[] utf8 = text.getBytes(UTF_8);
    raw('X');
    bytes.writeBytes(littleEndian(Integer.BYTES).putInt(utf8.length).array());
    bytes.writeBytes(utf8);
    return this;
  }

  PickleText whole(long value) {
    raw(0x8a, Long.BYTES);
    bytes.writeBytes(littleEndian(Long.BYTES).putLong(value).array());
    return this;
  }

  PickleText tuple(long... values) {
    raw('(');
    for (long value : values) {
      whole(value);
    }
    return raw('t');
  }

  /** A tensor in the storage {@code data/key}, as torch.save writes it. */
  PickleText tensor(
      String storageType, String key, long elements, long offset, long[] shape, long[] strides) {
    global("torch._utils", "_rebuild_tensor_v2").raw('(');
    raw('(').text("storage").global("torch", storageType).text(key).text("cpu").whole(elements);
    raw('t', 'Q').whole(offset).tuple(shape).tuple(strides).raw(0x89);
    return global("collections", "OrderedDict").raw(')', 'R', 't', 'R');
  }

  byte[] end() {
    raw('.');
    return bytes.toByteArray();
  }

  private static ByteBuffer littleEndian(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
