package retune.model;

import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.model.trees.Forest;
import retune.model.trees.TreeInputs;
import retune.model.trees.TreesFile;

/**
 * Which tensors a network has: names as in {@link Weights}, and their shapes, for initialising,
 * importing and checking.
 */
public final class WeightShapes {
  private WeightShapes() {}

  /** The encoder's and the head's tensors, by name. */
  public static SortedMap<String, int[]> of(
      Architecture architecture, FeatureSchema schema, int classes) {
    SortedMap<String, int[]> shapes = encoder(architecture, schema);
    if (architecture instanceof Architecture.Text text) {
      linear(shapes, "fc.0", text.terms(), classes);
      return shapes;
    }
    linear(shapes, "fc.0", architecture.encodedSize(), architecture.headHidden());
    linear(shapes, "fc.3", architecture.headHidden(), classes);
    return shapes;
  }

  /** The encoder's tensors, by name; none where the encoder is an archive. */
  public static SortedMap<String, int[]> encoder(Architecture architecture, FeatureSchema schema) {
    return switch (architecture) {
      case Architecture.TabTransformer transformer -> transformer(transformer, schema);
      case Architecture.Mlp mlp -> mlp(mlp, schema);
      case Architecture.Text text -> new TreeMap<>(Map.of("encoder.idf", new int[] {text.terms()}));
      case Architecture.Fixed _ -> new TreeMap<>();
    };
  }

  /**
   * Checks that the weights are this network's, with a head or without, and finite; an {@link
   * InvalidInputException} names the first tensor that is not as it must be.
   *
   * @param source where the weights come from, for the message
   */
  public static void check(
      Weights weights,
      Architecture architecture,
      FeatureSchema schema,
      int classes,
      String source) {
    checkArchive(weights, architecture, source);
    if (architecture instanceof Architecture.Trees trees) {
      forest(trees, weights, source);
      TreeInputs.of(trees, schema);
    }
    if (architecture instanceof Architecture.Text text) {
      requireTerms(text, schema, source);
    }
    SortedMap<String, int[]> expected =
        weights.hasHead() ? of(architecture, schema, classes) : encoder(architecture, schema);
    expected.forEach((name, shape) -> check(name, shape, weights.tensors().get(name), source));
    for (String name : weights.tensors().keySet()) {
      if (!expected.containsKey(name)) {
        throw new InvalidInputException(
            source
                + " has a tensor '"
                + name
                + "' that the architecture does not have; remove it or correct the architecture.");
      }
    }
  }

  /**
   * The trees of an architecture.
   *
   * @throws InvalidInputException if the archive does not hold them
   */
  public static Forest forest(Architecture.Trees architecture, Weights weights, String source) {
    Weights.Archive archive = Objects.requireNonNull(weights.archive(), "trees");
    Forest forest = TreesFile.read(archive.bytes(), source).forest();
    if (forest.inputs() != architecture.inputs().size()
        || forest.outputs() != architecture.outputs()) {
      throw new InvalidInputException(
          "The trees of %s have %d inputs and %d outputs, the architecture has %d and %d; architecture and weights must come from the same model."
              .formatted(
                  source,
                  forest.inputs(),
                  forest.outputs(),
                  architecture.inputs().size(),
                  architecture.outputs()));
    }
    return forest;
  }

  private static void checkArchive(Weights weights, Architecture architecture, String source) {
    Weights.Form needed =
        switch (architecture) {
          case Architecture.TorchScript _ -> Weights.Form.TORCH_SCRIPT;
          case Architecture.Trees _ -> Weights.Form.TREES;
          case Architecture.TabTransformer _, Architecture.Mlp _, Architecture.Text _ -> null;
        };
    Weights.Form found = weights.archive() == null ? null : weights.archive().form();
    if (found != null && found != needed) {
      throw archiveRefused(source, " has " + found.words, "has no use for");
    }
    if (needed != null && found == null) {
      throw archiveRefused(source, " lacks " + needed.words, "needs");
    }
  }

