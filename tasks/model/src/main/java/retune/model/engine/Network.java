package retune.model.engine;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.model.trees.Forest;
import retune.model.trees.TreeInputs;

/**
 * The layers of a model version, in double precision, in the order in which they are applied.
 *
 * @param head empty for a pre-trained encoder
 */
record Network(FeatureSchema schema, Encoder encoder, Optional<Head> head) {
  /** Maps the features of a row to a vector. */
  sealed interface Encoder {
    int encodedSize();
  }

  /**
   * Passes tokens through pre-norm layers; their mean is the output.
   *
   * @param embeddings {@code [categorical feature][code][dimension]}
   * @param numbers one layer per numeric feature, with one input and {@code dimension} outputs
   */
  record Transformer(
      int dimension,
      int heads,
      double[][][] embeddings,
      List<LinearLayer> numbers,
      List<TransformerLayer> layers)
      implements Encoder {
    @Override
    public int encodedSize() {
      return dimension;
    }
  }

  /**
   * {@code x += output(attention(projection(norm(x))))}, then {@code x +=
   * contraction(relu(expansion(norm(x))))}.
   *
   * @param projection to queries, keys and values, {@code dimension} outputs each
   */
  record TransformerLayer(
      LayerNorm beforeAttention,
      LinearLayer projection,
      LinearLayer output,
      LayerNorm beforeFeedForward,
      LinearLayer expansion,
      LinearLayer contraction) {}

  /** {@code scale · (x − mean) / √(variance + ε) + shift} over a token's dimensions. */
  record LayerNorm(double[] scale, double[] shift) {
    /** PyTorch's default. */
    static final double EPSILON = 1e-5;
  }

  /**
   * Passes the concatenated embeddings and numbers through layers, each followed by a ReLU.
   *
   * @param embeddings {@code [categorical feature][code][embedding size]}
   */
  record Perceptron(double[][][] embeddings, List<LinearLayer> layers) implements Encoder {
    @Override
    public int encodedSize() {
      return layers.getLast().outputs();
    }
  }

  /** Boosted trees, whose outputs are the vector. */
  record Trees(Forest forest, TreeInputs inputs) implements Encoder {
    @Override
    public int encodedSize() {
      return forest.outputs();
    }
  }

  /** {@code output(relu(hidden(x)))}. */
  record Head(LinearLayer hidden, LinearLayer output) {}

  /** The layers of a version, given its weights. */
  static Network of(ModelVersion version, Weights weights) {
    FeatureSchema schema = version.preprocessing().schema();
    Encoder encoder =
        switch (version.architecture()) {
          case Architecture.TabTransformer transformer -> transformer(transformer, schema, weights);
          case Architecture.Mlp mlp ->
              new Perceptron(
                  embeddings(schema, weights),
                  linearLayers(weights, "encoder.layers.", mlp.hidden().size()));
          case Architecture.Trees trees ->
              new Trees(
                  WeightShapes.forest(trees, weights, version.modelId()),
                  TreeInputs.of(trees, schema));
          case Architecture.Text _ ->
              throw new IllegalArgumentException("TextEngine alone runs a model of texts");
          case Architecture.TorchScript _ ->
              throw new IllegalArgumentException("PyTorch alone runs a TorchScript archive");
        };
    return new Network(
        schema,
        encoder,
        weights.hasHead()
            ? Optional.of(
                new Head(LinearLayer.of(weights, "fc.0"), LinearLayer.of(weights, "fc.3")))
            : Optional.empty());
  }

  /**
   * The head.
   *
   * @throws InvalidInputException if the network is a pre-trained encoder without a head
   */
  Head requireHead() {
    return head.orElseThrow(
        () ->
            new InvalidInputException(
                "A pre-trained encoder has no head and predicts nothing; train one on it first."));
  }

  private static Transformer transformer(
      Architecture.TabTransformer architecture, FeatureSchema schema, Weights weights) {
    return new Transformer(
        architecture.dimension(),
        architecture.heads(),
        embeddings(schema, weights),
        linearLayers(weights, "encoder.numeric_embeddings.", schema.numeric().size()),
        IntStream.range(0, architecture.layers())
            .mapToObj(layer -> transformerLayer(weights, "encoder.transformer.layers." + layer))
            .toList());
  }

  private static TransformerLayer transformerLayer(Weights weights, String name) {
    return new TransformerLayer(
        layerNorm(weights, name + ".norm1"),
        LinearLayer.of(
            weights.get(name + ".self_attn.in_proj_weight"),
            weights.get(name + ".self_attn.in_proj_bias")),
        LinearLayer.of(weights, name + ".self_attn.out_proj"),
        layerNorm(weights, name + ".norm2"),
        LinearLayer.of(weights, name + ".linear1"),
        LinearLayer.of(weights, name + ".linear2"));
  }

  private static LayerNorm layerNorm(Weights weights, String name) {
    return new LayerNorm(
        LinearLayer.doubles(weights.get(name + ".weight").values()),
        LinearLayer.doubles(weights.get(name + ".bias").values()));
  }

  private static List<LinearLayer> linearLayers(Weights weights, String prefix, int count) {
    return IntStream.range(0, count)
        .mapToObj(layer -> LinearLayer.of(weights, prefix + layer))
        .toList();
  }

  private static double[][][] embeddings(FeatureSchema schema, Weights weights) {
    return IntStream.range(0, schema.categorical().size())
        .mapToObj(feature -> weights.get("encoder.embeddings." + feature + ".weight"))
        .map(tensor -> rows(tensor.values(), tensor.shape()[1]))
        .toArray(double[][][]::new);
  }

  private static double[][] rows(float[] values, int length) {
    double[][] rows = new double[values.length / length][length];
    for (int i = 0; i < values.length; i++) {
      rows[i / length][i % length] = values[i];
    }
    return rows;
  }
}
