package retune.model.importing;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Maps the names of a file's tensors to those of {@link retune.model.Weights}: removes the prefixes
 * of wrappers around the network, and adds the prefix of an encoder that was saved alone.
 */
final class FamilyNames {
  private static final String ENCODER = "encoder.";

  /** DataParallel's, torch.compile's and Lightning's. */
  private static final List<String> WRAPPERS = List.of("module.", "_orig_mod.", "model.");

  private static final List<String> PARTS_OF_ENCODER =
      List.of("embeddings.", "numeric_embeddings.", "transformer.", "layers.");

  private FamilyNames() {}

  /** Maps each tensor's name in {@link retune.model.Weights} to its name in the file. */
  static Map<String, String> of(Collection<String> fileNames) {
    Map<String, String> names = new TreeMap<>();
    for (String fileName : fileNames) {
      names.put(fileName, fileName);
    }
    Optional<String> wrapper = commonWrapper(names);
    while (wrapper.isPresent()) {
      String prefix = wrapper.get();
      names = rename(names, name -> name.substring(prefix.length()));
      wrapper = commonWrapper(names);
    }
    boolean encoderAlone = names.keySet().stream().noneMatch(name -> name.startsWith(ENCODER));
    return encoderAlone ? rename(names, FamilyNames::withPrefix) : names;
  }

  private static Optional<String> commonWrapper(Map<String, String> names) {
    return WRAPPERS.stream()
        .filter(wrapper -> names.keySet().stream().allMatch(name -> name.startsWith(wrapper)))
        .findFirst();
  }

  private static String withPrefix(String name) {
    return PARTS_OF_ENCODER.stream().anyMatch(name::startsWith) ? ENCODER + name : name;
  }

  private static Map<String, String> rename(
      Map<String, String> names, Function<String, String> change) {
    Map<String, String> renamed = new TreeMap<>();
    names.forEach((name, fileName) -> renamed.put(change.apply(name), fileName));
    return renamed;
  }
}
