package retune.learning.exchange;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.preprocessing.Preprocessing;
import retune.learning.torch.ScriptArchive;
import retune.model.Architecture;
import retune.model.Architecture.TorchScript;
import retune.model.Architecture.TorchScript.Argument;
import retune.model.Architecture.TorchScript.Method;
import retune.model.CodeTrust;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.importing.IdentityHead;
import retune.model.importing.ImportSpec;
import retune.model.importing.ModelImport;

/**
 * Imports a TorchScript archive of any network as an encoder, by running it on synthetic rows.
 *
 * <ul>
 *   <li>With methods {@code encode} and {@code head}, where {@code head} is {@code Linear → ReLU →
 *       Linear}: its tensors become the head, so that fine-tuning starts from it.
 *   <li>With another head, or {@code forward} alone: the logits are the encoding, and the head
 *       starts as {@code relu(x) − relu(−x)}, which is x to the last bit.
 *   <li>With {@code encode} alone: a pre-trained encoder without a head.
 * </ul>
 */
public final class ScriptImport {
  private static final String ENCODE = "encode";
  private static final String HEAD = "head";
  private static final String FORWARD = "forward";

  private static final int ROWS = 64;

  /** Greatest difference of two results for the same row, relative to their size above 1. */
  private static final double TOLERANCE = 1e-4;

  private static final double DEFAULT_DROPOUT = Architecture.TabTransformer.DEFAULT.dropout();
  private static final int DEFAULT_HEAD = Architecture.TabTransformer.DEFAULT.headHidden();

  private final ScriptArchive archive;
  private final byte[] bytes;
  private final ImportSpec.Network network;
  private final Target target;
  private final Preprocessing preprocessing;
  private final List<Argument> inputs;
  private final Features rows;

  private ScriptImport(ScriptArchive archive, byte[] bytes, ImportSpec spec) {
    this.archive = archive;
    this.bytes = bytes;
    this.network = spec.architecture();
    this.target = spec.target();
    this.preprocessing =
        spec.preprocessing(spec.categorical().stream().map(ScriptImport::cardinality).toList());
    this.inputs = inputs(network, preprocessing.schema());
    this.rows = rows(preprocessing.schema());
  }

  /**
   * Imports an archive by running it on synthetic rows.
   *
   * @param trust whether the archive may run
   * @throws InvalidInputException if it may not, or if the file or the spec cannot be used
   */
  public static ModelImport read(Path file, ImportSpec spec, CodeTrust trust) throws IOException {
    byte[] bytes = ModelImport.script(file);
    trust.check(file.toString());
    try (ScriptArchive archive = new ScriptArchive(bytes)) {
      return new ScriptImport(archive, bytes, spec).read();
    } catch (InvalidInputException e) {
      throw new InvalidInputException(file + ": " + e.getMessage(), e);
    }
  }

  private ModelImport read() {
    Set<String> methods = archive.methods();
    if (methods.contains(ENCODE)) {
      Tensor encoded = encode(Method.ENCODE);
      if (!methods.contains(HEAD)) {
        return of(Method.ENCODE, encoded.shape()[1], DEFAULT_HEAD, Map.of());
      }
      Optional<SortedMap<String, Tensor>> head = head(encoded);
      if (head.isPresent()) {
        int hidden = size(head.get(), "fc.0.bias");
        return of(Method.ENCODE, encoded.shape()[1], hidden, head.get());
      }
    }
    if (!methods.contains(FORWARD)) {
      throw new InvalidInputException(
          "The archive has the methods "
              + new TreeSet<>(methods)
              + "; it needs 'forward', or 'encode' and a 'head' of Linear, ReLU, Linear.");
    }
    Tensor logits = encode(Method.FORWARD);
    requireLogits(logits, FORWARD);
    int size = logits.shape()[1];
    return of(Method.FORWARD, size, IdentityHead.hidden(size), IdentityHead.of(size, target));
  }

  private ModelImport of(Method method, int size, int hidden, Map<String, Tensor> head) {
    double dropout =
        network.dropout() != null
            ? network.dropout()
            // A head of few units that corrects logits has none to spare
            : method == Method.FORWARD ? 0 : DEFAULT_DROPOUT;
    return new ModelImport(
        new TorchScript(method, inputs, size, hidden, dropout),
        preprocessing,
        new Weights(new TreeMap<>(head), new Weights.Archive(Weights.Form.TORCH_SCRIPT, bytes)),
        new TreeMap<>());
  }

  /** Encodes the synthetic rows; a row's encoding must not depend on the other rows. */
  private Tensor encode(Method method) {
    String name = method == Method.ENCODE ? ENCODE : FORWARD;
    Tensor together = archive.run(name, inputs, rows);
    for (float value : together.values()) {
      if (!Float.isFinite(value)) {
        throw new InvalidInputException(
            "The method '"
                + name
                + "' gives "
                + value
                + " for standard normal numbers; bring a network whose results are finite.");
      }
    }
    Tensor alone = archive.run(name, inputs, rows.select(new int[] {0}));
    float[] first = Arrays.copyOf(together.values(), together.shape()[1]);
    if (alone.shape()[1] != first.length || !agree(first, alone.values())) {
      throw new InvalidInputException(
          "The method '"
              + name
              + "' gives a row a different result alone than among others. Save the network in"
              + " evaluation mode, and without operations across rows.");
    }
    return together;
  }

