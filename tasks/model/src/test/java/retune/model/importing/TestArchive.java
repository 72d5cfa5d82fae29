package retune.model.importing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Makes archives as torch.save does, honest ones and others. */
final class TestArchive {
  private final Map<String, byte[]> entries = new LinkedHashMap<>();

  TestArchive entry(String name, byte[] content) {
    entries.put(name, content);
    return this;
  }

  TestArchive pickle(byte[] pickle) {
    return entry("archive/data.pkl", pickle);
  }

  TestArchive storage(String key, byte[] content) {
    return entry("archive/data/" + key, content);
  }

  TestArchive byteOrder(String order) {
    return entry("archive/byteorder", order.getBytes(UTF_8));
  }

  /** A state dict of one tensor {@code weight} with one storage {@code 0}. */
  static TestArchive oneTensor(
      String storageType,
      long elements,
      long offset,
      long[] shape,
      long[] strides,
      byte[] content) {
    byte[] pickle =
        new PickleText()
            .raw('}')
            .text("weight")
            .tensor(storageType, "0", elements, offset, shape, strides)
            .raw('s')
            .end();
    return new TestArchive().pickle(pickle).storage("0", content);
  }

  Path write(Path file) throws IOException {
    return write(file, ZipEntry.STORED);
  }

  Path write(Path file, int method) throws IOException {
    try (OutputStream stream = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(stream)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry header = new ZipEntry(entry.getKey());
        header.setMethod(method);
        header.setSize(entry.getValue().length);
        header.setCrc(crc(entry.getValue()));
        zip.putNextEntry(header);
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    }
    return file;
  }

  static byte[] floats(ByteOrder order, float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(order);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  static byte[] floats(float... values) {
    return floats(ByteOrder.LITTLE_ENDIAN, values);
  }

  private static long crc(byte[] content) {
    CRC32 checksum = new CRC32();
    checksum.update(content);
    return checksum.getValue();
  }
}
