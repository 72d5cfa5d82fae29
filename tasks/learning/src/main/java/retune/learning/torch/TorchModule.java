package retune.learning.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
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
import retune.core.data.Features;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.model.Architecture;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.model.trees.Forest;
import retune.model.trees.Tree;
import retune.model.trees.TreeInputs;

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
  private final @Nullable FixedEncoder fixed;

  /** An encoder that is a file of its own. */
  private sealed interface FixedEncoder {
    Weights.Archive bytes();

    NDArray encode(NDList codesAndNumbers);

    /** How many numbers it consists of. */
    long size();

    void close();
  }

  private record Script(
      Architecture.TorchScript architecture, Weights.Archive bytes, ScriptArchive archive)
      implements FixedEncoder {
    @Override
    public NDArray encode(NDList codesAndNumbers) {
      String method = architecture.method().name().toLowerCase(Locale.ROOT);
      NDList arguments = ScriptArchive.arguments(architecture.inputs(), codesAndNumbers);
      long rows = codesAndNumbers.head().getShape().get(0);
      return archive.call(method, arguments, (int) rows);
    }

    @Override
    public long size() {
      return archive.size();
    }

    @Override
    public void close() {
      archive.close();
    }
  }

  private record Trees(
      Forest forest, TreeInputs inputs, FeatureSchema schema, Weights.Archive bytes)
      implements FixedEncoder {
    @Override
    public NDArray encode(NDList codesAndNumbers) {
      Features features = FeatureRows.features(schema, codesAndNumbers);
      float[] row = new float[inputs.size()];
      float[] encoded = new float[features.rows() * forest.outputs()];
      for (int i = 0; i < features.rows(); i++) {
        inputs.fill(features, i, row);
        double[] sums = forest.answer(row);
        for (int output = 0; output < sums.length; output++) {
          encoded[i * sums.length + output] = (float) sums[output];
        }
      }
      return codesAndNumbers
          .getManager()
          .create(encoded, new Shape(features.rows(), forest.outputs()));
    }

    @Override
    public long size() {
      return forest.trees().stream().mapToLong(Tree::size).sum();
    }

    @Override
    public void close() {}
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
    fixed = fixed(architecture, schema, weights);
  }

  private static @Nullable FixedEncoder fixed(
      Architecture architecture, FeatureSchema schema, Weights weights) {
    Weights.Archive archive = weights.archive();
    if (archive == null) {
      return null;
    }
    return switch (architecture) {
      case Architecture.TorchScript script ->
          new Script(script, archive, new ScriptArchive(archive.bytes()));
      case Architecture.Trees trees ->
          new Trees(
              WeightShapes.forest(trees, weights, "the version"),
              TreeInputs.of(trees, schema),
              schema,
              archive);
      case Architecture.TabTransformer _, Architecture.Mlp _, Architecture.Text _ -> null;
    };
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
    if (fixed != null) {
      all += fixed.size();
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
    if (fixed == null || method == Method.HEAD) {
      NDList named = new NDList(inputs);
      named.add(selectors.get(method));
      return block.forward(parameterStore, named, training).singletonOrThrow();
    }
    NDArray encoded = fixed.encode(inputs);
    return method == Method.ENCODE ? encoded : call(Method.HEAD, new NDList(encoded), training);
  }

  /** The parameters' values as they are now. */
  public Weights weights() {
    Map<String, Tensor> fused = new TreeMap<>();
    for (Parameter parameter : block.getDirectParameters().values()) {
      fused.put(parameter.getName(), ScriptArchive.tensor(parameter.getArray()));
    }
    return new Weights(
        FusedWeights.split(fused, shapes).tensors(), fixed == null ? null : fixed.bytes());
  }

  private static long size(Parameter parameter) {
    return parameter.getArray().size();
  }

  @Override
  public void close() {
    if (fixed != null) {
      fixed.close();
    }
    block.close();
    manager.close();
  }
}
