package retune.learning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.Features;
import retune.core.metrics.Metric;
import retune.devstore.EmbeddedStore;
import retune.learning.torch.TorchEngine;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.model.trees.TreesFile;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.steps.deployment.ValidateModel;
import retune.steps.evaluation.EvaluateModel;
import retune.steps.evaluation.PrepareRetrainingData;
import retune.steps.prediction.Predict;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Boosted trees that other libraries trained, from their file to answers. */
class TreesImportTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final String SPEC =
      """
      {"format": "retune.model/1", "name": "forest", "architecture": {"type": "trees"},
       "target": {"column": "label", "classes": CLASSES},
       "columns": [{"name": "a", "kind": "numeric", "encoding": "as_is"},
                   {"name": "b", "kind": "numeric", "encoding": "as_is"},
                   {"name": "c", "kind": "numeric", "encoding": "as_is"},
                   {"name": "kind", "kind": "categorical", "encoding": "codes",
                    "cardinality": 40}]}
      """;
  private static final String BATCH = "forest/2026-11-05";
  private static final int ROWS = 600;
  private static final String TWO = "[\"no\", \"yes\"], \"positive\": \"yes\"";
  private static final String THREE = "[\"0\", \"1\", \"2\"]";

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final TestContext context =
      TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));

  @TempDir private Path folder;

  @AfterEach
  void close() {
    context.store().close();
    server.close();
  }

  @ParameterizedTest
  @CsvSource({
    "xgboost-two.json, 2",
    "xgboost-three.ubj, 3",
    "lightgbm-two.txt, 2",
    "lightgbm-three.txt, 3"
  })
  void theChampionAnswersAsTheLibraryMissingValuesIncluded(String file, int classes)
      throws IOException {
    ImportModel.Output imported = importing(file, classes == 2 ? TWO : THREE);
    assertTrue(imported.champion());
    JsonNode expected = JSON.readTree(fixture(file.replaceFirst("[.].*", ".rows.json")));
    List<String> answers = predict(expected.get("rows"));
    for (int row = 0; row < expected.get("rows").size(); row++) {
      String[] fields = answers.get(row + 1).split(",", -1);
      JsonNode margins = expected.get("margins").get(row);
      for (int output = 0; output < margins.size(); output++) {
        double logit = Double.parseDouble(fields[margins.size() == 1 ? 2 : 1 + output]);
        assertEquals(margins.get(output).asDouble(), logit, 1e-6, answers.get(row + 1));
      }
    }
  }

  @Test
  void aVersionOfTreesIsValidatedAndTheSameFileGivesTheSameVersion() throws IOException {
    ImportModel.Output imported = importing("xgboost-two.json", TWO);
    assertEquals("finetuned", imported.kind());
    ValidateModel.Output valid =
        new ValidateModel().run(new ValidateModel.Input(imported.modelId()), context);
    assertEquals("vector", valid.engine());
    assertEquals(imported.modelId(), importing("xgboost-two.json", TWO).modelId());
  }

  @ParameterizedTest
  @ValueSource(strings = {"xgboost-two.ubj", "lightgbm-two.txt"})
  void pytorchRunsTheSameTreesUnderItsHead(String file) throws IOException {
    ModelStore models = new ModelStore(context.store());
    ModelVersion version = models.get(importing(file, TWO).modelId());
    Features features = Examples.features(version.preprocessing().schema(), 300, 3);
    try (Engine plain = new PlainEngine(version, models.weights(version), 1);
        Engine pytorch = new TorchEngine(version, models.weights(version))) {
      float[] encoded = plain.encode(features);
      assertArrayEquals(encoded, pytorch.encode(features));
      assertArrayEquals(plain.head(encoded, 300), pytorch.head(encoded, 300), 1e-6f);
    }
  }

  @Test
  void exportedTreesAreTheImportedOnes() throws IOException {
    importing("lightgbm-two.txt", TWO);
    Path file = folder.resolve("out.json");
    assertEquals(
        "The probabilities of the file, the softmax of its logits, are not calibrated; 'yes' is"
            + " predicted where its probability is at least 0.5.",
        export(ExportModel.Format.XGBOOST, file).probabilities());
    assertEquals(
        TreesFile.read(fixture("lightgbm-two.txt"), "in").forest().trees().size(),
        TreesFile.read(Files.readAllBytes(file), "out").forest().trees().size());
    ImportModel.Output again =
        new ImportModel()
            .run(
                new ImportModel.Input(
                    file.toString(),
                    folder.resolve("spec.json").toString(),
                    null,
                    null,
                    false,
                    false,
                    null),
                context);
    assertEquals(false, again.changed());
    assertRefused("--format xgboost", () -> export(ExportModel.Format.TORCHSCRIPT, file));
  }

  @Test
  void fineTuningMovesTheHeadOnTheTreesAlone() throws IOException {
    ModelStore models = new ModelStore(context.store());
    ModelVersion champion = models.get(importing("xgboost-two.ubj", TWO).modelId());
    ProcessedBatch batch = batchThatContradicts(champion);
    new EvaluateModel()
        .run(new EvaluateModel.Input(champion.modelId(), BATCH, "test", 1, null, 0.8, 14), context);
    new PrepareRetrainingData()
        .run(
            new PrepareRetrainingData.Input(champion.modelId(), BATCH, 0.3, 0.2, 0, true, 0.5),
            context);
    for (int attempt = 2; attempt <= 3; attempt++) {
      FinetuneModel.Output tuned =
          new FinetuneModel()
              .run(
                  new FinetuneModel.Input(
                      champion.modelId(),
                      batch.batchId(),
                      null,
                      attempt,
                      null,
                      5,
                      1e-3,
                      32,
                      true,
                      Metric.ACCURACY,
                      0),
                  context);
      ModelVersion candidate = models.get(Objects.requireNonNull(tuned.modelId()));
      assertEquals(champion.encoderHash(), candidate.encoderHash());
      assertTrue(Objects.requireNonNull(tuned.validationValue()) > 0.9, tuned.toString());
      new ValidateModel().run(new ValidateModel.Input(candidate.modelId()), context);
      assertRefused(
          "fine-tuned head",
          () ->
              new ExportModel()
                  .run(
                      new ExportModel.Input(
                          null,
                          candidate.modelId(),
                          null,
                          ExportModel.Format.XGBOOST,
                          folder.resolve("x.json").toString()),
                      context));
    }
  }

  /** Rows labelled the other way round than the version orders them. */
  private ProcessedBatch batchThatContradicts(ModelVersion version) {
    Features features = Examples.features(version.preprocessing().schema(), ROWS, 1);
    int[] labels = new int[ROWS];
    try (Engine engine =
        new PlainEngine(version, new ModelStore(context.store()).weights(version), 1)) {
      float[] margins = engine.encode(features);
      float[] sorted = margins.clone();
      Arrays.sort(sorted);
      for (int row = 0; row < ROWS; row++) {
        labels[row] = margins[row] < sorted[ROWS / 2] ? 1 : 0;
      }
    }
    return Examples.write(context.store(), BATCH, version, features, labels);
  }

  private ExportModel.Output export(ExportModel.Format format, Path file) throws IOException {
    return new ExportModel()
        .run(new ExportModel.Input("forest", null, null, format, file.toString()), context);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "cardinality": 40           | "unknown": 39             | lacks its 'cardinality'
          "cardinality": 40           | "cardinality": 40, "unknown": 3 | has a code for the unknown
          "trees"}                    | "trees", "dropout": 0.1}  | leave out all but 'type'
          "name": "b"                 | "name": "d"               | give the columns those names
          CLASSES                     | ["0", "1", "2"]           | answers 2 classes, but the target of the spec has 3
          """)
  void aSpecThatDoesNotFitIsRefusedInOneSentence(String original, String changed, String said)
      throws IOException {
    String spec = SPEC.replace(original, changed).replace("CLASSES", TWO);
    assertRefused(said, () -> importing("xgboost-two.json", spec, "spec.json"));
  }

  private ImportModel.Output importing(String file, String classes) throws IOException {
    return importing(file, SPEC.replace("CLASSES", classes), "spec.json");
  }

  private ImportModel.Output importing(String file, String spec, String name) throws IOException {
    Path trees = Files.write(folder.resolve(file), fixture(file));
    Path specFile = Files.writeString(folder.resolve(name), spec);
    return new ImportModel()
        .run(
            new ImportModel.Input(
                trees.toString(), specFile.toString(), null, null, true, false, null),
            context);
  }

  private List<String> predict(JsonNode rows) throws IOException {
    StringBuilder table = new StringBuilder("a,b,c,kind\n");
    for (JsonNode row : rows) {
      for (int i = 0; i < row.size(); i++) {
        String text = row.get(i).isNull() ? "" : row.get(i).asString();
        table.append(i == 3 ? text.replace(".0", "") : text).append(i < 3 ? "," : "\n");
      }
    }
    Path data = Files.writeString(folder.resolve("data.csv"), table);
    Path answers = folder.resolve("answers.csv");
    new Predict()
        .run(
            new Predict.Input("forest", null, null, false, data.toString(), answers.toString()),
            context);
    return Files.readAllLines(answers);
  }

  /** A file of the model's tests, which trees.py makes there. */
  private static byte[] fixture(String name) throws IOException {
    return Files.readAllBytes(Path.of("../model/src/test/resources/retune/model/trees", name));
  }
}
