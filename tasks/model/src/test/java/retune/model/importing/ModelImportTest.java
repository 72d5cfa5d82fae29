package retune.model.importing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Safetensors;
import retune.model.Tensor;
import retune.model.TestModels;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ModelImportTest {
  private static final String SPEC =
      """
      {"format": "retune.model/1", "name": "small",
       "architecture": {"type": "tab_transformer", "heads": 2},
       "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
       "columns": [{"name": "n0", "kind": "numeric", "encoding": "as_is"},
                   {"name": "c0", "kind": "categorical", "encoding": "codes"},
                   {"name": "c1", "kind": "categorical", "encoding": "codes", "unknown": 4},
                   {"name": "c2", "kind": "categorical", "encoding": "codes"},
                   {"name": "n1", "kind": "numeric", "encoding": "as_is"}]}
      """;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"state_dict.pth", "checkpoint.pth", "float64.pth", "script.pt"})
  void aRealFileGivesPyTorchsLogits(String file) throws IOException {
    assertLogits(importing(file), 1e-5);
  }

  @Test
  void sizesComeFromTheTensorsAndColumnsFromTheSpec() throws IOException {
    ModelImport model = importing("state_dict.pth");
    assertEquals(new Architecture.TabTransformer(8, 2, 2, 16, 12, 0.3), model.architecture());
    assertEquals(
        new FeatureSchema(
            List.of(
                new FeatureSchema.Categorical("c0", 3),
                new FeatureSchema.Categorical("c1", 5),
                new FeatureSchema.Categorical("c2", 12)),
            List.of("n0", "n1")),
        model.preprocessing().schema());
    assertEquals(4, model.preprocessing().codes().get(1).unknown());
    assertEquals(Map.of(), model.converted());
  }

  @Test
  void numbersOfOtherTypesAreConvertedAndCounted() throws IOException {
    assertEquals(Map.of("float64", 35), importing("float64.pth").converted());
    ModelImport rounded = importing("bfloat16.pth");
    assertEquals(Map.of("bfloat16", 35), rounded.converted());
    assertLogits(rounded, 0.05);
  }

  @Test
  void anEncoderSavedAloneGetsItsPrefix() throws IOException {
    ModelImport encoder = importing("encoder.pth");
    assertFalse(encoder.weights().hasHead());
    assertEquals(
        importing("state_dict.pth").weights().encoderHash(), encoder.weights().encoderHash());
  }

  @Test
  void safetensorsGiveTheSameWeights() throws IOException {
    Weights weights = importing("state_dict.pth").weights();
    Path file = folder.resolve("weights.safetensors");
    Files.write(file, Safetensors.write(weights));
    assertEquals(weights.hash(), ModelImport.read(file, spec(SPEC)).weights().hash());
  }

  @Test
  void everyTensorThatIsMissingUnexpectedOrMisshapenIsListed() throws IOException {
    Path file =
        changed(
            tensors -> {
              tensors.remove("fc.3.bias");
              tensors.remove("encoder.transformer.layers.1.norm2.weight");
              tensors.put("encoder.transformer.norm.weight", vector(8));
              tensors.put("fc.3.weight", vector(24));
            });
    assertRefused(
        file
            + " does not have the tensors of the spec's network: 2 missing"
            + " (encoder.transformer.layers.1.norm2.weight [8], fc.3.bias [2]); 1 not expected"
            + " (encoder.transformer.norm.weight); 1 of another shape (fc.3.weight [24] of float32"
            + " instead of [2, 12]).",
        () -> ModelImport.read(file, spec(SPEC)));
  }

  @Test
  void theTensorThatASizeIsReadFromIsNamedWhenItIsMissing() throws IOException {
    Path file = changed(tensors -> tensors.remove("encoder.transformer.layers.0.linear1.bias"));
    assertRefused(
        "has no tensor 'encoder.transformer.layers.0.linear1.bias', which a tab_transformer has",
        () -> ModelImport.read(file, spec(SPEC)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "heads": 2   | "heads": 3                    | not divisible by its 3 heads
          "heads": 2   | "layers": 2                   | lacks 'heads'
          "heads": 2   | "heads": 2, "dimension": 16   | dimension is 16, but the tensors have 8
          "heads": 2   | "heads": 2, "layers": 6       | layers is 6, but the tensors have 2
          "heads": 2   | "heads": 2, "feed_forward": 1 | feed_forward is 1, but the tensors have 16
          "heads": 2   | "heads": 2, "head_hidden": 1  | head_hidden is 1, but the tensors have 12
          "heads": 2   | "heads": 2, "dropout": 1      | dropout is 1.0
          tab_trans    | lstm_trans                    | type 'lstm_transformer'
          tab_transformer | mlp                        | has no tensor 'encoder.layers.0.weight'
          ["0", "1"]   | ["0", "1", "2"]               | fc.3.bias [2] of float32 instead of [3]
          "unknown": 4 | "unknown": 5                  | the codes 0 to 4
          "unknown": 4 | "cardinality": 6              | cardinality 6, but its embedding has 5
          "c1"         | "c0"                          | 'c0' appears twice
          "c0"         | "label"                       | 'label' appears twice
          "codes"      | "one_hot"                     | 'c0' is categorical, one_hot
          "as_is"      | "codes"                       | 'n0' is numeric, codes
          retune.model/1 | retune.model/2              | the format 'retune.model/2'
          "name": "small" | "nmae": "small"            | nmae
          """)
  void aSpecThatContradictsTheTensorsOrItselfIsRefused(
      String text, String replacement, String expected) {
    String changed = SPEC.replaceFirst(Pattern.quote(text), replacement);
    assertRefused(expected, () -> ModelImport.read(Fixtures.path("state_dict.pth"), spec(changed)));
  }

  @Test
  void columnsThatTheTensorsDoNotHaveAreCounted() {
    String fewer = SPEC.replaceFirst("\\{\"name\": \"c0\".*\n", "");
    assertRefused(
        "2 categorical columns, but the tensors are those of 3",
        () -> ModelImport.read(Fixtures.path("state_dict.pth"), spec(fewer)));
    String numeric =
        SPEC.replace(
            "\"categorical\", \"encoding\": \"codes\", \"unknown\": 4",
            "\"numeric\", \"encoding\": \"as_is\"");
    assertRefused(
        "2 categorical columns, but the tensors are those of 3",
        () -> ModelImport.read(Fixtures.path("state_dict.pth"), spec(numeric)));
  }

  @Test
  void aPerceptronsSizesAreReadOffToo() throws IOException {
    Architecture perceptron = new Architecture.Mlp(4, List.of(10, 6), 7, 0.1);
    FeatureSchema schema = importing("state_dict.pth").preprocessing().schema();
    Weights weights = TestModels.weights(WeightShapes.of(perceptron, schema, 2), 3);
    Path file = folder.resolve("mlp.safetensors");
    Files.write(file, Safetensors.write(weights));
    String spec = SPEC.replace("tab_transformer\", \"heads\": 2", "mlp\", \"dropout\": 0.1");
    ModelImport model = ModelImport.read(file, spec(spec));
    assertEquals(perceptron, model.architecture());
    assertEquals(weights.hash(), model.weights().hash());
  }

  @ParameterizedTest
  @CsvSource({"'', 1", "'\"embedding\": 6,', 6"})
  void withoutCategoricalColumnsTheSpecsEmbeddingIsTaken(String stated, int embedding)
      throws IOException {
    assertEquals(
        new Architecture.Mlp(embedding, List.of(10), 7, 0.1),
        ModelImport.read(numericPerceptron(), spec(numericSpec(stated))).architecture());
  }

  @Test
  void withoutCategoricalColumnsAnImpossibleEmbeddingIsRefused() throws IOException {
    Path file = numericPerceptron();
    assertRefused(
        "The architecture's embedding is 0",
        () -> ModelImport.read(file, spec(numericSpec("\"embedding\": 0,"))));
  }

  private static String numericSpec(String stated) {
    return SPEC.replaceAll("\\s*\\{[^{]*\"encoding\": \"codes\"[^}]*},", "")
        .replace(
            "\"type\": \"tab_transformer\", \"heads\": 2",
            stated + "\"type\": \"mlp\", \"dropout\": 0.1");
  }

  private Path numericPerceptron() throws IOException {
    FeatureSchema numbers = new FeatureSchema(List.of(), List.of("n0", "n1"));
    Architecture perceptron = new Architecture.Mlp(1, List.of(10), 7, 0.1);
    Weights weights = TestModels.weights(WeightShapes.of(perceptron, numbers, 2), 3);
    return Files.write(folder.resolve("numeric.safetensors"), Safetensors.write(weights));
  }

  @Test
  void theWeightsOfAVersionWithAnArchiveAreRefused() throws IOException {
    Path file = folder.resolve("weights.safetensors");
    Files.write(file, Safetensors.write(TestModels.script().weights()));
    assertRefused(
        "register its folder with register_model", () -> ModelImport.read(file, spec(SPEC)));
  }

  @Test
  void aFileThatIsNotThereIsNamed() {
    assertRefused(
        "There is no file /nowhere.pth",
        () -> ModelImport.read(Path.of("/nowhere.pth"), spec(SPEC)));
  }

  private static ModelImport importing(String file) throws IOException {
    return ModelImport.read(Fixtures.path(file), spec(SPEC));
  }

  private static ImportSpec spec(String json) {
    return ImportSpec.read(json, "spec.json");
  }

  private Path changed(Consumer<SortedMap<String, Tensor>> change) throws IOException {
    SortedMap<String, Tensor> tensors =
        new TreeMap<>(importing("state_dict.pth").weights().tensors());
    change.accept(tensors);
    Path file = folder.resolve("changed.safetensors");
    Files.write(file, Safetensors.write(new Weights(tensors)));
    return file;
  }

  private static Tensor vector(int size) {
    return new Tensor(new int[] {size}, new float[size]);
  }

  private static void assertLogits(ModelImport model, double tolerance) throws IOException {
    JsonNode rows = JsonMapper.shared().readTree(Fixtures.bytes("rows.json"));
    int[][] codes = JsonMapper.shared().treeToValue(rows.get("codes"), int[][].class);
    float[][] numbers = JsonMapper.shared().treeToValue(rows.get("numbers"), float[][].class);
    double[][] expected = JsonMapper.shared().treeToValue(rows.get("logits"), double[][].class);
    Features features =
        new Features(model.preprocessing().schema(), expected.length, codes, numbers);
    try (Engine engine = Engines.open(version(model), model.weights(), expected.length)) {
      float[] logits = engine.head(engine.encode(features), expected.length);
      for (int row = 0; row < expected.length; row++) {
        for (int i = 0; i < 2; i++) {
          assertEquals(expected[row][i], logits[2 * row + i], tolerance);
        }
      }
    }
  }

  private static ModelVersion version(ModelImport model) {
    return ModelVersion.of(
        "small",
        Instant.EPOCH,
        new ModelVersion.Design(model.architecture(), model.preprocessing(), spec(SPEC).target()),
        new ModelVersion.Lineage(null, "imported", 0, 0, "unknown", Map.of(), List.of()),
        model.weights());
  }
}
