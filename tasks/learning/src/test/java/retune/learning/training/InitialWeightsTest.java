package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.data.FeatureSchema;
import retune.learning.Examples;
import retune.model.Architecture;
import retune.model.Weights;

class InitialWeightsTest {
  private static final FeatureSchema SCHEMA = Examples.schema(9, 14);
  private static final Weights WEIGHTS =
      InitialWeights.of(Architecture.TabTransformer.DEFAULT, SCHEMA, 2, new SplittableRandom(1));

  /** Bounds worked out by hand from the layers' sizes: d 32, feed-forward 64, head 128. */
  @ParameterizedTest
  @CsvSource({
    "encoder.transformer.layers.0.self_attn.in_proj_weight, 0.216506", // √(6/(32+96))
    "encoder.transformer.layers.5.linear1.weight,           0.176777", // 1/√32
    "encoder.transformer.layers.5.linear1.bias,             0.176777",
    "encoder.transformer.layers.5.linear2.weight,           0.125", // 1/√64
    "fc.3.weight,                                           0.088388" // 1/√128
  })
  void linearLayersAreUniformWithinTheirBound(String name, double bound) {
    float[] values = WEIGHTS.get(name).values();
    double greatest =
        IntStream.range(0, values.length).mapToDouble(i -> Math.abs(values[i])).max().orElseThrow();
    assertTrue(greatest <= bound, name + " has " + greatest);
    assertTrue(greatest > 0.9 * bound, name + " has at most " + greatest);
  }

  @Test
  void anAttentionsBiasesAreZeroAndNormsAreTheIdentity() {
    String layer = "encoder.transformer.layers.0.";
    assertAll(layer + "self_attn.in_proj_bias", 0);
    assertAll(layer + "self_attn.out_proj.bias", 0);
    assertAll(layer + "norm2.weight", 1);
    assertAll(layer + "norm2.bias", 0);
  }

  @Test
  void aNewHeadLeavesTheEncoderAsItIs() {
    Weights other =
        InitialWeights.withHead(
            WEIGHTS, Architecture.TabTransformer.DEFAULT, SCHEMA, 3, new SplittableRandom(2));
    assertEquals(WEIGHTS.encoderHash(), other.encoderHash());
    assertEquals(3, other.get("fc.3.bias").values().length);
  }

  private static void assertAll(String name, float expected) {
    float[] values = WEIGHTS.get(name).values();
    float[] all = new float[values.length];
    Arrays.fill(all, expected);
    assertTrue(Arrays.equals(all, values), name);
  }
}
