package retune.learning.torch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import retune.core.InvalidInputException;
import retune.model.Architecture;
import retune.model.Tensor;
import retune.model.Weights;

/**
 * A TorchScript archive and the head on it as one archive: the original's entries, a module around
 * its module, and the head's tensors. The original's pickle is taken over as it is, as the value of
 * an attribute of the new one.
 */
final class ScriptWithHead {
  private static final String PICKLE = "data.pkl";
  private static final String STORAGES = "data/";

  private ScriptWithHead() {}

  /** The archive; an {@link InvalidInputException} where PyTorch did not write the original. */
  static byte[] write(
      Architecture.TorchScript architecture,
      Weights weights,
      Weights.Archive archive,
      Map<String, String> extraFiles) {
    try {
      return write(architecture, weights, entries(archive), extraFiles);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] write(
      Architecture.TorchScript architecture,
      Weights weights,
      SortedMap<String, byte[]> entries,
      Map<String, String> extraFiles)
      throws IOException {
    byte[] original = entries.getOrDefault(PICKLE, new byte[0]);
    String encoderClass = rootClass(original);
    String module = freeModule(entries);
    String className = "__torch__." + module + ".Network";
    SortedMap<String, Tensor> head = FusedWeights.fuse(weights);
    int storage = freeStorage(entries);
    Pickle pickle = new Pickle().emptyObject(className).beginItems();
    pickle.text("training").bool(false);
    pickle.text("encoder").objectOf(original);
    for (Map.Entry<String, Tensor> tensor : head.entrySet()) {
      entries.put(STORAGES + storage, TorchScript.littleEndian(tensor.getValue().values()));
      pickle.text(tensor.getKey()).tensor(storage++, tensor.getValue().shape());
    }
    entries.put(PICKLE, pickle.endItems().setState().end());
    entries.put(
        "code/__torch__/" + module + ".py",
        NetworkSource.around(className, encoderClass, architecture, head.keySet()).getBytes(UTF_8));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        TorchScript.put(zip, entry.getKey(), entry.getValue());
      }
      TorchScript.putExtra(zip, extraFiles);
    }
    return bytes.toByteArray();
  }

  /**
   * The entries by their names under the archive's folder, without what the original's extra files
   * and its identity are.
   */
  private static SortedMap<String, byte[]> entries(Weights.Archive archive) throws IOException {
    // A stream cannot read them: PyTorch writes the sizes of stored entries behind them.
    Path file = Files.createTempFile("retune", ".pt");
    SortedMap<String, byte[]> entries = new TreeMap<>();
    try {
      Files.write(file, archive.bytes());
      try (ZipFile zip = new ZipFile(file.toFile())) {
        for (ZipEntry entry : Collections.list(zip.entries())) {
          String name = entry.getName().substring(entry.getName().indexOf('/') + 1);
          if (!name.startsWith("extra/") && !name.startsWith(".data/")) {
            try (InputStream stream = zip.getInputStream(entry)) {
              entries.put(name, stream.readAllBytes());
            }
          }
        }
      }
    } finally {
      Files.delete(file);
    }
    return entries;
  }

  /** The class of a pickle's object, which its first operation names. */
  private static String rootClass(byte[] pickle) {
    String text = new String(pickle, ISO_8859_1);
    String[] lines = text.substring(Math.min(text.length(), Pickle.HEADER)).split("\n", 3);
    if (lines.length < 3 || !lines[0].startsWith("c__torch__") || !text.endsWith(".")) {
      throw new InvalidInputException(
          "The version's TorchScript archive does not begin as PyTorch writes it; export it as"
              + " safetensors, which holds the archive as it is.");
    }
    return lines[0].substring(1) + "." + lines[1];
  }

  /** A name that none of the original's modules has. */
  private static String freeModule(SortedMap<String, byte[]> entries) {
    String name = "retune";
    while (entries.containsKey("code/__torch__/" + name + ".py")) {
      name += "_";
    }
    return name;
  }

  private static int freeStorage(SortedMap<String, byte[]> entries) {
    int storage = 0;
    while (entries.containsKey(STORAGES + storage)) {
      storage++;
    }
    return storage;
  }
}