  /** The head's tensors, if two linear layers among the parameters compute the same. */
  private Optional<SortedMap<String, Tensor>> head(Tensor encoded) {
    Tensor logits = archive.run(HEAD, encoded);
    requireLogits(logits, HEAD);
    int size = encoded.shape()[1];
    int classes = target.classes().size();
    List<Linear> layers = Linear.of(archive.parameters());
    for (Linear hidden : layers) {
      for (Linear output : layers) {
        if (hidden.inputs() == size
            && output.inputs() == hidden.outputs()
            && output.outputs() == classes
            && logits.shape()[1] == classes
            && agree(apply(hidden, output, encoded), logits.values())) {
          SortedMap<String, Tensor> head = new TreeMap<>();
          hidden.put(head, "fc.0");
          output.put(head, "fc.3");
          return Optional.of(head);
        }
      }
    }
    return Optional.empty();
  }

  private void requireLogits(Tensor logits, String method) {
    int classes = target.classes().size();
    int columns = logits.shape()[1];
    if (columns != classes && !(columns == 1 && target.isBinary())) {
      throw new InvalidInputException(
          "The method '%s' gives %d numbers a row, but the spec's target has %d classes; correct"
                  .formatted(method, columns, classes)
              + " the classes, or the network.");
    }
    boolean probabilities = true;
    for (int row = 0; row < ROWS; row++) {
      double sum = 0;
      for (int column = 0; column < columns; column++) {
        float value = logits.values()[row * columns + column];
        probabilities &= value >= 0 && value <= 1;
        sum += value;
      }
      probabilities &= columns == 1 || Math.abs(sum - 1) < TOLERANCE;
    }
    if (probabilities) {
      throw new InvalidInputException(
          "The method '"
              + method
              + "' returns probabilities instead of logits. Save the network without its softmax"
              + " or sigmoid.");
    }
  }

  private static float[] apply(Linear hidden, Linear output, Tensor encoded) {
    int size = hidden.inputs();
    float[] logits = new float[ROWS * output.outputs()];
    for (int row = 0; row < ROWS; row++) {
      float[] x = Arrays.copyOfRange(encoded.values(), row * size, (row + 1) * size);
      float[] h = hidden.apply(x);
      for (int i = 0; i < h.length; i++) {
        h[i] = Math.max(0, h[i]);
      }
      System.arraycopy(output.apply(h), 0, logits, row * output.outputs(), output.outputs());
    }
    return logits;
  }

  private static boolean agree(float[] some, float[] others) {
    for (int i = 0; i < some.length; i++) {
      if (!(Math.abs(some[i] - others[i]) <= TOLERANCE * Math.max(1, Math.abs(some[i])))) {
        return false;
      }
    }
    return true;
  }

  private static int cardinality(ImportSpec.InputColumn column) {
    if (column.cardinality() == null || column.cardinality() < 1) {
      throw new InvalidInputException(
          "The spec's column '"
              + column.name()
              + "' lacks its 'cardinality', which a TorchScript archive does not show; add how many"
              + " codes it has.");
    }
    return column.cardinality();
  }

  private static List<Argument> inputs(ImportSpec.Network network, FeatureSchema schema) {
    List<Argument> needed = new ArrayList<>();
    if (!schema.categorical().isEmpty()) {
      needed.add(Argument.CODES);
    }
    if (!schema.numeric().isEmpty()) {
      needed.add(Argument.NUMBERS);
    }
    List<Argument> inputs = network.inputs() == null ? needed : network.inputs();
    if (!inputs.containsAll(needed)) {
      throw new InvalidInputException(
          "The spec's inputs leave out "
              + (inputs.contains(Argument.CODES) ? "numeric" : "categorical")
              + " columns that it lists; give them to the network, or leave the columns out.");
    }
    return inputs;
  }

  /** Synthetic rows; the first has each column's first code, the second its last. */
  private static Features rows(FeatureSchema schema) {
    Features rows = SyntheticRows.of(schema, ROWS);
    for (int feature = 0; feature < rows.codes().length; feature++) {
      rows.codes()[feature][0] = 0;
      rows.codes()[feature][1] = schema.categorical().get(feature).cardinality() - 1;
    }
    return rows;
  }

  private static int size(Map<String, Tensor> tensors, String name) {
    Tensor tensor = tensors.get(name);
    return tensor == null ? 0 : tensor.values().length;
  }

  /**
   * A linear layer.
   *
   * @param weight {@code [outputs, inputs]}
   */
  private record Linear(Tensor weight, Tensor bias) {
    /** All that could be one: a matrix and a vector of the same name and as many outputs. */
    static List<Linear> of(SortedMap<String, Tensor> parameters) {
      List<Linear> layers = new ArrayList<>();
      parameters.forEach(
          (name, weight) -> {
            @Nullable Tensor bias = parameters.get(name.replaceFirst("weight$", "bias"));
            if (bias != null
                && weight.shape().length == 2
                && Arrays.equals(bias.shape(), new int[] {weight.shape()[0]})) {
              layers.add(new Linear(weight, bias));
            }
          });
      return layers;
    }

    int inputs() {
      return weight.shape()[1];
    }

    int outputs() {
      return weight.shape()[0];
    }

    float[] apply(float[] x) {
      float[] y = bias.values().clone();
      for (int output = 0; output < y.length; output++) {
        for (int input = 0; input < x.length; input++) {
          y[output] += weight.values()[output * x.length + input] * x[input];
        }
      }
      return y;
    }

    void put(SortedMap<String, Tensor> tensors, String name) {
      tensors.put(name + ".weight", weight);
      tensors.put(name + ".bias", bias);
    }
  }
}
