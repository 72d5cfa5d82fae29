package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.model.Architecture;
import retune.model.Architecture.Mlp;
import retune.model.Architecture.TabTransformer;
import retune.model.ModelVersion;
import retune.model.TestModels;
import retune.model.WeightShapes;
import retune.model.Weights;

class EngineTest {
  /** More than one thread's share. */
  private static final int ROWS = 90;

  /** A network to compare the engines on. */
  record Case(Architecture architecture, int categorical, int numeric, int classes) {}

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    cases.add(new Case(TabTransformer.DEFAULT, 9, 14, 2));
    cases.add(new Case(TabTransformer.DEFAULT, 60, 82, 2));
    cases.add(new Case(new TabTransformer(32, 4, 2, 64, 128, 0), 0, 512, 2));
    cases.add(new Case(new TabTransformer(12, 4, 1, 7, 5, 0), 2, 0, 138));
    cases.add(new Case(new TabTransformer(128, 8, 2, 100, 30, 0), 20, 20, 3));
    cases.add(new Case(new Mlp(4, List.of(64, 32), 16, 0), 9, 14, 2));
    cases.add(new Case(new Mlp(3, List.of(1), 1, 0), 1, 0, 2));
    cases.add(new Case(new Mlp(3, List.of(7, 130, 9), 6, 0), 0, 200, 5));
    Random random = new Random(1);
    for (int i = 0; i < 16; i++) {
      int heads = 1 + random.nextInt(6);
      int size = 8 / heads + 1 + random.nextInt(128 / heads - 8 / heads);
      cases.add(
          new Case(
              new TabTransformer(
                  heads * size,
                  heads,
                  1 + random.nextInt(4),
                  1 + random.nextInt(150),
                  1 + random.nextInt(150),
                  0),
              1 + random.nextInt(40),
              1 + random.nextInt(40),
              2 + random.nextInt(6)));
    }
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theVectorEngineAgreesWithThePlainOne(Case shape) {
    FeatureSchema schema = TestModels.schema(shape.categorical, shape.numeric);
    Weights weights =
        TestModels.weights(WeightShapes.of(shape.architecture, schema, shape.classes), 3);
    ModelVersion version = TestModels.version(shape.architecture, schema, shape.classes, weights);
    // several blocks of rows where lanes are rows; a few rows where each is blocks of tokens
    int rows = shape.architecture instanceof Mlp ? 70 : 5;
    Features features = TestModels.features(schema, rows, 4);
    try (Engine plain = new PlainEngine(version, weights, 2);
        Engine vector = new VectorEngine(version, weights, 2)) {
      float[] expected = plain.head(plain.encode(features), features.rows());
      float[] actual = vector.head(vector.encode(features), features.rows());
      assertEquals(features.rows() * shape.classes, actual.length);
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], actual[i], 1e-4 * Math.max(1, Math.abs(expected[i])));
      }
      assertArrayEquals(
          Probabilities.rowMajor(expected, shape.classes),
          Probabilities.rowMajor(actual, shape.classes),
          1e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void resultsDependNeitherOnThreadsNorOnGrouping(Case shape) {
    FeatureSchema schema = TestModels.schema(shape.categorical, shape.numeric);
    Weights weights =
        TestModels.weights(WeightShapes.of(shape.architecture, schema, shape.classes), 5);
    ModelVersion version = TestModels.version(shape.architecture, schema, shape.classes, weights);
    Features features = TestModels.features(schema, ROWS, 6);
    try (Engine one = new VectorEngine(version, weights, 1);
        Engine four = new VectorEngine(version, weights, 4)) {
      float[] whole = one.encode(features);
      float[] logits = one.head(whole, ROWS);
      float[] fromFour = four.encode(features);
      assertArrayEquals(whole, fromFour);
      assertArrayEquals(logits, four.head(fromFour, ROWS));
      int size = shape.architecture.encodedSize();
      for (int[] group : new int[][] {{ROWS - 1}, {7, 3, 71}, IntStream.range(40, 77).toArray()}) {
        float[] part = four.encode(features.select(group));
        float[] partLogits = four.head(part, group.length);
        for (int i = 0; i < group.length; i++) {
          assertArrayEquals(row(whole, group[i], size), row(part, i, size));
          assertArrayEquals(
              row(logits, group[i], shape.classes), row(partLogits, i, shape.classes));
        }
      }
    }
  }

  @Test
  void noRowsGiveNoResults() {
    try (Engine engine = vector(TestModels.small(1).version(), TestModels.small(1).weights())) {
      FeatureSchema schema = TestModels.schema(2, 3);
      assertEquals(0, engine.encode(TestModels.features(schema, 0, 1)).length);
      assertEquals(0, engine.head(new float[0], 0).length);
    }
  }

  @Test
  void greatNumbersStayFinite() {
    FeatureSchema schema = TestModels.schema(2, 3);
    Features features = TestModels.features(schema, 2, 1);
    features.numbers()[0][0] = FeatureCheck.GREATEST;
    features.numbers()[1][1] = -FeatureCheck.GREATEST;
    try (Engine engine = vector(TestModels.small(1).version(), TestModels.small(1).weights())) {
      for (float logit : engine.head(engine.encode(features), 2)) {
        assertTrue(Float.isFinite(logit));
      }
    }
  }

  @Test
  void numbersThatAreNotFiniteAndUnknownCodesAreRefusedByName() {
    FeatureSchema schema = TestModels.schema(2, 3);
    ModelVersion version = TestModels.small(1).version();
    Weights weights = TestModels.small(1).weights();
    try (Engine plain = new PlainEngine(version, weights, 1);
        Engine vector = vector(version, weights)) {
      for (Engine engine : List.of(plain, vector)) {
        for (float wrong : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 2e15f}) {
          Features features = TestModels.features(schema, 4, 1);
          features.numbers()[2][3] = wrong;
          assertRefused("Row 3 has " + wrong + " for 'n2'", () -> engine.encode(features));
        }
        for (int wrong : new int[] {-1, 3}) {
          Features features = TestModels.features(schema, 4, 1);
          features.codes()[1][2] = wrong;
          assertRefused("Row 2 has the code " + wrong + " for 'c1'", () -> engine.encode(features));
        }
        Features foreign = TestModels.features(TestModels.schema(2, 2), 4, 1);
        assertRefused("process the batch with this model's", () -> engine.encode(foreign));
      }
    }
  }

  @Test
  void aBareEncoderEncodesButPredictsNothing() {
    FeatureSchema schema = TestModels.schema(2, 3);
    Weights weights = TestModels.weights(WeightShapes.encoder(TestModels.SMALL, schema), 1);
    ModelVersion version = TestModels.version(TestModels.SMALL, schema, 2, weights);
    try (Engine engine = vector(version, weights)) {
      float[] encoded = engine.encode(TestModels.features(schema, 2, 1));
      assertEquals(2 * 8, encoded.length);
      assertRefused("has no head", () -> engine.head(encoded, 2));
    }
  }

  /** Worked by hand: x = (embedding 2, 3; number 5), ReLU, then the head. */
  @Test
  void aSmallPerceptronComputesWhatPaperAndPencilDo() {
    FeatureSchema schema = TestModels.schema(1, 1);
    Mlp architecture = new Mlp(2, List.of(2), 1, 0);
    Weights weights = zeros(architecture, schema);
    fill(weights, "encoder.embeddings.0.weight", 0, 0, 2, 3);
    fill(weights, "encoder.layers.0.weight", 1, 1, -1, 1, 1, 1);
    fill(weights, "encoder.layers.0.bias", -1, 0.5f);
    fill(weights, "fc.0.weight", 3, 2);
    fill(weights, "fc.3.weight", 1, -1);
    fill(weights, "fc.3.bias", 0, 4);
    Features features = new Features(schema, 1, new int[][] {{1}}, new float[][] {{5}});
    try (Engine engine =
        new PlainEngine(TestModels.version(architecture, schema, 2, weights), weights, 1)) {
      float[] encoded = engine.encode(features);
      assertArrayEquals(new float[] {0, 10.5f}, encoded);
      assertArrayEquals(new float[] {21, -17}, engine.head(encoded, 1));
    }
  }

  /**
   * With queries of zero each token attends to all alike, so that the attention's output is the
   * mean of the values; values and output are the identity here, the feed-forward is zero. Tokens
   * (1, −1) and (3, −3) are (1, −1) after LayerNorm, and the result is (2, −2) + (1, −1).
   */
  @Test
  void equalAttentionAddsTheMeanOfTheValues() {
    FeatureSchema schema = TestModels.schema(0, 2);
    TabTransformer architecture = new TabTransformer(2, 1, 1, 1, 1, 0);
    Weights weights = zeros(architecture, schema);
    fill(weights, "encoder.numeric_embeddings.0.weight", 1, -1);
    fill(weights, "encoder.numeric_embeddings.1.weight", 3, -3);
    String layer = "encoder.transformer.layers.0.";
    fill(weights, layer + "norm1.weight", 1, 1);
    fill(weights, layer + "self_attn.in_proj_weight", 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1);
    fill(weights, layer + "self_attn.out_proj.weight", 1, 0, 0, 1);
    Features features = new Features(schema, 1, new int[0][], new float[][] {{1}, {1}});
    try (Engine engine =
        new PlainEngine(TestModels.version(architecture, schema, 2, weights), weights, 1)) {
      assertArrayEquals(new float[] {3, -3}, engine.encode(features), 1e-5f);
    }
  }

  private static Engine vector(ModelVersion version, Weights weights) {
    return new VectorEngine(version, weights, 1);
  }

  private static Weights zeros(Architecture architecture, FeatureSchema schema) {
    Weights weights = TestModels.weights(WeightShapes.of(architecture, schema, 2), 1);
    weights.tensors().values().forEach(tensor -> Arrays.fill(tensor.values(), 0));
    return weights;
  }

  private static void fill(Weights weights, String name, float... by) {
    float[] values = weights.get(name).values();
    assertEquals(values.length, by.length);
    System.arraycopy(by, 0, values, 0, by.length);
  }

  private static float[] row(float[] matrix, int row, int size) {
    return Arrays.copyOfRange(matrix, row * size, (row + 1) * size);
  }
}
