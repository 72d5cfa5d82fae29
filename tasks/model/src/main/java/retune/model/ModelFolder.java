package retune.model;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import retune.core.InvalidInputException;

/**
 * A model version as files: a folder, or a zip of one, with {@code model.json} and {@code
 * weights.safetensors}.
 */
public final class ModelFolder {
  public static final String MODEL = "model.json";
  public static final String WEIGHTS = "weights.safetensors";

  /**
   * Beside the two in a folder, if the version's maker put rows aside: a CSV file of labelled rows
   * that no training has seen, which become the model's reference.
   */
  public static final String REFERENCE = "reference.csv";

  /** The largest number of reference rows that a model keeps. */
  public static final int MOST_REFERENCE_ROWS = 10_000;

  /** A version and its weights. */
  public record Content(ModelVersion version, Weights weights) {}

  private ModelFolder() {}

  /**
   * Writes the files, {@code model.json} last: a folder that has one is complete. Each file is
   * replaced atomically.
   */
  public static void write(Path folder, Content content) throws IOException {
    Files.createDirectories(folder);
    Files.deleteIfExists(folder.resolve(MODEL));
    AtomicFile.write(folder.resolve(WEIGHTS), Safetensors.write(content.weights));
    AtomicFile.write(folder.resolve(MODEL), ModelJson.write(content.version).getBytes(UTF_8));
  }

  /**
   * Reads and checks a folder or zip: format, hashes, id, and that the weights fit the
   * architecture.
   *
   * @param trust whether the version may contain code
   * @throws InvalidInputException naming the file and what is wrong with it
   */
  public static Content read(Path path, CodeTrust trust) throws IOException {
    Content content = read(path);
    if (content.weights.containsCode()) {
      trust.check(path.toString());
    }
    return content;
  }

  private static Content read(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new InvalidInputException(
          "There is no model at " + path + "; give a folder or zip with " + MODEL + ".");
    }
    if (Files.isDirectory(path)) {
      return check(
          path.resolve(MODEL).toString(),
          readFile(path, MODEL, BoundedFile.MAX_JSON),
          path.resolve(WEIGHTS).toString(),
          readFile(path, WEIGHTS, BoundedFile.MAX_WEIGHTS));
    }
    try (ZipFile zip = new ZipFile(path.toFile())) {
      String prefix = prefix(zip, path);
      return check(
          path + "!" + prefix + MODEL,
          readEntry(zip, path, prefix + MODEL, BoundedFile.MAX_JSON),
          path + "!" + prefix + WEIGHTS,
          readEntry(zip, path, prefix + WEIGHTS, BoundedFile.MAX_WEIGHTS));
    } catch (ZipException e) {
      throw new InvalidInputException(
          path + " is neither a folder nor a readable zip (" + e.getMessage() + ").", e);
    }
  }

  /** Whether the folder holds this version, complete and undamaged. */
  public static boolean holds(Path folder, ModelVersion version) throws IOException {
    try {
      return read(folder).version.modelId().equals(version.modelId());
    } catch (InvalidInputException e) {
      return false;
    }
  }

  private static Content check(
      String modelSource, byte[] model, String weightsSource, byte[] weightsBytes) {
    ModelVersion version = ModelJson.read(new String(model, UTF_8), modelSource);
    Weights weights = Safetensors.read(weightsBytes, weightsSource);
    version.checkWeights(weights, weightsSource);
    version.checkId(modelSource);
    return new Content(version, weights);
  }

  private static byte[] readFile(Path folder, String name, long limit) throws IOException {
    try {
      return BoundedFile.read(folder.resolve(name), limit);
    } catch (NoSuchFileException e) {
      throw absent(folder, name);
    }
  }

  /** The path of the files within the zip: empty, or the one folder that the zip consists of. */
  private static String prefix(ZipFile zip, Path path) {
    List<String> names =
        zip.stream()
            .map(ZipEntry::getName)
            .filter(name -> name.equals(MODEL) || name.matches("[^/]+/" + MODEL))
            .toList();
    if (names.size() != 1) {
      throw absent(path, "one " + MODEL);
    }
    return names.getFirst().substring(0, names.getFirst().length() - MODEL.length());
  }

  private static byte[] readEntry(ZipFile zip, Path path, String name, long limit)
      throws IOException {
    ZipEntry entry = zip.getEntry(name);
    if (entry == null) {
      throw absent(path, name);
    }
    try (var stream = zip.getInputStream(entry)) {
      return BoundedFile.read(stream, entry.getSize(), limit, path + "!" + name);
    }
  }

  private static InvalidInputException absent(Path path, String name) {
    return new InvalidInputException(
        path
            + " lacks "
            + name
            + "; a model is a folder or zip with "
            + MODEL
            + " and "
            + WEIGHTS
            + ".");
  }
}
