package retune.learning.torch;

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
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import retune.core.data.FeatureSchema;
import retune.model.Architecture;
import retune.model.Tensor;
import retune.model.Weights;

/**
 * A network in PyTorch. Its parameters are frozen until some are chosen for training; those of an
 * encoder that is an archive of its own stay so.
 */
public final class TorchModule implements AutoCloseable {
  /** A method of {@link NetworkSource}. */
  public enum Method {
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
  private final @Nullable ForeignEncoder foreign;

  /** An encoder that is an archive of its own. */
  private record ForeignEncoder(
      Architecture.TorchScript architecture, Weights.Archive bytes, ScriptArchive archive) {
    NDArray encode(NDList codesAndNumbers) {
      String method = architecture.method().name().toLowerCase(Locale.ROOT);
      NDList arguments = ScriptArchive.arguments(architecture.inputs(), codesAndNumbers);
      long rows = codesAndNumbers.head().getShape().get(0);
      return archive.call(method, arguments, (int) rows);
    }
  }

  public TorchModule(Architecture architecture, FeatureSchema schema, Weights weights) {
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
    foreign =
        architecture instanceof Architecture.TorchScript script && weights.archive() != null
            ? new ForeignEncoder(
                script, weights.archive(), new ScriptArchive(weights.archive().bytes()))
            : null;
  }

  /** Chooses the parameters that collect gradients, by their names in {@link FusedWeights}. */
  public void train(Predicate<String> names) {
    block.freezeParameters(true, parameter -> !names.test(parameter.getName()));
    block.freezeParameters(false, parameter -> names.test(parameter.getName()));
  }

  /** The parameters that collect gradients. */
  public List<Parameter> trained() {
    return block.getDirectParameters().values().stream()
        .filter(Parameter::requiresGradient)
        .toList();
  }

  /** Share of the network's numbers that are trained, 0 … 1. */
  public double trainedShare() {
    long all = block.getDirectParameters().values().stream().mapToLong(TorchModule::size).sum();
    if (foreign != null) {
      all += foreign.archive.size();
    }
    return (double) trained().stream().mapToLong(TorchModule::size).sum() / all;
  }

  /**
   * Calls a method.
   *
   * @param training whether dropout is active
   * @return an array of the inputs' manager
   */
  public NDArray call(Method method, NDList inputs, boolean training) {
    if (foreign == null || method == Method.HEAD) {
      NDList named = new NDList(inputs);
      named.add(selectors.get(method));
      return block.forward(parameterStore, named, training).singletonOrThrow();
    }
    NDArray encoded = foreign.encode(inputs);
    return method == Method.ENCODE ? encoded : call(Method.HEAD, new NDList(encoded), training);
  }

  /** The parameters' values as they are now. */
  public Weights weights() {
    Map<String, Tensor> fused = new TreeMap<>();
    for (Parameter parameter : block.getDirectParameters().values()) {
      fused.put(parameter.getName(), ScriptArchive.tensor(parameter.getArray()));
    }
    return new Weights(
        FusedWeights.split(fused, shapes).tensors(), foreign == null ? null : foreign.bytes);
  }

  private static long size(Parameter parameter) {
    return parameter.getArray().size();
  }

  @Override
  public void close() {
    if (foreign != null) {
      foreign.archive.close();
    }
    block.close();
    manager.close();
  }
}
