package retune.learning.torch;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.SortedMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import retune.core.data.FeatureSchema;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelJson;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.Weights;

/**
 * A network as a TorchScript archive, which PyTorch loads without Python: a zip, not compressed, of
 * the {@link NetworkSource code}, a pickle that describes the module, and the tensors' bytes. The
 * same network gives the same bytes. The format is that of PyTorch's {@code
 * torch/csrc/jit/docs/serialization.md}.
 */
public final class TorchScript {
  private static final String ROOT = "network/";

  /** The earliest time that a zip can hold: the archive depends on the network only. */
  private static final LocalDateTime MADE_AT = LocalDateTime.of(1980, 1, 1, 0, 0);

  private TorchScript() {}

  /** The archive; without a head in the weights it has {@code encode} only. */
  static byte[] write(Architecture architecture, FeatureSchema schema, Weights weights) {
    return write(architecture, schema, weights, Map.of());
  }

  /**
   * A version as an archive, with its {@code model.json} as an extra file: {@code
   * torch.jit.load(file, _extra_files={"model.json": ""})} gives it back.
   */
  public static byte[] write(ModelVersion version, Weights weights) {
    Map<String, String> extraFiles = Map.of(ModelFolder.MODEL, ModelJson.write(version));
    return weights.archive() != null
            && version.architecture() instanceof Architecture.TorchScript architecture
        ? ScriptWithHead.write(architecture, weights, weights.archive(), extraFiles)
        : write(version.architecture(), version.preprocessing().schema(), weights, extraFiles);
  }

  private static byte[] write(
      Architecture architecture,
      FeatureSchema schema,
      Weights weights,
      Map<String, String> extraFiles) {
    SortedMap<String, Tensor> parameters = FusedWeights.fuse(weights);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      put(zip, "data.pkl", module(parameters));
      put(
          zip,
          "code/__torch__.py",
          NetworkSource.of(architecture, schema, parameters.keySet(), weights.hasHead())
              .getBytes(UTF_8));
      int storage = 0;
      for (Tensor parameter : parameters.values()) {
        put(zip, "data/" + storage++, littleEndian(parameter.values()));
      }
      put(zip, "constants.pkl", new Pickle().emptyTuple().end());
      put(zip, "version", "3\n".getBytes(UTF_8));
      put(zip, "byteorder", "little".getBytes(UTF_8));
      putExtra(zip, extraFiles);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // writing to memory does not fail
    }
    return bytes.toByteArray();
  }

  /** The module object: its class, its mode, and each parameter with its storage and shape. */
  private static byte[] module(SortedMap<String, Tensor> parameters) {
    Pickle pickle = new Pickle().emptyObject(NetworkSource.CLASS).beginItems();
    pickle.text("training").bool(false);
    int storage = 0;
    for (var parameter : parameters.entrySet()) {
      pickle.text(parameter.getKey()).tensor(storage++, parameter.getValue().shape());
    }
    return pickle.endItems().setState().end();
  }

  static void putExtra(ZipOutputStream zip, Map<String, String> extraFiles) throws IOException {
    for (Map.Entry<String, String> extra : extraFiles.entrySet()) {
      put(zip, "extra/" + extra.getKey(), extra.getValue().getBytes(UTF_8));
    }
  }

  static byte[] littleEndian(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  /** An entry under the archive's folder, not compressed. */
  static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 checksum = new CRC32();
    checksum.update(content);
    ZipEntry entry = new ZipEntry(ROOT + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCompressedSize(content.length);
    entry.setCrc(checksum.getValue());
    entry.setTimeLocal(MADE_AT);
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
