package retune.learning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.metrics.Metric;
import retune.core.preprocessing.NumericColumn;
import retune.core.split.Part;
import retune.learning.training.ArchitectureChoice;
import retune.learning.training.TrainingTable;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.testing.MadeTables;
import retune.testing.TestContext;

@Tag("slow")
class TrainModelTest {
  @TempDir private Path folder;

  @BeforeEach
  void writeTable() throws IOException {
    MadeTables.customers(folder.resolve("table.csv"), 900, 1);
  }

  @Test
  void aModelIsTrainedMeasuredAndWritten() throws IOException {
    TrainModel.Output output = train("model", null, 6);
    ModelFolder.Content content = ModelFolder.read(folder.resolve("model"), CodeTrust.REFUSED);
    ModelVersion version = content.version();
    assertEquals(output.modelId(), version.modelId());
    assertEquals("toy", version.modelName());
    assertEquals(ModelVersion.Kind.FINETUNED, version.kind());
    assertEquals(output.testMetrics(), version.metrics().get("test"));
    assertEquals(output.validationMetrics(), version.metrics().get("validation"));
    assertEquals(output.decisionThreshold(), version.decisionThreshold());
    assertEquals(output.calibration(), version.calibrationSentence());
    assertTrue(version.metrics().containsKey("calibration"));
    assertEquals(List.of("no", "yes"), version.target().classes());
    assertNotNull(version.golden());
    assertEquals(6, version.lineage().history().size());
    double auc = output.testMetrics().getOrDefault("roc_auc", 0.0);
    assertTrue(auc > 0.85, "AUC on test rows " + auc);
  }

  @Test
  void withoutEpochsTrainingLastsAsLongAsItHelps() throws IOException {
    TrainModel.Output output = train("model", null, null);
    ModelVersion version = ModelFolder.read(folder.resolve("model"), CodeTrust.REFUSED).version();
    assertEquals(output.bestEpoch() + 3, output.epochs(), "stopped by its patience");
    assertEquals(20.0, version.lineage().hyperparameters().get("round_steps"));
    double auc = output.testMetrics().getOrDefault("roc_auc", 0.0);
    assertTrue(auc > 0.85, "AUC on test rows " + auc);
  }

  @Test
  void theHoldOutIsWrittenAsTheReference() throws IOException {
    train("model", null, 1);
    List<String> table = Files.readAllLines(folder.resolve("table.csv"));
    List<String> reference =
        Files.readAllLines(folder.resolve("model").resolve(ModelFolder.REFERENCE));
    assertEquals(table.getFirst(), reference.getFirst());
    assertEquals(900 * 0.15, reference.size() - 1, 2);
    assertTrue(table.containsAll(reference));
    TrainingTable training = table(folder.resolve("table.csv"));
    assertEquals(
        IntStream.of(training.holdout()).mapToObj(row -> table.get(row + 1)).toList(),
        reference.subList(1, reference.size()));
  }

  @Test
  void aReferenceHasAtMostSoManyRowsAndNoColumnThatTheModelDoesNotRead() throws IOException {
    Path file = folder.resolve("with-id.csv");
    List<String> lines = Files.readAllLines(folder.resolve("table.csv"));
    Files.write(
        file,
        IntStream.range(0, lines.size())
            .mapToObj(row -> (row == 0 ? "id" : "secret" + row) + "," + lines.get(row))
            .toList());
    TrainingTable training =
        TrainingTable.read(
            TrainingTable.Source.of(file.toString(), "bought", "yes", List.of("id"), null, null),
            null,
            0);
    Path reference = folder.resolve(ModelFolder.REFERENCE);
    training.copyHoldout(file, 20, reference);
    List<String> copied = Files.readAllLines(reference);
    assertEquals(21, copied.size());
    assertTrue(lines.containsAll(copied), copied.toString());
  }

  @Test
  void columnsThatSayWhoGaveALabelAreNoFeaturesUnlessTheirTypeIsStated() throws IOException {
    Path file = folder.resolve("marked.csv");
    List<String> lines = Files.readAllLines(folder.resolve("table.csv"));
    Files.write(
        file,
        IntStream.range(0, lines.size())
            .mapToObj(
                row ->
                    (row == 0 ? "label_source,confidence," : "model,0." + (10 + row % 90) + ",")
                        + lines.get(row))
            .toList());
    List<String> columns = table(file).preprocessing().rawColumns();
    assertEquals(table(folder.resolve("table.csv")).preprocessing().rawColumns(), columns);
    TrainingTable.Source stated =
        TrainingTable.Source.of(
            file.toString(), "bought", "yes", null, null, List.of("confidence"));
    assertTrue(
        TrainingTable.read(stated, null, 0).preprocessing().rawColumns().contains("confidence"));
  }

