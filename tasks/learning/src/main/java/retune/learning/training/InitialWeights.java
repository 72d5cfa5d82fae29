package retune.learning.training;

import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import retune.core.data.FeatureSchema;
import retune.model.Architecture;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;

/**
 * Weights to begin with, distributed as PyTorch's modules begin: embeddings standard normal; linear
 * layers and their biases uniform within ±1/√inputs (He et al., 2015, with a = √5); the attention's
 * input projection uniform within ±√(6/(inputs + outputs)) (Glorot and Bengio, 2010), its biases 0;
 * layer normalisation 1 and 0.
 */
public final class InitialWeights {
  private InitialWeights() {}

  /** An encoder with a head of so many outputs. */
  public static Weights of(
      Architecture architecture, FeatureSchema schema, int outputs, RandomGenerator random) {
    return withHead(encoder(architecture, schema, random), architecture, schema, outputs, random);
  }

  public static Weights encoder(
      Architecture architecture, FeatureSchema schema, RandomGenerator random) {
    return draw(WeightShapes.encoder(architecture, schema), new Weights(new TreeMap<>()), random);
  }

  /** The encoder as it is, under a new head of so many outputs. */
  public static Weights withHead(
      Weights encoder,
      Architecture architecture,
      FeatureSchema schema,
      int outputs,
      RandomGenerator random) {
    return draw(WeightShapes.of(architecture, schema, outputs), encoderOf(encoder), random);
  }

  /** The encoder's weights only. */
  public static Weights encoderOf(Weights weights) {
    SortedMap<String, Tensor> encoder = new TreeMap<>(weights.tensors());
    encoder.keySet().removeIf(name -> !name.startsWith("encoder."));
    return new Weights(encoder, weights.archive());
  }

  private static Weights draw(
      SortedMap<String, int[]> shapes, Weights kept, RandomGenerator random) {
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    shapes.forEach(
        (name, shape) -> {
          Tensor tensor = kept.tensors().get(name);
          tensors.put(name, tensor == null ? draw(name, shape, shapes, random) : tensor);
        });
    return new Weights(tensors, kept.archive());
  }

  private static Tensor draw(
      String name, int[] shape, SortedMap<String, int[]> shapes, RandomGenerator random) {
    float[] values = new float[IntStream.of(shape).reduce(1, Math::multiplyExact)];
    if (name.startsWith("encoder.embeddings.")) {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
    } else if (name.contains(".norm")) {
      Arrays.fill(values, name.endsWith(".weight") ? 1 : 0);
    } else if (!name.endsWith("in_proj_bias") && !name.endsWith("out_proj.bias")) {
      double bound = bound(name, shape, shapes);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextDouble(-bound, bound);
      }
    }
    return new Tensor(shape, values);
  }

  private static double bound(String name, int[] shape, SortedMap<String, int[]> shapes) {
    if (name.endsWith("in_proj_weight")) {
      return Math.sqrt(6.0 / (shape[0] + shape[1]));
    }
    // A bias has the bound of its layer's weight, [outputs, inputs].
    String weight = name.replaceFirst("\\.bias$", ".weight");
    return 1 / Math.sqrt(shapes.getOrDefault(weight, shape)[1]);
  }
}
