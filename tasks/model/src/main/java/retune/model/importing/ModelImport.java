package retune.model.importing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import retune.core.InvalidInputException;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture;
import retune.model.BoundedFile;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;

/**
 * A network imported from a file of tensors and a spec.
 *
 * @param converted number of tensors that were converted to float32, by their type in the file
 */
public record ModelImport(
    Architecture architecture,
    Preprocessing preprocessing,
    Weights weights,
    SortedMap<String, Integer> converted) {
  /** Greatest number of weights: 1 GiB in float32. */
  static final long MAX_NUMBERS = 1L << 28;

  /**
   * Greatest size of a file in bytes: enough for the weights of the largest model in float64, with
   * the state of an optimizer.
   */
  private static final long MAX_FILE = 8L << 30;

  /**
   * Reads the tensors, which must be exactly those of the spec's network.
   *
   * @throws InvalidInputException naming the file's actual format, the tensors that are missing,
   *     unexpected or of another shape, or the contradiction between spec and tensors
   */
  public static ModelImport read(Path file, ImportSpec spec) throws IOException {
    requireFile(file);
    requireMemory(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return read(checkpoint, spec);
    } catch (RefusedException e) {
      throw new InvalidInputException(file + " " + e.getMessage() + ".", e);
    }
  }

  /**
   * The bytes of a complete TorchScript archive.
   *
   * @throws InvalidInputException naming the file's actual format or the damage
   */
  public static byte[] script(Path file) throws IOException {
    requireFile(file);
    requireMemory(file);
    try {
      return TorchArchive.script(file);
    } catch (RefusedException e) {
      throw new InvalidInputException(file + " " + e.getMessage() + ".", e);
    }
  }

  private static void requireMemory(Path file) throws IOException {
    BoundedFile.requireSize(Files.size(file), MAX_FILE, file.toString());
  }

  private static void requireFile(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException("There is no file " + file + "; give a file of weights.");
    }
  }

  private static ModelImport read(Checkpoint checkpoint, ImportSpec spec) throws IOException {
    SortedMap<String, Checkpoint.Entry> inFile = checkpoint.entries();
    Map<String, String> fileNames = FamilyNames.of(inFile.keySet());
    SortedMap<String, Checkpoint.Entry> entries = new TreeMap<>();
    fileNames.forEach((name, fileName) -> entries.put(name, inFile.get(fileName)));
    NetworkSizes sizes = new NetworkSizes(entries, spec.architecture());
    Architecture architecture = sizes.architecture();
    Preprocessing preprocessing = preprocessing(spec, sizes);
    compare(
        sizes.hasHead()
            ? WeightShapes.of(architecture, preprocessing.schema(), spec.target().classes().size())
            : WeightShapes.encoder(architecture, preprocessing.schema()),
        entries);
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    for (Map.Entry<String, String> name : fileNames.entrySet()) {
      tensors.put(name.getKey(), checkpoint.tensor(name.getValue()));
    }
    SortedMap<String, Integer> converted =
        entries.values().stream()
            .map(Checkpoint.Entry::type)
            .filter(type -> type != ElementType.FLOAT32)
            .collect(
                Collectors.toMap(ElementType::toString, type -> 1, Integer::sum, TreeMap::new));
    return new ModelImport(architecture, preprocessing, new Weights(tensors), converted);
  }

  private static Preprocessing preprocessing(ImportSpec spec, NetworkSizes sizes) {
    List<Integer> cardinalities = sizes.cardinalities();
    requireCount("categorical columns", spec.categorical().size(), cardinalities.size());
    requireCount("numeric columns", spec.numeric().size(), sizes.numeric());
    return spec.preprocessing(cardinalities);
  }

  private static void requireCount(String what, int spec, int tensors) {
    if (spec != tensors) {
      throw new InvalidInputException(
          "The spec has "
              + spec
              + " "
              + what
              + ", but the tensors are those of "
              + tensors
              + "; list the columns that the network was trained on, in its order.");
    }
  }

  private static void compare(
      SortedMap<String, int[]> expected, SortedMap<String, Checkpoint.Entry> entries) {
    List<String> missing = new ArrayList<>();
    List<String> misshapen = new ArrayList<>();
    expected.forEach(
        (name, shape) -> {
          Checkpoint.Entry entry = entries.get(name);
          if (entry == null) {
            missing.add(name + " " + Arrays.toString(shape));
          } else if (!Arrays.equals(shape, entry.shape())) {
            misshapen.add(name + " " + entry + " instead of " + Arrays.toString(shape));
          }
        });
    TreeSet<String> unexpected = new TreeSet<>(entries.keySet());
    unexpected.removeAll(expected.keySet());
    List<String> differences = new ArrayList<>();
    addDifference(differences, "missing", missing);
    addDifference(differences, "not expected", unexpected.stream().toList());
    addDifference(differences, "of another shape", misshapen);
    if (!differences.isEmpty()) {
      throw new RefusedException(
          "does not have the tensors of the spec's network: " + String.join("; ", differences));
    }
    long numbers =
        expected.values().stream()
            .mapToLong(shape -> Arrays.stream(shape).asLongStream().reduce(1, (a, b) -> a * b))
            .sum();
    if (numbers > MAX_NUMBERS) {
      throw new RefusedException("has " + numbers + " weights; the limit is " + MAX_NUMBERS);
    }
  }

  private static void addDifference(List<String> differences, String what, List<String> names) {
    if (!names.isEmpty()) {
      differences.add(names.size() + " " + what + " (" + String.join(", ", names) + ")");
    }
  }
}