  private static void requireTerms(Architecture.Text text, FeatureSchema schema, String source) {
    boolean suits =
        schema.categorical().size() == text.length()
            && schema.categorical().stream()
                .allMatch(feature -> feature.cardinality() == text.terms() + 1);
    if (!suits) {
      throw new InvalidInputException(
          "The architecture of %s reads %d codes of %d terms, which its preprocessing does not give; architecture and preprocessing must come from the same model."
              .formatted(source, text.length(), text.terms()));
    }
  }

  private static InvalidInputException archiveRefused(String source, String what, String use) {
    return new InvalidInputException(
        "%s%s, which the architecture %s; architecture and weights must come from the same model."
            .formatted(source, what, use));
  }

  private static void check(String name, int[] shape, @Nullable Tensor tensor, String source) {
    if (tensor == null) {
      throw new InvalidInputException(
          source
              + " lacks the tensor '"
              + name
              + "' "
              + Arrays.toString(shape)
              + " of the architecture; export the model again.");
    }
    if (!Arrays.equals(shape, tensor.shape())) {
      throw new InvalidInputException(
          "The tensor '"
              + name
              + "' of "
              + source
              + " has the shape "
              + Arrays.toString(tensor.shape())
              + ", the architecture needs "
              + Arrays.toString(shape)
              + "; architecture, features and weights must come from the same model.");
    }
    for (float value : tensor.values()) {
      if (!Float.isFinite(value)) {
        throw new InvalidInputException(
            "The tensor '"
                + name
                + "' of "
                + source
                + " holds "
                + value
                + "; its training diverged, so use an earlier version.");
      }
    }
  }

  private static SortedMap<String, int[]> transformer(
      Architecture.TabTransformer transformer, FeatureSchema schema) {
    int dimension = transformer.dimension();
    SortedMap<String, int[]> shapes = embeddings(schema, dimension);
    for (int feature = 0; feature < schema.numeric().size(); feature++) {
      linear(shapes, "encoder.numeric_embeddings." + feature, 1, dimension);
    }
    for (int layer = 0; layer < transformer.layers(); layer++) {
      String prefix = "encoder.transformer.layers." + layer + ".";
      shapes.put(prefix + "self_attn.in_proj_weight", new int[] {3 * dimension, dimension});
      shapes.put(prefix + "self_attn.in_proj_bias", new int[] {3 * dimension});
      linear(shapes, prefix + "self_attn.out_proj", dimension, dimension);
      linear(shapes, prefix + "linear1", dimension, transformer.feedForward());
      linear(shapes, prefix + "linear2", transformer.feedForward(), dimension);
      for (String norm : new String[] {"norm1", "norm2"}) {
        shapes.put(prefix + norm + ".weight", new int[] {dimension});
        shapes.put(prefix + norm + ".bias", new int[] {dimension});
      }
    }
    return shapes;
  }

  private static SortedMap<String, int[]> mlp(Architecture.Mlp mlp, FeatureSchema schema) {
    SortedMap<String, int[]> shapes = embeddings(schema, mlp.embedding());
    int inputs = schema.categorical().size() * mlp.embedding() + schema.numeric().size();
    for (int layer = 0; layer < mlp.hidden().size(); layer++) {
      linear(shapes, "encoder.layers." + layer, inputs, mlp.hidden().get(layer));
      inputs = mlp.hidden().get(layer);
    }
    return shapes;
  }

  private static SortedMap<String, int[]> embeddings(FeatureSchema schema, int length) {
    SortedMap<String, int[]> shapes = new TreeMap<>();
    for (int feature = 0; feature < schema.categorical().size(); feature++) {
      int cardinality = schema.categorical().get(feature).cardinality();
      shapes.put("encoder.embeddings." + feature + ".weight", new int[] {cardinality, length});
    }
    return shapes;
  }

  private static void linear(
      SortedMap<String, int[]> shapes, String name, int inputs, int outputs) {
    shapes.put(name + ".weight", new int[] {outputs, inputs});
    shapes.put(name + ".bias", new int[] {outputs});
  }
}
