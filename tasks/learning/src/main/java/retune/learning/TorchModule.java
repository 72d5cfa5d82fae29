package retune.learning;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import retune.core.data.FeatureSchema;
import retune.model.Architecture;
import retune.model.Tensor;
import retune.model.Weights;

/** A network in PyTorch. Its parameters are frozen until some are chosen for training. */
final class TorchModule implements AutoCloseable {
  /** A method of {@link NetworkSource}. */
  enum Method {
    ENCODE("encode"),
    HEAD("head"),
    FORWARD("forward");

    private final String selector;

    Method(String name) {
      selector = "module_method:" + name;
    }
  }

  private final NDManager manager;
  private final PtSymbolBlock block;
  private final ParameterStore parameterStore;
  private final SortedMap<String, int[]> shapes;
  private final Map<Method, NDArray> selectors;

  TorchModule(Architecture architecture, FeatureSchema schema, Weights weights) {
    manager = Torch.newManager();
    parameterStore = new ParameterStore(manager, false);
    shapes = new TreeMap<>();
    weights.tensors().forEach((name, tensor) -> shapes.put(name, tensor.shape()));
    byte[] archive = TorchScript.write(architecture, schema, weights);
    try {
      block =
          JniUtils.loadModule(
              (PtNDManager) manager, new ByteArrayInputStream(archive), false, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // reading from memory does not fail
    }
    // PtSymbolBlock takes for granted that a loaded module is in training mode; the archive's is
    // not.
    JniUtils.enableTrainingMode(block);
    selectors = new TreeMap<>();
    for (Method method : Method.values()) {
      NDArray selector = manager.create(0f);
      selector.setName(method.selector);
      selectors.put(method, selector);
    }
    train(name -> false);
  }

  /** Chooses the parameters that collect gradients, by their names in {@link FusedWeights}. */
  void train(Predicate<String> names) {
    block.freezeParameters(true, parameter -> !names.test(parameter.getName()));
    block.freezeParameters(false, parameter -> names.test(parameter.getName()));
  }

  /** The parameters that collect gradients. */
  List<Parameter> trained() {
    return block.getDirectParameters().values().stream()
        .filter(Parameter::requiresGradient)
        .toList();
  }

  /** Share of the network's numbers that are trained, 0 … 1. */
  double trainedShare() {
    long all = block.getDirectParameters().values().stream().mapToLong(TorchModule::size).sum();
    return (double) trained().stream().mapToLong(TorchModule::size).sum() / all;
  }

  /**
   * Calls a method.
   *
   * @param training whether dropout is active
   * @return an array of the inputs' manager
   */
  NDArray call(Method method, NDList inputs, boolean training) {
    NDList named = new NDList(inputs);
    named.add(selectors.get(method));
    return block.forward(parameterStore, named, training).singletonOrThrow();
  }

  /** The parameters' values as they are now. */
  Weights weights() {
    Map<String, Tensor> fused = new TreeMap<>();
    for (Parameter parameter : block.getDirectParameters().values()) {
      NDArray array = parameter.getArray();
      int[] shape = new int[array.getShape().dimension()];
      for (int i = 0; i < shape.length; i++) {
        shape[i] = Math.toIntExact(array.getShape().get(i));
      }
      fused.put(parameter.getName(), new Tensor(shape, array.toFloatArray()));
    }
    return FusedWeights.split(fused, shapes);
  }

  private static long size(Parameter parameter) {
    return parameter.getArray().size();
  }

  @Override
  public void close() {
    block.close();
    manager.close();
  }
}
