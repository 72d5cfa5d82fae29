package retune.model.importing;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a pickle may hold: plain values, containers and tensors. No value stands for any other
 * Python object, so none can be created.
 */
sealed interface PickleValue {
  record None() implements PickleValue {}

  record Truth(boolean value) implements PickleValue {}

  record Whole(long value) implements PickleValue {}

  record Real(double value) implements PickleValue {}

  record Text(String value) implements PickleValue {}

  record Tuple(List<PickleValue> items) implements PickleValue {
    public Tuple {
      items = List.copyOf(items);
    }
  }

  /** A list; it may grow after it has been added to another container. */
  record Sequence(List<PickleValue> items) implements PickleValue {}

  /** A dict or OrderedDict; keys are texts or whole numbers. Like a list, it may grow. */
  record Dictionary(Map<PickleValue, PickleValue> entries) implements PickleValue {
    Dictionary() {
      this(new LinkedHashMap<>());
    }
  }

  /** A name {@code module.name} that {@link PickleReader.Names} allows. */
  record Global(String name) implements PickleValue {}

  /**
   * A module of a TorchScript archive.
   *
   * @param attributes its parameters, buffers, submodules and settings, by name
   */
  record ScriptModule(Map<String, PickleValue> attributes) implements PickleValue {
    ScriptModule() {
      this(new LinkedHashMap<>());
    }
  }

  /**
   * A block of numbers in the archive.
   *
   * @param key the entry's name under {@code data/}
   * @param elements number of numbers that it holds
   */
  record Storage(ElementType type, String key, long elements) implements PickleValue {}

  /** A tensor: a view of a storage. */
  record View(TensorView tensor) implements PickleValue {}
}
