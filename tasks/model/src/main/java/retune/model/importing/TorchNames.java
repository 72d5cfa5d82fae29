package retune.model.importing;

import java.util.List;
import java.util.Set;
import retune.model.importing.PickleValue.Dictionary;
import retune.model.importing.PickleValue.Global;
import retune.model.importing.PickleValue.ScriptModule;
import retune.model.importing.PickleValue.Storage;
import retune.model.importing.PickleValue.Text;
import retune.model.importing.PickleValue.Tuple;
import retune.model.importing.PickleValue.View;
import retune.model.importing.PickleValue.Whole;

/**
 * The names that PyTorch's archives use for tensors in plain containers, and what they stand for
 * (torch/_utils.py, {@code _rebuild_tensor_v2}; torch/csrc/jit/serialization/pickler.cpp).
 *
 * @param script whether the archive is TorchScript, which also has modules, of classes {@code
 *     __torch__.…}
 */
record TorchNames(boolean script) implements PickleReader.Names {
  private static final String ORDERED_DICT = "collections.OrderedDict";
  private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
  private static final String PARAMETER = "torch._utils._rebuild_parameter";
  private static final String SCRIPT_CLASS = "__torch__.";

  /** Functions that TorchScript calls with a plain list to make a typed one. */
  private static final Set<String> SCRIPT_LISTS =
      Set.of(
          "torch.jit._pickle.build_intlist",
          "torch.jit._pickle.build_doublelist",
          "torch.jit._pickle.build_boollist",
          "torch.jit._pickle.build_tensorlist");

  @Override
  public Global global(String name) {
    boolean allowed =
        name.equals(ORDERED_DICT)
            || name.equals(TENSOR)
            || name.equals(PARAMETER)
            || ElementType.ofStorage(name).isPresent()
            || (script && (name.startsWith(SCRIPT_CLASS) || SCRIPT_LISTS.contains(name)));
    if (!allowed) {
      throw new RefusedException(
          "refers to '"
              + name
              + "', but only tensors in plain containers are read, and no code is run; save"
              + " model.state_dict() alone with torch.save");
    }
    return new Global(name);
  }

  @Override
  public PickleValue call(Global function, List<PickleValue> arguments) {
    if (function.name().equals(ORDERED_DICT) && arguments.isEmpty()) {
      return new Dictionary();
    }
    if (function.name().equals(TENSOR) && arguments.size() >= 6) {
      return tensor(arguments);
    }
    if ((function.name().equals(PARAMETER) || SCRIPT_LISTS.contains(function.name()))
        && !arguments.isEmpty()) {
      return arguments.getFirst();
    }
    throw new RefusedException(
        "calls '" + function.name() + "' with " + arguments.size() + " unexpected arguments");
  }

  @Override
  public ScriptModule instance(Global type) {
    if (!type.name().startsWith(SCRIPT_CLASS)) {
      throw new RefusedException(
          "creates an instance of '" + type.name() + "', which is not a class of TorchScript");
    }
    return new ScriptModule();
  }

  /** {@code ('storage', torch.FloatStorage, key, device, number of elements)}. */
  @Override
  public Storage persistent(PickleValue id) {
    if (id instanceof Tuple(List<PickleValue> parts)
        && parts.size() == 5
        && parts.get(0) instanceof Text(String kind)
        && kind.equals("storage")
        && parts.get(1) instanceof Global(String type)
        && parts.get(2) instanceof Text(String key)
        && parts.get(4) instanceof Whole(long elements)) {
      return new Storage(
          ElementType.ofStorage(type)
              .orElseThrow(() -> new RefusedException("uses '" + type + "' as a class of storage")),
          key,
          elements);
    }
    throw new RefusedException("has a persistent id that is not a PyTorch storage");
  }

  /** {@code (storage, offset, size, stride, requires_grad, backward_hooks)}. */
  private static View tensor(List<PickleValue> arguments) {
    if (arguments.get(0) instanceof Storage storage
        && arguments.get(1) instanceof Whole(long offset)
        && arguments.get(2) instanceof Tuple(List<PickleValue> shape)
        && arguments.get(3) instanceof Tuple(List<PickleValue> strides)) {
      return new View(
          new TensorView(
              storage,
              offset,
              shape.stream()
                  .mapToInt(length -> Math.clamp(whole(length), -1, Integer.MAX_VALUE))
                  .toArray(),
              strides.stream().mapToLong(TorchNames::whole).toArray()));
    }
    throw new RefusedException("has a tensor whose storage, offset, shape or stride is malformed");
  }

  private static long whole(PickleValue value) {
    if (value instanceof Whole(long whole)) {
      return whole;
    }
    throw new RefusedException("has a tensor whose shape or strides are not whole numbers");
  }
}
