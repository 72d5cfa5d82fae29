package retune.learning.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.learning.Examples;
import retune.learning.training.InitialWeights;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;

class TorchEngineTest {
  private static final double TOLERANCE = 1e-4;

  static Stream<Arguments> networks() {
    Architecture transformer = Architecture.TabTransformer.DEFAULT;
    Architecture perceptron = new Architecture.Mlp(4, List.of(24, 16), 16, 0.3);
    return Stream.of(
        Arguments.of(transformer, Examples.schema(9, 14), 2),
        Arguments.of(transformer, Examples.schema(12, 0), 2),
        Arguments.of(transformer, Examples.schema(0, 3), 2),
        Arguments.of(perceptron, Examples.schema(9, 14), 2),
        Arguments.of(perceptron, Examples.schema(12, 0), 3),
        Arguments.of(perceptron, Examples.schema(0, 3), 5));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void pytorchGivesThePlainEnginesResults(
      Architecture architecture, FeatureSchema schema, int classes) {
    Weights weights = InitialWeights.of(architecture, schema, classes, new SplittableRandom(5));
    List<String> labels = IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    Target target = new Target("label", labels, classes == 2 ? "1" : null);
    ModelVersion version = Examples.version(architecture, schema, target, weights);
    Features features = Examples.features(schema, 300, 6);

    try (Engine pytorch = new TorchEngine(version, weights);
        Engine plain = new PlainEngine(version, weights, 1)) {
      float[] encoded = plain.encode(features);
      assertClose(encoded, pytorch.encode(features));
      assertClose(plain.head(encoded, 300), pytorch.head(encoded, 300));
    }
  }

  private static void assertClose(float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      double tolerance = TOLERANCE * Math.max(1, Math.abs(expected[i]));
      assertEquals(expected[i], actual[i], tolerance, "value " + i);
    }
  }
}
