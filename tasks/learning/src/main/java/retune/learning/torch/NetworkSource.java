package retune.learning.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import retune.core.data.FeatureSchema;
import retune.model.Architecture;

/**
 * A network in TorchScript, PyTorch's statically typed subset of Python, as a class {@link #CLASS}
 * with methods
 *
 * <ul>
 *   <li>{@code encode(codes: int64 [rows, categorical features], numbers: float32 [rows, numeric
 *       features])}: float32 [rows, encoded size]
 *   <li>{@code head(encoded)}: float32 [rows, classes]
 *   <li>{@code forward(codes, numbers)}: both, one after the other
 * </ul>
 *
 * Where the encoder is an archive of its own, {@code head} is all there is. Dropout is active in
 * training mode only. It leaves the attention's probabilities alone, so that attention runs as
 * PyTorch's one fused operation, whose CPU kernel has no dropout.
 */
final class NetworkSource {
  static final String CLASS = "__torch__.Network";

  /** PyTorch's default for layer normalisation. */
  private static final String LAYER_NORM_EPSILON = "1e-05";

  private static final String ENCODE =
      "  def encode(self: CLASS, codes: Tensor, numbers: Tensor) -> Tensor:";

  private static final String FORWARD =
      """
        def forward(self: CLASS, codes: Tensor, numbers: Tensor) -> Tensor:
          return (self).head((self).encode(codes, numbers, ), )\
      """;

  private NetworkSource() {}

  /**
   * The module's code.
   *
   * @param parameters the names of {@link FusedWeights}
   * @param hasHead whether to write {@code head}, and {@code forward} if there is an encoder
   */
  static String of(
      Architecture architecture,
      FeatureSchema schema,
      Collection<String> parameters,
      boolean hasHead) {
    List<String> lines = declarations(parameters);
    boolean hasEncoder = !(architecture instanceof Architecture.Fixed);
    if (hasEncoder) {
      lines.add(ENCODE.replace("CLASS", CLASS));
      encoder(architecture, schema).forEach(line -> lines.add("    " + line));
    }
    if (hasHead) {
      lines.add(head(architecture).replace("CLASS", CLASS));
    }
    if (hasEncoder && hasHead) {
      lines.add(FORWARD.replace("CLASS", CLASS));
    }
    return String.join("\n", lines) + "\n";
  }

  /**
   * The code of a module that has another one as its attribute {@code encoder}.
   *
   * @param className the module's own class
   * @param encoderClass the other's class
   * @param parameters the head's, by the names of {@link FusedWeights}; empty where there is none
   */
  static String around(
      String className,
      String encoderClass,
      Architecture.TorchScript architecture,
      Collection<String> parameters) {
    List<String> lines = declarations(parameters);
    lines.add("  encoder : " + encoderClass);
    lines.add(ENCODE);
    lines.add("    encoder = self.encoder");
    lines.add(
        "    return torch.reshape((encoder).%s(%s, ), [-1, %d])"
            .formatted(
                architecture.method().name().toLowerCase(Locale.ROOT),
                String.join(
                    ", ",
                    architecture.inputs().stream()
                        .map(input -> input.name().toLowerCase(Locale.ROOT))
                        .toList()),
                architecture.encodedSize()));
    if (!parameters.isEmpty()) {
      lines.add(head(architecture));
      lines.add(FORWARD);
    }
    return String.join("\n", lines).replace("CLASS", className) + "\n";
  }

  private static List<String> declarations(Collection<String> parameters) {
    List<String> lines = new ArrayList<>();
    lines.add("class Network(Module):");
    lines.add(
        "  __parameters__ = ["
            + String.join("", parameters.stream().map(name -> "\"" + name + "\", ").toList())
            + "]");
    lines.add("  __buffers__ = []");
    lines.add("  training : bool");
    parameters.forEach(name -> lines.add("  " + name + " : Tensor"));
    return lines;
  }

  private static List<String> encoder(Architecture architecture, FeatureSchema schema) {
    return switch (architecture) {
      case Architecture.TabTransformer transformer -> transformer(transformer, schema);
      case Architecture.Mlp mlp -> mlp(mlp, schema);
      case Architecture.Fixed _ -> List.of();
      case Architecture.Text _ ->
          throw new IllegalArgumentException("PyTorch does not run a model of texts");
    };
  }

