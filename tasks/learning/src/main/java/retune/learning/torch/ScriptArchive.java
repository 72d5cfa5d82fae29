package retune.learning.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.model.Architecture.TorchScript.Argument;
import retune.model.Tensor;

/**
 * A TorchScript archive of any network, in evaluation mode. Opening it runs its code, so the caller
 * checks {@link retune.model.CodeTrust} first. An error in it is an {@link InvalidInputException}
 * with PyTorch's message.
 */
public final class ScriptArchive implements AutoCloseable {
  private final NDManager manager;
  private final PtSymbolBlock block;
  private final ParameterStore parameterStore;

  public ScriptArchive(byte[] bytes) {
    manager = Torch.newManager();
    parameterStore = new ParameterStore(manager, false);
    try {
      block =
          JniUtils.loadModule((PtNDManager) manager, new ByteArrayInputStream(bytes), true, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // reading from memory does not fail
    } catch (RuntimeException e) {
      manager.close();
      throw new InvalidInputException(
          "PyTorch cannot load the TorchScript archive: " + lastLine(e), e);
    }
    block.freezeParameters(true);
  }

  /** The names of the methods. */
  public Set<String> methods() {
    return Set.of(JniUtils.getMethodNames(block));
  }

  /** The float32 parameters by name; empty if the archive was frozen. */
  public SortedMap<String, Tensor> parameters() {
    SortedMap<String, Tensor> parameters = new TreeMap<>();
    for (Parameter parameter : block.getDirectParameters().values()) {
      if (parameter.getArray().getDataType() == DataType.FLOAT32) {
        parameters.put(parameter.getName(), tensor(parameter.getArray()));
      }
    }
    return parameters;
  }

  /** The number of values in all parameters. */
  long size() {
    return block.getDirectParameters().values().stream().mapToLong(p -> p.getArray().size()).sum();
  }

  /**
   * Runs a method on features.
   *
   * @param inputs the method's arguments, in order
   * @return {@code [rows, columns]}
   */
  public Tensor run(String method, List<Argument> inputs, Features features) {
    try (NDManager scope = Torch.newManager()) {
      NDList arguments = arguments(inputs, new FeatureRows(features).arrays(scope));
      return tensor(call(method, arguments, features.rows()));
    }
  }

  /** Runs a method on vectors {@code [rows, size]}. */
  public Tensor run(String method, Tensor vectors) {
    EncodedRows rows = new EncodedRows(vectors.values(), vectors.shape()[1]);
    try (NDManager scope = Torch.newManager()) {
      return tensor(call(method, rows.arrays(scope), rows.rows()));
    }
  }

  /** A method's arguments, selected from the arrays of {@link FeatureRows}. */
  static NDList arguments(List<Argument> inputs, NDList codesAndNumbers) {
    NDList arguments = new NDList();
    for (Argument input : inputs) {
      arguments.add(
          switch (input) {
            case CODES -> codesAndNumbers.get(0);
            case NUMBERS -> codesAndNumbers.get(1);
          });
    }
    return arguments;
  }

  /**
   * Calls a method.
   *
   * @return {@code [rows, columns]} of the inputs' manager; one column where the method gives one
   *     number a row
   */
  NDArray call(String method, NDList inputs, int rows) {
    NDList named = new NDList(inputs);
    NDList outputs;
    try (NDArray selector = manager.create(0f)) {
      selector.setName("module_method:" + method);
      named.add(selector);
      outputs = block.forward(parameterStore, named, false);
    } catch (RuntimeException e) {
      throw new InvalidInputException("The method '" + method + "' fails: " + lastLine(e), e);
    }
    NDArray output = outputs.size() == 1 ? outputs.head() : null;
    if (output == null || output.getDataType() != DataType.FLOAT32) {
      throw new InvalidInputException(
          "The method '%s' gives %s; it must give one tensor of float32."
              .formatted(
                  method,
                  output == null ? outputs.size() + " tensors" : output.getDataType().name()));
    }
    Shape shape = output.getShape();
    if (shape.dimension() == 1 && shape.get(0) == rows) {
      return output.reshape(rows, 1);
    }
    if (shape.dimension() != 2 || shape.get(0) != rows || shape.get(1) < 1) {
      throw new InvalidInputException(
          "The method '%s' gives the shape %s for %d rows; it must give [rows, columns]."
              .formatted(method, Arrays.toString(shape.getShape()), rows));
    }
    return output;
  }

  /** An array's numbers and shape. */
  static Tensor tensor(NDArray array) {
    int[] shape = new int[array.getShape().dimension()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = Math.toIntExact(array.getShape().get(i));
    }
    return new Tensor(shape, array.toFloatArray());
  }

  @Override
  public void close() {
    block.close();
    manager.close();
  }

  /** PyTorch's message is a traceback in many lines, whose last one says what is wrong. */
  private static String lastLine(RuntimeException e) {
    String message = String.valueOf(e.getMessage()).strip();
    return message.substring(message.lastIndexOf('\n') + 1).strip();
  }
}
