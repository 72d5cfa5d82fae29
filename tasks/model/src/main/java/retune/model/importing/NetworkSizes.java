package retune.model.importing;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.Architecture;
import retune.model.importing.ImportSpec.Network;

/**
 * Derives the sizes of a network from its tensors, named as in {@link retune.model.Weights}. A size
 * that the spec states must agree with them.
 */
record NetworkSizes(SortedMap<String, Checkpoint.Entry> tensors, Network spec) {
  private static final double DEFAULT_DROPOUT = Architecture.TabTransformer.DEFAULT.dropout();
  private static final int DEFAULT_HEAD = Architecture.TabTransformer.DEFAULT.headHidden();

  private static final String LAYER = "encoder.transformer.layers.";
  private static final String HEAD = "fc.0.bias";

  /** The whole architecture. */
  Architecture architecture() {
    double dropout = spec.dropout() == null ? DEFAULT_DROPOUT : spec.dropout();
    return switch (spec.type()) {
      case "tab_transformer" ->
          new Architecture.TabTransformer(
              agreed("dimension", spec.dimension(), size(LAYER + "0.norm1.weight", 0)),
              heads(),
              agreed("layers", spec.layers(), count(LAYER, ".norm1.weight")),
              agreed("feed_forward", spec.feedForward(), size(LAYER + "0.linear1.bias", 0)),
              headHidden(),
              dropout);
      case "mlp" -> new Architecture.Mlp(embedding(), hidden(), headHidden(), dropout);
      default ->
          throw new InvalidInputException(
              "The spec's architecture is of the type '"
                  + spec.type()
                  + "'; the types are 'tab_transformer', 'mlp' and 'torch_script'.");
    };
  }

  boolean hasHead() {
    return tensors.containsKey(HEAD);
  }

  /** Number of codes of each categorical feature: the rows of its embedding. */
  List<Integer> cardinalities() {
    return IntStream.range(0, count("encoder.embeddings.", ".weight"))
        .mapToObj(feature -> size("encoder.embeddings." + feature + ".weight", 0))
        .toList();
  }

  /** Number of numeric features. */
  int numeric() {
    return switch (spec.type()) {
      case "mlp" -> size("encoder.layers.0.weight", 1) - cardinalities().size() * embedding();
      default -> count("encoder.numeric_embeddings.", ".weight");
    };
  }

  private int heads() {
    if (spec.heads() == null) {
      throw new InvalidInputException(
          "The spec's architecture lacks 'heads', which tensors do not show; add the number of"
              + " attention heads.");
    }
    return spec.heads();
  }

  private int headHidden() {
    if (hasHead()) {
      return agreed("head_hidden", spec.headHidden(), size(HEAD, 0));
    }
    return spec.headHidden() == null ? DEFAULT_HEAD : spec.headHidden();
  }

  /** Without categorical features no tensor shows it, and the spec's is taken as it is. */
  private int embedding() {
    int stated = spec.embedding() == null ? 1 : spec.embedding();
    return cardinalities().isEmpty()
        ? stated
        : agreed("embedding", spec.embedding(), size("encoder.embeddings.0.weight", 1));
  }

  private List<Integer> hidden() {
    List<Integer> sizes = new ArrayList<>();
    do {
      sizes.add(size("encoder.layers." + sizes.size() + ".weight", 0));
    } while (tensors.containsKey("encoder.layers." + sizes.size() + ".weight"));
    return agreed("hidden", spec.hidden(), sizes);
  }

  /** Number of tensors {@code prefix0suffix}, {@code prefix1suffix} … up to the first gap. */
  private int count(String prefix, String suffix) {
    int count = 0;
    while (tensors.containsKey(prefix + count + suffix)) {
      count++;
    }
    return count;
  }

  private int size(String name, int dimension) {
    Checkpoint.Entry tensor = tensors.get(name);
    if (tensor == null) {
      throw new RefusedException(
          "has no tensor '"
              + name
              + "', which a "
              + spec.type()
              + " has; its "
              + tensors.size()
              + " tensors begin with "
              + tensors.keySet().stream().limit(5).toList());
    }
    if (tensor.shape().length <= dimension) {
      throw new RefusedException(
          "has the tensor '" + name + "' with too few dimensions: " + tensor);
    }
    return tensor.shape()[dimension];
  }

  private static <T> T agreed(String name, @Nullable T spec, T tensors) {
    if (spec != null && !spec.equals(tensors)) {
      throw new InvalidInputException(
          "The spec says that the architecture's "
              + name
              + " is "
              + spec
              + ", but the tensors have "
              + tensors
              + "; correct the spec, or leave it out.");
    }
    return tensors;
  }
}
