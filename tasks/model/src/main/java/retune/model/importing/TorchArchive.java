package retune.model.importing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import retune.model.Tensor;

/**
 * A zip written by torch.save or torch.jit.save (PyTorch 1.6 and later; {@code
 * torch/csrc/jit/docs/serialization.md}). In one folder, {@code data.pkl} describes the tensors,
 * {@code data/KEY} holds the numbers of each storage, and {@code byteorder} their byte order.
 *
 * <p>PyTorch stores these entries uncompressed. A compressed entry cannot be read, and an archive
 * whose uncompressed entries together are larger than the file is refused. What is unpacked is
 * therefore never larger than the file.
 */
final class TorchArchive implements Checkpoint {
  private static final String PICKLE = "data.pkl";

  /** Greatest size of data.pkl in bytes; ten thousand tensors take about 2 MB. */
  private static final int MAX_PICKLE = 4 << 20;

  /** Greatest size of a TorchScript archive in bytes, as for the weights of other architectures. */
  private static final int MAX_SCRIPT = 1 << 30;

  private final ZipFile zip;
  private final String folder;
  private final SortedMap<String, TensorView> views;

  /** Storages read so far, by key: one that several tensors share is read once. */
  private final Map<String, byte[]> storages = new HashMap<>();

  private TorchArchive(ZipFile zip, String folder, SortedMap<String, TensorView> views) {
    this.zip = zip;
    this.folder = folder;
    this.views = views;
  }

  /**
   * Reads a TorchScript archive, and verifies the checksums of its uncompressed entries.
   *
   * @return the bytes of the file
   * @throws RefusedException if the file is not a TorchScript archive, is damaged or too large
   */
  static byte[] script(Path file) throws IOException {
    if (FileKind.of(file) != FileKind.ZIP) {
      throw new RefusedException(
          "holds tensors without code; the architecture torch_script needs a file that"
              + " torch.jit.save wrote");
    }
    if (Files.size(file) > MAX_SCRIPT) {
      throw new RefusedException("is larger than " + MAX_SCRIPT + " bytes");
    }
    try (ZipFile zip = unzip(file)) {
      checkSizes(zip, Files.size(file));
      long unpacked = zip.stream().mapToLong(ZipEntry::getSize).sum();
      if (unpacked > MAX_SCRIPT) {
        throw new RefusedException("would unpack to more than " + MAX_SCRIPT + " bytes");
      }
      if (!isScript(zip, folder(zip))) {
        throw new RefusedException(
            "is a state dict, which has no code; save torch.jit.script(model) with torch.jit.save,"
                + " or name the network's architecture in the spec");
      }
      for (ZipEntry entry : Collections.list(zip.entries())) {
        if (entry.getMethod() == ZipEntry.STORED) {
          read(zip, entry.getName(), MAX_SCRIPT);
        }
      }
    }
    return Files.readAllBytes(file);
  }

  static TorchArchive open(Path file) throws IOException {
    ZipFile zip = unzip(file);
    try {
      checkSizes(zip, Files.size(file));
      String folder = folder(zip);
      PickleValue content =
          PickleReader.read(
              read(zip, folder + PICKLE, MAX_PICKLE), new TorchNames(isScript(zip, folder)));
      SortedMap<String, TensorView> views = StateDict.tensors(content);
      checkNumbers(views);
      return new TorchArchive(zip, folder, views);
    } catch (IOException | RuntimeException e) {
      zip.close();
      throw e;
    }
  }

  @Override
  public SortedMap<String, Entry> entries() {
    SortedMap<String, Entry> entries = new TreeMap<>();
    views.forEach(
        (name, view) -> entries.put(name, new Entry(view.shape(), view.storage().type())));
    return entries;
  }