  @Test
  void weightedClassesAreCalibrated() throws IOException {
    MadeTables.customers(folder.resolve("table.csv"), 4_000, 1);
    TrainModel.Output output = train("model", null, 4);
    ModelVersion version = ModelFolder.read(folder.resolve("model"), CodeTrust.REFUSED).version();
    ModelVersion.Calibration calibration = Objects.requireNonNull(version.calibration());
    assertEquals(600, calibration.rows());
    assertEquals(version.lineage().trainedOn(), calibration.fittedOn());
    Map<String, Double> measured = version.metrics().getOrDefault("calibration", Map.of());
    double before = measured.getOrDefault("expected_calibration_error_before", 0.0);
    double onTest = output.testMetrics().getOrDefault("expected_calibration_error", 1.0);
    assertTrue(onTest < before, onTest + " on test rows, before " + before);
    assertTrue(
        output.calibration().startsWith("The probabilities are calibrated by "),
        output.calibration());
  }

  @Test
  void theSameTableAndSeedGiveTheSameVersion() throws IOException {
    assertEquals(train("one", null, 1).modelId(), train("two", null, 1).modelId());
  }

  @Test
  void preprocessingSeesTrainingRowsOnly() throws IOException {
    TrainingTable table =
        TrainingTable.read(
            TrainingTable.Source.of(
                folder.resolve("table.csv").toString(), "bought", "yes", null, null, null),
            null,
            0);
    double[] ages = ages(folder.resolve("table.csv"));
    NumericColumn age =
        table.preprocessing().numeric().stream()
            .filter(column -> column.name().equals("age"))
            .findFirst()
            .orElseThrow();
    double[] training =
        IntStream.range(0, ages.length)
            .filter(row -> table.parts()[row] == Part.TRAINING.code())
            .mapToDouble(row -> ages[row])
            .sorted()
            .toArray();
    assertEquals(900 * 0.7, training.length, 2);
    double median = (training[(training.length - 1) / 2] + training[training.length / 2]) / 2;
    assertEquals(median, age.fill(), 1e-9);
  }

  @Test
  void trainingGoesOnFromAPretrainedEncoder() throws IOException {
    PretrainModel.Output encoder =
        new PretrainModel()
            .run(
                new PretrainModel.Input(
                    folder.resolve("table.csv").toString(),
                    "bought",
                    "yes",
                    null,
                    null,
                    null,
                    "toy",
                    ArchitectureChoice.MLP,
                    3,
                    1e-3,
                    64,
                    0.5,
                    0.3,
                    0,
                    folder.resolve("encoder").toString()),
                context());
    assertTrue(encoder.lastLoss() < encoder.firstLoss(), encoder.toString());
    ModelFolder.Content pretrained = ModelFolder.read(folder.resolve("encoder"), CodeTrust.REFUSED);
    assertEquals(ModelVersion.Kind.PRETRAINED, pretrained.version().kind());

    train("model", folder.resolve("encoder").toString(), 1);
    ModelVersion version = ModelFolder.read(folder.resolve("model"), CodeTrust.REFUSED).version();
    assertEquals(encoder.modelId(), version.lineage().finetunedFrom());
    assertEquals(pretrained.version().architecture(), version.architecture());
    assertEquals(pretrained.version().preprocessing(), version.preprocessing());
    assertNotEquals(pretrained.version().encoderHash(), version.encoderHash());
  }

  @Test
  void aClassOfTooFewRowsIsRefusedByName() throws IOException {
    Path table = folder.resolve("table.csv");
    Files.writeString(table, Files.readString(table) + "33,1.5,a,b,perhaps\n");
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> train("model", null, 1));
    assertEquals(
        "Too few rows for 1 of 3 classes of 'bought': 'perhaps' (1); training, validation and"
            + " hold-out need at least 4 together. Add rows of these classes, or remove them from"
            + " the table.",
        refusal.getMessage());
  }

  private static TrainingTable table(Path file) throws IOException {
    return TrainingTable.read(
        TrainingTable.Source.of(file.toString(), "bought", "yes", null, null, null), null, 0);
  }

  private TrainModel.Output train(String output, @Nullable String encoder, @Nullable Integer epochs)
      throws IOException {
    return new TrainModel()
        .run(
            new TrainModel.Input(
                folder.resolve("table.csv").toString(),
                "bought",
                "yes",
                null,
                null,
                null,
                "toy",
                encoder,
                false,
                ArchitectureChoice.MLP,
                epochs,
                epochs == null ? 3 : null,
                3e-3,
                32,
                true,
                Metric.F1_MACRO,
                0,
                folder.resolve(output).toString()),
            context());
  }

  /** A clock that is later at each call: a version's id must not depend on it. */
  private TestContext context() {
    return TestContext.withoutStore().at(TestContext.NOW.plus(Duration.ofSeconds(calls++)));
  }

  private int calls;

  /** The first column, row by row. */
  private static double[] ages(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .skip(1)
        .mapToDouble(line -> Double.parseDouble(line.substring(0, line.indexOf(','))))
        .toArray();
  }
}