  private static List<String> transformer(
      Architecture.TabTransformer transformer, FeatureSchema schema) {
    List<String> lines = new ArrayList<>();
    List<String> tokens = new ArrayList<>();
    if (!schema.categorical().isEmpty()) {
      lines.add(lookUp(schema));
      tokens.add("categorical");
    }
    if (!schema.numeric().isEmpty()) {
      lines.add("numeric = torch.unsqueeze(numbers, 2)");
      lines.add("numeric = torch.mul(numeric, self.encoder_numeric_embeddings_weight)");
      lines.add("numeric = torch.add(numeric, self.encoder_numeric_embeddings_bias)");
      tokens.add("numeric");
    }
    lines.add("x = torch.cat([" + String.join(", ", tokens) + "], 1)");
    lines.add("rows = torch.size(x, 0)");
    lines.add("tokens = torch.size(x, 1)");
    for (int layer = 0; layer < transformer.layers(); layer++) {
      layer(transformer, layer).lines().forEach(lines::add);
    }
    lines.add("return torch.mean(x, [1])");
    return lines;
  }

  /** Codes become row numbers of {@link FusedWeights#EMBEDDINGS}. */
  private static String lookUp(FeatureSchema schema) {
    return "categorical = torch.embedding(self.encoder_embeddings_weight, torch.add(codes,"
        + " torch.tensor("
        + Arrays.toString(FusedWeights.offsets(schema))
        + ")))";
  }

  /** One pre-norm layer (Xiong et al., 2020): x + attention(norm(x)), then x + mlp(norm(x)). */
  private static String layer(Architecture.TabTransformer transformer, int layer) {
    return """
    h = torch.layer_norm(x, [D], LAYER_norm1_weight, LAYER_norm1_bias, EPSILON)
    h = torch.linear(h, LAYER_self_attn_in_proj_weight, LAYER_self_attn_in_proj_bias)
    h = torch.permute(torch.reshape(h, [rows, tokens, 3, HEADS, WIDTH]), [2, 0, 3, 1, 4])
    query = torch.select(h, 0, 0)
    key = torch.select(h, 0, 1)
    value = torch.select(h, 0, 2)
    h = torch.scaled_dot_product_attention(query, key, value)
    h = torch.reshape(torch.permute(h, [0, 2, 1, 3]), [rows, tokens, D])
    h = torch.linear(h, LAYER_self_attn_out_proj_weight, LAYER_self_attn_out_proj_bias)
    x = torch.add(x, torch.dropout(h, DROPOUT, self.training))
    h = torch.layer_norm(x, [D], LAYER_norm2_weight, LAYER_norm2_bias, EPSILON)
    h = torch.relu(torch.linear(h, LAYER_linear1_weight, LAYER_linear1_bias))
    h = torch.dropout(h, DROPOUT, self.training)
    h = torch.linear(h, LAYER_linear2_weight, LAYER_linear2_bias)
    x = torch.add(x, torch.dropout(h, DROPOUT, self.training))
    """
        .replace("LAYER", "self.encoder_transformer_layers_" + layer)
        .replace("[D]", "[" + transformer.dimension() + "]")
        .replace("tokens, D]", "tokens, " + transformer.dimension() + "]")
        .replace("HEADS", Integer.toString(transformer.heads()))
        .replace("WIDTH", Integer.toString(transformer.dimension() / transformer.heads()))
        .replace("DROPOUT", Double.toString(transformer.dropout()))
        .replace("EPSILON", LAYER_NORM_EPSILON);
  }

  private static List<String> mlp(Architecture.Mlp mlp, FeatureSchema schema) {
    List<String> lines = new ArrayList<>();
    List<String> inputs = new ArrayList<>();
    if (!schema.categorical().isEmpty()) {
      lines.add(lookUp(schema));
      inputs.add("torch.flatten(categorical, 1)");
    }
    if (!schema.numeric().isEmpty()) {
      inputs.add("numbers");
    }
    lines.add("x = torch.cat([" + String.join(", ", inputs) + "], 1)");
    for (int layer = 0; layer < mlp.hidden().size(); layer++) {
      """
      x = torch.relu(torch.linear(x, LAYER_weight, LAYER_bias))
      x = torch.dropout(x, DROPOUT, self.training)
      """
          .replace("LAYER", "self.encoder_layers_" + layer)
          .replace("DROPOUT", Double.toString(mlp.dropout()))
          .lines()
          .forEach(lines::add);
    }
    lines.add("return x");
    return lines;
  }

  private static String head(Architecture architecture) {
    return """
      def head(self: CLASS, encoded: Tensor) -> Tensor:
        h = torch.relu(torch.linear(encoded, self.fc_0_weight, self.fc_0_bias))
        h = torch.dropout(h, DROPOUT, self.training)
        return torch.linear(h, self.fc_3_weight, self.fc_3_bias)\
    """
        .replace("DROPOUT", Double.toString(architecture.dropout()));
  }
}
