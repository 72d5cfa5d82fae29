package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static retune.testing.Refusals.assertRefused;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.TextColumn;
import retune.model.Architecture;
import retune.model.ModelJson;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.model.Tensor;
import retune.model.TestModels;
import retune.model.WeightShapes;
import retune.model.Weights;

class TextEngineTest {
  private static final int LENGTH = 6;
  private static final int TERMS = 50;
  private static final int CLASSES = 7;
  private static final Architecture.Text ARCHITECTURE = new Architecture.Text(LENGTH, TERMS);
  private static final Preprocessing PREPROCESSING =
      new Preprocessing(
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          null,
          new TextColumn(
              "text", IntStream.range(0, TERMS).mapToObj(term -> "w" + term).toList(), LENGTH));
  private static final Target TARGET =
      new Target(
          "intent", IntStream.range(0, CLASSES).mapToObj(label -> "c" + label).toList(), null);

  private final Weights weights =
      TestModels.weights(WeightShapes.of(ARCHITECTURE, PREPROCESSING.schema(), CLASSES), 3);

  @Test
  void logitsAreTheWeightedSumsOfTheTermsWhateverTheGroupingAndTheThreads() {
    Features texts = texts(300);
    try (Engine engine = Engines.open(version(weights), weights);
        Engine onOneThread = new TextEngine(version(weights), weights, 1)) {
      assertEquals("sparse", engine.name());
      float[] encoded = engine.encode(texts);
      float[] logits = engine.head(encoded, texts.rows());
      Tensor matrix = weights.get("fc.0.weight");
      for (int row = 0; row < texts.rows(); row++) {
        double[] dense = dense(texts, row);
        for (int label = 0; label < CLASSES; label++) {
          double expected = weights.get("fc.0.bias").values()[label];
          for (int term = 0; term < TERMS; term++) {
            expected += matrix.values()[label * TERMS + term] * dense[term];
          }
          assertEquals(expected, logits[row * CLASSES + label], 1e-5);
        }
        Features one = texts.range(row, row + 1);
        assertArrayEquals(
            Arrays.copyOfRange(logits, row * CLASSES, (row + 1) * CLASSES),
            onOneThread.head(onOneThread.encode(one), 1));
      }
    }
  }

  @Test
  void aVersionOfTextsIsReadAsItWasWritten() {
    ModelVersion version = version(weights);
    ModelVersion read = ModelJson.read(ModelJson.write(version), "model.json");
    assertEquals(version, read);
    assertEquals(version.preprocessing().hash(), read.preprocessing().hash());
    assertEquals(3, Objects.requireNonNull(read.preprocessing().text()).terms().indexOf("w3"));
    assertEquals(
        LinearHead.of(weights).tensors().keySet(), weights.tensors().tailMap("fc").keySet());
    assertArrayEquals(
        weights.get("fc.0.weight").values(),
        Objects.requireNonNull(LinearHead.of(weights).tensors().get("fc.0.weight")).values());
  }

  @Test
  void whatDoesNotFitIsRefused() {
    assertRefused(
        "reads 5 codes of 50 terms",
        () ->
            WeightShapes.check(
                weights, new Architecture.Text(5, TERMS), PREPROCESSING.schema(), CLASSES, "it"));
    assertRefused("The architecture's terms is 0", () -> new Architecture.Text(1, 0));
    SortedMap<String, Tensor> encoder = new TreeMap<>(weights.tensors().headMap("fc"));
    Weights withoutHead = new Weights(encoder);
    try (Engine engine = new TextEngine(version(withoutHead), withoutHead, 1)) {
      assertRefused("has no head", () -> engine.head(new float[2 * LENGTH], 1));
    }
    FeatureSchema other = TestModels.schema(2, 1);
    try (Engine engine = new TextEngine(version(weights), weights, 1)) {
      assertRefused("the model reads", () -> engine.encode(TestModels.features(other, 2, 1)));
    }
  }

  /** TF-IDF by its definition, with every term. */
  private double[] dense(Features texts, int row) {
    double[] counts = new double[TERMS];
    for (int[] codes : texts.codes()) {
      if (codes[row] > 0) {
        counts[codes[row] - 1]++;
      }
    }
    double squares = 0;
    for (int term = 0; term < TERMS; term++) {
      if (counts[term] > 0) {
        counts[term] = (1 + Math.log(counts[term])) * weights.get("encoder.idf").values()[term];
        squares += counts[term] * counts[term];
      }
    }
    double norm = squares == 0 ? 1 : Math.sqrt(squares);
    return Arrays.stream(counts).map(weight -> weight / norm).toArray();
  }

  private static Features texts(int rows) {
    SplittableRandom random = new SplittableRandom(5);
    int[][] codes = new int[LENGTH][rows];
    for (int row = 0; row < rows; row++) {
      int[] some =
          IntStream.range(0, random.nextInt(LENGTH + 1))
              .map(_ -> 1 + random.nextInt(8) * random.nextInt(8))
              .sorted()
              .toArray();
      for (int position = 0; position < some.length; position++) {
        codes[position][row] = some[position];
      }
    }
    return new Features(PREPROCESSING.schema(), rows, codes, new float[2][rows]);
  }

  private static ModelVersion version(Weights weights) {
    return ModelVersion.of(
        "texts",
        TestModels.MADE_AT,
        new ModelVersion.Design(ARCHITECTURE, PREPROCESSING, TARGET),
        new Lineage(null, "head", 1, 0.3, "file", Map.of(), List.of()),
        weights);
  }
}
