package retune.model.importing;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.model.importing.PickleValue.Dictionary;
import retune.model.importing.PickleValue.ScriptModule;
import retune.model.importing.PickleValue.Text;
import retune.model.importing.PickleValue.View;

/**
 * Finds a model's tensors in the content of an archive. The content is a state dict, a training
 * checkpoint with a state dict among its entries, or a TorchScript module, where the names of
 * submodules are joined with dots.
 */
final class StateDict {
  /** The names that training scripts and Lightning give the state dict in a checkpoint. */
  private static final List<String> CHECKPOINT_KEYS =
      List.of("state_dict", "model_state_dict", "model");

  /** Longest name: the names of a module that contains itself have no end. */
  private static final int MAX_NAME = 1_000;

  private static final int MAX_MODULES = 10_000;

  private record Named(String prefix, ScriptModule module) {}

  private StateDict() {}

  static SortedMap<String, TensorView> tensors(PickleValue content) {
    SortedMap<String, TensorView> tensors =
        switch (content) {
          case ScriptModule module -> ofModule(module);
          case Dictionary dictionary -> ofDictionary(dictionary);
          default ->
              throw new RefusedException(
                  "holds no state dict; save model.state_dict() with torch.save");
        };
    if (tensors.isEmpty()) {
      throw new RefusedException("holds no tensors; save model.state_dict() with torch.save");
    }
    return tensors;
  }

  private static SortedMap<String, TensorView> ofDictionary(Dictionary dictionary) {
    return Stream.concat(
            Stream.of(dictionary),
            CHECKPOINT_KEYS.stream().map(key -> dictionary.entries().get(new Text(key))))
        .flatMap(candidate -> onlyTensors(candidate).stream())
        .findFirst()
        .orElseThrow(
            () ->
                new RefusedException(
                    "holds values other than tensors, and no state dict under "
                        + CHECKPOINT_KEYS
                        + "; save model.state_dict() alone with torch.save"));
  }

  /** The tensors of a dictionary that holds nothing else. */
  private static Optional<SortedMap<String, TensorView>> onlyTensors(
      @Nullable PickleValue candidate) {
    if (!(candidate instanceof Dictionary(Map<PickleValue, PickleValue> entries))) {
      return Optional.empty();
    }
    SortedMap<String, TensorView> tensors = new TreeMap<>();
    entries.forEach(
        (key, value) -> {
          if (key instanceof Text(String name) && value instanceof View(TensorView tensor)) {
            tensors.put(name, tensor);
          }
        });
    return tensors.size() == entries.size() ? Optional.of(tensors) : Optional.empty();
  }

  private static SortedMap<String, TensorView> ofModule(ScriptModule root) {
    SortedMap<String, TensorView> tensors = new TreeMap<>();
    Deque<Named> open = new ArrayDeque<>(List.of(new Named("", root)));
    for (int visited = 0; !open.isEmpty(); visited++) {
      if (visited > MAX_MODULES) {
        throw new RefusedException("has more than " + MAX_MODULES + " modules");
      }
      Named named = open.pop();
      named
          .module
          .attributes()
          .forEach(
              (attribute, value) -> {
                String name = named.prefix + attribute;
                if (name.length() > MAX_NAME) {
                  throw new RefusedException(
                      "has a module or tensor whose name is longer than " + MAX_NAME);
                }
                switch (value) {
                  case View(TensorView tensor) -> tensors.put(name, tensor);
                  case ScriptModule module -> open.push(new Named(name + ".", module));
                  default -> {}
                }
              });
    }
    return tensors;
  }
}
