package retune.learning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.bson.Document;
import org.bson.types.Binary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.core.calibration.Calibrator.Prior;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.finetuning.Strategy;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.devstore.EmbeddedStore;
import retune.learning.torch.GoldenRows;
import retune.learning.training.InitialWeights;
import retune.model.Architecture;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Outputs;
import retune.model.engine.Predictor;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.deployment.ValidateModel;
import retune.steps.evaluation.PrepareRetrainingData;
import retune.testing.Calibrations;
import retune.testing.TestContext;

/** Attempts that train nothing: the correction of shares, and the decision threshold. */
class NoTrainingTest {
  private static final String DAY = "toy/2026-11-05";
  private static final int ROWS = 1_200;
  private static final FeatureSchema SCHEMA = Examples.schema(2, 3);
  private static final Target THREE = new Target("default", List.of("a", "b", "c"), null);

  /** Makes a random network's answers differ enough from each other to be right. */
  private static final Calibrator SHARP = new Calibrator.Platt(8, -1);

  private static final double[] AS_BEFORE = {0, 0};
  private static final double[] MORE_POSITIVES = {0, 2};

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final TestContext context =
      TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));
  private final ModelStore models = new ModelStore(context.store());

  @TempDir private Path folder;

  @AfterEach
  void close() {
    context.store().close();
    server.close();
  }

  @Test
  void moreOfAClassIsCorrectedWithoutTraining() {
    ModelVersion champion = calibrated(network(Examples.TARGET), SHARP);
    write(champion, MORE_POSITIVES);
    FinetuneModel.Output output = finetune(champion, Strategy.PRIOR, Metric.ACCURACY);
    assertEquals("prior", output.strategy());
    assertEquals(0, output.epochs());
    assertEquals(0.0, output.trainableShare());
    ModelVersion candidate = candidate(output);
    assertEquals(champion.weightsHash(), candidate.weightsHash());
    assertArrayEquals(
        Objects.requireNonNull(champion.golden()).logits(),
        Objects.requireNonNull(candidate.golden()).logits());
    assertEquals(champion.decisionThreshold(), candidate.decisionThreshold(), 1e-9);
    assertTrue(candidate.uncalibratedThreshold() < champion.uncalibratedThreshold());
    Prior prior =
        assertInstanceOf(Prior.class, Objects.requireNonNull(candidate.calibration()).calibrator());
    assertEquals(SHARP, prior.calibrator());
    assertEquals(2, prior.biases()[0], 0.4);
    assertEquals(
        candidate.lineage().hyperparameters().get("training_rows"), candidate.calibration().rows());
    assertTrue(candidate.calibrationShares().orElseThrow()[1] > 0.3);
    assertTrue(
        candidate
            .calibrationSentence()
            .contains("calibrated by platt and corrected for the shares of the classes on"),
        candidate.calibrationSentence());
    new ValidateModel().run(new ValidateModel.Input(candidate.modelId()), context);

    Features fresh = Examples.features(SCHEMA, 4_000, 9);
    int[] labels = labels(champion, fresh, MORE_POSITIVES, 9);
    assertTrue(
        accuracy(candidate, fresh, labels) > accuracy(champion, fresh, labels) + 0.05,
        "on fresh rows");
    assertEquals(
        Objects.requireNonNull(champion.calibration()),
        models.get(champion.modelId()).calibration());

    FinetuneModel.Output again =
        new FinetuneModel()
            .run(
                input(champion, Strategy.PRIOR, Metric.ACCURACY),
                context.at(TestContext.NOW.plus(Duration.ofHours(1))));
    assertEquals(output.modelId(), again.modelId());
    assertFalse(again.changed());
  }

  @Test
  void sharesThatStayedHaveNothingToSay() {
    ModelVersion champion = calibrated(network(Examples.TARGET), SHARP);
    write(champion, AS_BEFORE);
    assertNothing(
        "correcting for the shares of the classes does not surely lower the log loss on validation"
            + " rows \\(0\\.\\d{4} without the correction, 0\\.\\d{4} with it\\)\\.",
        champion, Strategy.PRIOR, Metric.F1_MACRO);
  }

  @Test
  void theThresholdOfAnUncalibratedChampionIsChosenAndItsSharesAreNotCorrected() {
    ModelVersion champion = network(Examples.TARGET);
    write(calibrated(champion, SHARP), MORE_POSITIVES);
    FinetuneModel.Output output = finetune(champion, Strategy.THRESHOLD, Metric.F1_MACRO);
    ModelVersion candidate = candidate(output);
    assertEquals(champion.weightsHash(), candidate.weightsHash());
    assertNotEquals(champion.uncalibratedThreshold(), candidate.uncalibratedThreshold());
    assertFalse(candidate.calibrationWords().contains("corrected"), candidate.calibrationWords());
    Features fresh = Examples.features(SCHEMA, 4_000, 9);
    int[] labels = labels(calibrated(champion, SHARP), fresh, MORE_POSITIVES, 9);
    assertTrue(
        Metric.F1_MACRO.of(outputs(candidate, fresh).against(labels))
            > Metric.F1_MACRO.of(outputs(champion, fresh).against(labels)) + 0.05);
    assertEquals(
        output.modelId(), finetune(champion, Strategy.THRESHOLD, Metric.F1_MACRO).modelId());

    assertNothing(
        "the champion's probabilities are not calibrated, so a change in the shares of the classes"
            + " cannot be told from their error\\.",
        champion,
        Strategy.PRIOR,
        Metric.F1_MACRO);
    assertNothing(
        "roc_auc does not depend on the decision threshold\\.",
        champion,
        Strategy.THRESHOLD,
        Metric.ROC_AUC);
  }

  @Test
  void severalClassesAreCorrectedAndTheExportSaysThatItIsNot() throws IOException {
    ModelVersion champion = calibrated(network(THREE), new Calibrator.Temperature(0.1));
    write(champion, 0, 0, 2);
    ModelVersion candidate = candidate(finetune(champion, Strategy.PRIOR, Metric.ACCURACY));
    Features fresh = Examples.features(SCHEMA, 3_000, 9);
    int[] labels = labels(champion, fresh, new double[] {0, 0, 2}, 9);
    assertTrue(accuracy(candidate, fresh, labels) > accuracy(champion, fresh, labels) + 0.02);
    ExportModel.Output exported =
        new ExportModel()
            .run(
                new ExportModel.Input(
                    null,
                    candidate.modelId(),
                    null,
                    ExportModel.Format.TORCHSCRIPT,
                    folder.resolve("model.pt").toString()),
                context);
    assertEquals(
        "The probabilities of the file, the softmax of its logits, are not calibrated, nor"
            + " corrected for the shares of the classes. So its most probable class is not always"
            + " the version's, whose model.json has the biases to add to the calibrated logits.",
        exported.probabilities());
    assertNothing(
        "a threshold decides between two classes, and the target has 3\\.",
        champion,
        Strategy.THRESHOLD,
        Metric.ACCURACY);
  }

  @Test
  void aClassThatTheDayLacksIsHardlyAnsweredAnyMore() {
    ModelVersion champion = calibrated(network(THREE), new Calibrator.Temperature(0.1));
    write(champion, 0, 0, -100);
    ModelVersion candidate = candidate(finetune(champion, Strategy.PRIOR, Metric.ACCURACY));
    Outputs outputs = outputs(candidate, Examples.features(SCHEMA, 1_000, 9));
    for (int row = 0; row < outputs.rows(); row++) {
      assertNotEquals(2, outputs.predicted(row));
      assertTrue(outputs.probability(row, 2) > 0 && outputs.probability(row, 2) < 0.1);
    }
    assertTrue(candidate.calibrationShares().isEmpty(), "one class has no share");
  }

  @Test
  void trainingRowsOfOneClassHaveNothingToSay() {
    ModelVersion champion = calibrated(network(Examples.TARGET), SHARP);
    write(champion, 0, -100);
    for (Strategy strategy : List.of(Strategy.PRIOR, Strategy.THRESHOLD)) {
      assertNothing(
          "all \\d+ training rows have the class '0'\\.", champion, strategy, Metric.ACCURACY);
    }
  }

  @Test
  void validationRowsOfOneClassAreRefusedWhereTheMetricNeedsTwo() {
    ModelVersion champion = calibrated(network(Examples.TARGET), SHARP);
    Features features = Examples.features(SCHEMA, ROWS, 1);
    int[] labels = labels(champion, features, MORE_POSITIVES, 1);
    String splitId = write(champion, features, labels);
    Document split = context.store().events().find("data_splits", splitId).orElseThrow();
    for (int row :
        new Split(split.get("assignment", Binary.class).getData()).rows(Part.VALIDATION)) {
      labels[row] = 1;
    }
    context.store().collection("processing_metadata").deleteMany(new Document());
    context.store().collection("processed_columns").deleteMany(new Document());
    Examples.write(context.store(), DAY, champion, Hashing.sha256(DAY), rows(features, labels));

    candidate(finetune(champion, Strategy.PRIOR, Metric.ACCURACY));
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class, () -> finetune(champion, Strategy.PRIOR, Metric.ROC_AUC));
    assertTrue(
        String.valueOf(refusal.getMessage()).startsWith("roc_auc is not defined on the"),
        refusal.toString());
  }

  @Test
  void boostedTreesAreCorrectedToo() {
    ModelVersion network = network(Examples.TARGET);
    Features features = Examples.features(SCHEMA, ROWS, 1);
    write(network, features, Examples.labelled(ROWS, 1).labels());
    ModelVersion trees = candidate(finetune(network, Strategy.TREES, Metric.F1_SCORE));
    assertInstanceOf(Architecture.Trees.class, trees.architecture());
    assertTrue(trees.calibrationShares().isPresent());
    ModelVersion champion = calibrated(trees, new Calibrator.Platt(0.4, 0));
    context.store().collection("processing_metadata").deleteMany(new Document());
    context.store().collection("processed_columns").deleteMany(new Document());
    context.store().collection("data_splits").deleteMany(new Document());
    write(champion, 0, -2);
    ModelVersion lenient = calibrated(trees, new Calibrator.Platt(0.4, 0), 0.02);
    for (Strategy strategy : List.of(Strategy.PRIOR, Strategy.THRESHOLD)) {
      boolean isPrior = strategy == Strategy.PRIOR;
      ModelVersion candidate =
          candidate(
              finetune(
                  isPrior ? champion : lenient,
                  strategy,
                  isPrior ? Metric.ACCURACY : Metric.F1_MACRO));
      assertEquals(champion.architecture(), candidate.architecture());
      assertEquals(champion.weightsHash(), candidate.weightsHash());
      new ValidateModel().run(new ValidateModel.Input(candidate.modelId()), context);
    }
  }

  private void assertNothing(
      String reason, ModelVersion champion, Strategy strategy, Metric metric) {
    FinetuneModel.Output output = finetune(champion, strategy, metric);
    assertNull(output.modelId(), output.toString());
    String all = "Attempt 1 \\(%s\\) registers no candidate: ".formatted(strategy.id()) + reason;
    assertTrue(String.valueOf(output.reason()).matches(all), output.toString());
  }

  private ModelVersion candidate(FinetuneModel.Output output) {
    return models.get(Objects.requireNonNull(output.modelId(), output.reason()));
  }

  private FinetuneModel.Output finetune(ModelVersion champion, Strategy strategy, Metric metric) {
    return new FinetuneModel().run(input(champion, strategy, metric), context);
  }

  private static FinetuneModel.Input input(
      ModelVersion champion, Strategy strategy, Metric metric) {
    return new FinetuneModel.Input(
        champion.modelId(), DAY, null, 1, strategy, 5, 1e-3, 64, true, metric, 0);
  }

  private ModelVersion network(Target target) {
    Weights weights =
        InitialWeights.of(Examples.SMALL, SCHEMA, target.classes().size(), new SplittableRandom(1));
    ModelVersion version =
        Examples.version(Examples.SMALL, SCHEMA, target, weights)
            .withGolden(GoldenRows.of(Examples.SMALL, weights, Examples.features(SCHEMA, 8, 7)));
    models.register(version, weights, VersionStatus.DEPLOYED);
    return version;
  }

  private ModelVersion calibrated(ModelVersion version, Calibrator calibrator) {
    return calibrated(version, calibrator, version.uncalibratedThreshold());
  }

  private ModelVersion calibrated(ModelVersion version, Calibrator calibrator, double threshold) {
    ModelVersion calibrated =
        version.withCalibration(Calibrations.by(calibrator, version.target(), threshold), "4567");
    models.register(calibrated, models.weights(version), VersionStatus.APPROVED);
    return calibrated;
  }

  private void write(ModelVersion version, double... biases) {
    Features features = Examples.features(SCHEMA, ROWS, 1);
    write(version, features, labels(version, features, biases, 1));
  }

  /** Stores the day's rows and returns the id of their split. */
  private String write(ModelVersion version, Features features, int[] labels) {
    Examples.write(context.store(), DAY, version, Hashing.sha256(DAY), rows(features, labels));
    return new PrepareRetrainingData()
        .run(
            new PrepareRetrainingData.Input(version.modelId(), DAY, 0.3, 0.2, 0, true, 0.5),
            context)
        .splitId();
  }

  private static Rows rows(Features features, int[] labels) {
    return new Rows(features, labels, LongStream.range(0, ROWS).toArray());
  }

  /** Labels drawn by the version's probabilities, whose logarithms these biases are added to. */
  private int[] labels(ModelVersion version, Features features, double[] biases, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Outputs outputs = outputs(version, features);
    int[] labels = new int[features.rows()];
    for (int row = 0; row < labels.length; row++) {
      double[] weights = outputs.probabilities(row);
      for (int label = 0; label < weights.length; label++) {
        weights[label] *= Math.exp(biases[label]);
      }
      double drawn = random.nextDouble(Arrays.stream(weights).sum());
      while (drawn >= weights[labels[row]] && labels[row] < weights.length - 1) {
        drawn -= weights[labels[row]++];
      }
    }
    return labels;
  }

  private Outputs outputs(ModelVersion version, Features features) {
    try (Engine engine = Engines.open(version, models.weights(version), features.rows())) {
      return new Predictor(version, engine).predict(features);
    }
  }

  private double accuracy(ModelVersion version, Features features, int[] labels) {
    return Metric.ACCURACY.of(outputs(version, features).against(labels));
  }
}
