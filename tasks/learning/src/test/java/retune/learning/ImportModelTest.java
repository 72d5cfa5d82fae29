package retune.learning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Updates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.learning.training.InitialWeights;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Safetensors;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Outputs;
import retune.model.engine.PlainEngine;
import retune.model.engine.Predictor;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.testing.Refusals;
import retune.testing.TestContext;

/** What an import does with the version that it made. */
class ImportModelTest {
  private static final String SPEC =
      """
      {"format": "retune.model/1", "name": "toy", "architecture": {"type": "mlp"},
       "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
       "columns": [{"name": "n0", "kind": "numeric", "encoding": "as_is"},
                   {"name": "n1", "kind": "numeric", "encoding": "as_is"}]}
      """;
  private static final Weights WEIGHTS =
      InitialWeights.of(
          new Architecture.Mlp(1, List.of(4), 4, 0.3),
          Examples.schema(0, 2),
          2,
          new SplittableRandom(1));

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK);

  @TempDir private Path folder;

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aVersionIsRegisteredAsACandidateAndTheAnswerSaysHowItBecomesTheChampion()
      throws IOException {
    ImportModel.Output output = importing(WEIGHTS, null, false);
    assertTrue(output.registered());
    assertFalse(output.champion());
    assertEquals(
        output.modelId()
            + " is registered, but not as the champion of toy. If the model has no champion yet,"
            + " repeat the import with --champion.",
        output.message());
    assertEquals(VersionStatus.CANDIDATE, new ModelStore(store).status(output.modelId()));
  }

  @Test
  void theFirstVersionBecomesTheChampionIfAsked() throws IOException {
    ImportModel.Output output = importing(WEIGHTS, null, true);
    assertEquals(
        output.modelId() + " is registered and is now the champion of toy.", output.message());
    assertEquals(output.modelId(), new Champions(store).find("toy").orElseThrow().modelId());
    assertEquals(VersionStatus.APPROVED, new ModelStore(store).status(output.modelId()));
  }

  @Test
  void aFolderIsNotRegisteredAndTheAnswerSaysHowToRegisterIt() throws IOException {
    String files = folder.resolve("model").toString();
    ImportModel.Output output = importing(WEIGHTS, files, false);
    assertFalse(output.registered());
    assertEquals(
        output.modelId()
            + " is in the folder %s and is not registered; register it with: register_model --path %s --champion"
                .formatted(files, files),
        output.message());
    assertTrue(new ModelStore(store).find(output.modelId()).isEmpty());

    ImportModel.Output both = importing(WEIGHTS, files, true);
    assertTrue(both.champion());
    assertTrue(both.message().endsWith("It is in the folder " + files + ", too."), both.message());
  }

  @Test
  void weightsWhoseLogitsOverflowAreRefusedAndNothingIsWritten() throws IOException {
    SortedMap<String, Tensor> huge = new TreeMap<>();
    WEIGHTS
        .tensors()
        .forEach(
            (name, tensor) -> {
              float[] values = tensor.values().clone();
              Arrays.fill(values, 3e38f);
              huge.put(name, new Tensor(tensor.shape(), values));
            });
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> importing(new Weights(huge), folder.resolve("model").toString(), true));
    assertTrue(
        String.valueOf(refusal.getMessage()).contains("The model's logit for golden row"),
        refusal.getMessage());
    assertTrue(new Champions(store).find("toy").isEmpty());
    assertFalse(Files.exists(folder.resolve("model")));
  }

  @Test
  void withoutRowsTheAnswerSaysThatProbabilitiesAreNotCalibrated() throws IOException {
    ImportModel.Output output = importing(WEIGHTS, null, false);
    assertEquals(
        "The probabilities are not calibrated. To calibrate them, import with --calibrate and"
            + " labelled rows.",
        output.calibration());
    assertNull(new ModelStore(store).get(output.modelId()).calibration());
  }

  @Test
  void aFileOfLabelledRowsCalibratesProbabilitiesAndChangesNoLogitAndNoDecision()
      throws IOException {
    Path rows = labelledRows(2_000);
    ModelVersion plain = new ModelStore(store).get(importing(WEIGHTS, null, false).modelId());
    ImportModel.Output output = importing(WEIGHTS, null, true, rows.toString());
    ModelVersion calibrated = new ModelStore(store).get(output.modelId());
    assertTrue(
        String.valueOf(output.calibration()).startsWith("The probabilities are calibrated by"),
        output.calibration());
    assertEquals(output.calibration(), calibrated.calibrationSentence());
    ModelVersion.Calibration calibration = Objects.requireNonNull(calibrated.calibration());
    assertEquals(2_000, calibration.rows());
    assertEquals(Hashing.sha256(Files.readAllBytes(rows)), calibration.fittedOn());
    assertEquals(plain.weightsHash(), calibrated.weightsHash());
    assertArrayEquals(
        Objects.requireNonNull(plain.golden()).logits(),
        Objects.requireNonNull(calibrated.golden()).logits());
    assertNotEquals(plain.modelId(), calibrated.modelId());
    assertEquals(
        output.modelId(), importing(WEIGHTS, null, true, rows.toString()).modelId(), "again");

    try (Engine engine = new PlainEngine(plain, WEIGHTS, 1)) {
      Features features = features(500, 9);
      Outputs before = new Predictor(plain, engine).predict(features);
      Outputs after = new Predictor(calibrated, engine).predict(features);
      for (int row = 0; row < 500; row++) {
        assertEquals(before.logit(row, 1), after.logit(row, 1));
        assertEquals(before.predicted(row), after.predicted(row));
      }
    }
  }

  @Test
  void exportsSayThatTheyAreNotCalibratedAndWhichProbabilityDecides() throws IOException {
    String calibrated = importing(WEIGHTS, null, false, labelledRows(500).toString()).modelId();
    ExportModel.Output output =
        export(calibrated, ExportModel.Format.TORCHSCRIPT, folder.resolve("calibrated.pt"));
    assertEquals(
        "The probabilities of the file, the softmax of its logits, are not calibrated; '1' is"
            + " predicted where its probability is at least 0.5.",
        output.probabilities());

    ModelVersion version = new ModelStore(store).get(calibrated);
    Path files = folder.resolve("exported");
    assertEquals(
        version.calibrationSentence(),
        export(calibrated, ExportModel.Format.SAFETENSORS, files).probabilities());
    ModelVersion read = ModelFolder.read(files, CodeTrust.REFUSED).version();
    assertEquals(version.modelId(), read.modelId());
    assertEquals(version.calibration(), read.calibration());
  }

  private ExportModel.Output export(String version, ExportModel.Format format, Path to)
      throws IOException {
    return new ExportModel()
        .run(
            new ExportModel.Input(null, version, null, format, to.toString()),
            TestContext.of(store));
  }

  @Test
  void aProcessedBatchCalibratesIfItsPreprocessingIsTheVersions() throws IOException {
    ModelVersion plain = new ModelStore(store).get(importing(WEIGHTS, null, false).modelId());
    Features features = features(1_000, 3);
    ProcessedBatch batch =
        Examples.write(store, "toy/2026-11-05", plain, features, labels(features, 3));
    ImportModel.Output output = importing(WEIGHTS, null, true, "toy/2026-11-05");
    ModelVersion version = new ModelStore(store).get(output.modelId());
    assertEquals(batch.contentHash(), Objects.requireNonNull(version.calibration()).fittedOn());

    store
        .collection("processing_metadata")
        .updateMany(new Document(), Updates.set("preprocessing_hash", "other"));
    assertRefused(
        "The batch 'toy/2026-11-05' was prepared with another preprocessing than the imported"
            + " version has. Calibrate on a CSV file",
        "toy/2026-11-05");
  }

  @Test
  void rowsThatCannotCalibrateAreRefusedOrSaidToBeTooFew() throws IOException {
    assertRefused(
        "There is neither a file nor a processed batch 'toy/2026-11-05' to calibrate on.",
        "toy/2026-11-05");
    Path rows = folder.resolve("rows.csv");
    Files.writeString(rows, "n0,n1\n1,2\n");
    assertRefused(
        "'" + rows + "' has no column 'label', which the version predicts; its columns are",
        rows.toString());
    Files.writeString(rows, "n0,n1,label\n1,2,9\n");
    assertRefused("Row 0 has the label '9', which is not among the classes", rows.toString());
    Files.writeString(rows, "n0,n1,label\n1,2,\n");
    assertRefused("No row has a label", rows.toString());
    Files.writeString(rows, "n0,n1,label\n1,2,1\n");
    assertEquals(
        "The probabilities are not calibrated: the 1 rows are fewer than 50.",
        importing(WEIGHTS, null, false, rows.toString()).calibration());
  }

  private void assertRefused(String beginning, String calibrate) {
    Refusals.assertRefused(beginning, () -> importing(WEIGHTS, null, true, calibrate));
  }

  /** Rows whose labels follow from the network's own log-odds, with one added. */
  private Path labelledRows(int rows) throws IOException {
    Features features = features(rows, 5);
    int[] labels = labels(features, 5);
    StringBuilder csv = new StringBuilder("n0,n1,label\n");
    for (int row = 0; row < rows; row++) {
      csv.append(features.numbers()[0][row]).append(',').append(features.numbers()[1][row]);
      csv.append(',').append(labels[row]).append('\n');
    }
    return Files.writeString(folder.resolve("rows.csv"), csv);
  }

  private static int[] labels(Features features, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Engine engine =
        new PlainEngine(
            Examples.version(
                new Architecture.Mlp(1, List.of(4), 4, 0.3),
                features.schema(),
                Examples.TARGET,
                WEIGHTS),
            WEIGHTS,
            1)) {
      float[] logits = engine.head(engine.encode(features), features.rows());
      return IntStream.range(0, features.rows())
          .map(
              row -> {
                double logOdds = 1 + 3 * (logits[2 * row + 1] - logits[2 * row]);
                return random.nextDouble() < 1 / (1 + Math.exp(-logOdds)) ? 1 : 0;
              })
          .toArray();
    }
  }

  private static Features features(int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] numbers = new float[2][rows];
    for (float[] column : numbers) {
      for (int row = 0; row < rows; row++) {
        column[row] = (float) random.nextGaussian();
      }
    }
    return new Features(Examples.schema(0, 2), rows, new int[0][], numbers);
  }

  private ImportModel.Output importing(Weights weights, @Nullable String output, boolean champion)
      throws IOException {
    return importing(weights, output, champion, null);
  }

  private ImportModel.Output importing(
      Weights weights, @Nullable String output, boolean champion, @Nullable String calibrate)
      throws IOException {
    Path file = Files.write(folder.resolve("toy.safetensors"), Safetensors.write(weights));
    Path spec = Files.writeString(folder.resolve("spec.json"), SPEC);
    return new ImportModel()
        .run(
            new ImportModel.Input(
                file.toString(), spec.toString(), null, output, champion, false, calibrate),
            TestContext.of(store));
  }
}