  @Override
  public Tensor tensor(String name) throws IOException {
    TensorView view = views.get(name);
    if (view == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    PickleValue.Storage storage = view.storage();
    byte[] bytes = storages.get(storage.key());
    if (bytes == null) {
      bytes = read(zip, folder + "data/" + storage.key(), Integer.MAX_VALUE);
      storages.put(storage.key(), bytes);
    }
    if (bytes.length != storage.elements() * storage.type().size()) {
      throw new RefusedException(
          "has "
              + bytes.length
              + " bytes for the tensor '"
              + name
              + "', which needs a storage of "
              + storage.elements()
              + " numbers of "
              + storage.type());
    }
    try {
      return view.read(ByteBuffer.wrap(bytes).order(byteOrder()));
    } catch (RefusedException e) {
      throw new RefusedException("has a tensor '" + name + "' that " + e.getMessage(), e);
    }
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }

  /** Little-endian if the archive does not state it: PyTorch before 2.1 did not. */
  private ByteOrder byteOrder() throws IOException {
    String entry = folder + "byteorder";
    if (zip.getEntry(entry) == null) {
      return ByteOrder.LITTLE_ENDIAN;
    }
    String order = new String(read(zip, entry, "little".length()), UTF_8);
    return switch (order) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default -> throw new RefusedException("has the unknown byte order '" + order + "'");
    };
  }

  private static ZipFile unzip(Path file) throws IOException {
    try {
      return new ZipFile(file.toFile());
    } catch (ZipException e) {
      throw new RefusedException(
          "is a damaged or truncated zip (" + e.getMessage() + "); copy it again", e);
    }
  }

  /** Limits the tensors, because many views of one storage could be far larger than the file. */
  private static void checkNumbers(SortedMap<String, TensorView> views) {
    checkNumbers(views.values().stream().mapToLong(TensorView::size).sum());
  }

  /** Refuses more numbers than any import reads. */
  static void checkNumbers(long numbers) {
    if (numbers > ModelImport.MAX_NUMBERS) {
      throw new RefusedException(
          String.format(
              Locale.ROOT,
              "has tensors of %,d numbers in total; the limit is %,d",
              numbers,
              ModelImport.MAX_NUMBERS));
    }
  }

  private static boolean isScript(ZipFile zip, String folder) {
    return zip.getEntry(folder + "constants.pkl") != null;
  }

  private static void checkSizes(ZipFile zip, long fileSize) {
    long stored =
        zip.stream()
            .filter(entry -> entry.getMethod() == ZipEntry.STORED)
            .mapToLong(ZipEntry::getSize)
            .sum();
    if (stored > fileSize) {
      throw new RefusedException(
          "would unpack to " + stored + " bytes, although the file has only " + fileSize);
    }
  }

  /** The name of the archive's only folder, with a slash at its end. */
  private static String folder(ZipFile zip) {
    List<String> pickles =
        Collections.list(zip.entries()).stream()
            .map(ZipEntry::getName)
            .filter(name -> name.matches("[^/]+/" + PICKLE))
            .toList();
    if (pickles.size() != 1) {
      throw new RefusedException(
          "is a zip that PyTorch did not write: it has "
              + pickles.size()
              + " entries FOLDER/"
              + PICKLE
              + " instead of one");
    }
    return pickles.getFirst().substring(0, pickles.getFirst().length() - PICKLE.length());
  }

  private static byte[] read(ZipFile zip, String name, int limit) throws IOException {
    ZipEntry entry = zip.getEntry(name);
    if (entry == null) {
      throw new RefusedException("lacks the entry " + name + "; copy the file again");
    }
    if (entry.getMethod() != ZipEntry.STORED) {
      throw new RefusedException(
          "has a compressed entry " + name + ", which PyTorch never writes; save it again");
    }
    if (entry.getSize() > limit) {
      throw new RefusedException(
          "has an entry " + name + " of " + entry.getSize() + " bytes; the limit is " + limit);
    }
    byte[] bytes;
    try (InputStream stream = zip.getInputStream(entry)) {
      bytes = stream.readNBytes((int) entry.getSize());
    } catch (ZipException e) {
      throw new RefusedException(
          "has a damaged entry " + name + " (" + e.getMessage() + "); copy it again", e);
    }
    CRC32 checksum = new CRC32();
    checksum.update(bytes);
    if (bytes.length != entry.getSize() || checksum.getValue() != entry.getCrc()) {
      throw new RefusedException(
          "has an entry " + name + " that does not match its checksum; copy it again");
    }
    return bytes;
  }
}
