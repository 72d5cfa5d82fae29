package retune.model.importing;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a pickle may hold: plain values, containers, tensors. There is no value for an object of
 * Python's, so none can be made.
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

  /** A list; it may grow after it was put into another container. */
  record Sequence(List<PickleValue> items) implements PickleValue {}

  /** A dict or OrderedDict; keys are text or whole numbers. It may grow, as a list does. */
  record Dictionary(Map<PickleValue, PickleValue> entries) implements PickleValue {
    Dictionary() {
      this(new LinkedHashMap<>());
    }
  }

  /** A name that the reader of the pickle allows, {@code module.name}. */
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
   * @param elements how many numbers it holds
   */
  record Storage(ElementType type, String key, long elements) implements PickleValue {}

  /** A tensor: a view of a storage. */
  record View(TensorView tensor) implements PickleValue {}
}
