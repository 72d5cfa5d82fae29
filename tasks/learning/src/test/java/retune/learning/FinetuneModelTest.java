package retune.learning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.bson.Document;
import org.bson.types.Binary;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.core.data.Features;
import retune.core.finetuning.Strategy;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.devstore.EmbeddedStore;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.training.InitialWeights;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.evaluation.EvaluateModel;
import retune.steps.evaluation.PrepareRetrainingData;
import retune.testing.Calibrations;
import retune.testing.TestContext;

class FinetuneModelTest {
  private static final String BATCH = "toy/2026-11-05";
  private static final String CONTENT_HASH = "c0ffee".repeat(10);
  private static final int ROWS = 600;
  private static final Weights CHAMPION_WEIGHTS =
      InitialWeights.of(Examples.SMALL, Examples.schema(2, 3), 2, new SplittableRandom(1));
  private static final ModelVersion CHAMPION =
      Examples.version(Examples.SMALL, Examples.schema(2, 3), Examples.TARGET, CHAMPION_WEIGHTS);
  private static final String FEATURES = "features/" + CHAMPION.encoderHash() + "/" + CONTENT_HASH;

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final TestContext context =
      TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));
  private final ModelStore models = new ModelStore(context.store());

  @BeforeEach
  void registerTheChampion() {
    models.register(CHAMPION, CHAMPION_WEIGHTS, VersionStatus.DEPLOYED);
  }

  @AfterEach
  void close() {
    context.store().close();
    server.close();
  }

  @Test
  void aHeadIsTunedOnTheFeaturesThatTheEvaluationKept() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    new EvaluateModel()
        .run(new EvaluateModel.Input(CHAMPION.modelId(), BATCH, "test", 1, null, 0.8, 14), context);
    String uploaded = uploadDate();
    split();

    FinetuneModel.Output output = finetune(1);
    assertTrue(output.changed());
    assertEquals(CHAMPION.modelId(), output.finetunedFrom());
    assertEquals("head", output.strategy());
    assertEquals(BATCH, output.dataPath());
    assertTrue(Objects.requireNonNull(output.trainableShare()) < 0.2, output.toString());
    ModelVersion candidate = candidate(output);
    assertEquals(VersionStatus.CANDIDATE, models.status(candidate.modelId()));
    assertEquals(CHAMPION.encoderHash(), candidate.encoderHash());
    assertNotEquals(CHAMPION.weightsHash(), candidate.weightsHash());
    assertEquals(CHAMPION.decisionThreshold(), candidate.uncalibratedThreshold());
    assertEquals(output.validationMetrics(), metrics(candidate));
    assertEquals(output.validationMetrics(), output.testMetrics());
    double value = Objects.requireNonNull(output.validationValue());
    double bound = Objects.requireNonNull(output.validationLowerBound());
    assertEquals(output.validationMetrics().getOrDefault("f1_score", 0.0), value, 1e-12);
    assertTrue(bound < value && bound > value - 0.2, output.toString());
    assertTrue(value > output.championValidationValue(), output.toString());
    assertNull(output.reason());
    assertEquals(candidate.lineage().epochs(), output.epochs());
    assertEquals(candidate.lineage().learningRate(), output.learningRate());
    assertEquals(CONTENT_HASH, candidate.lineage().trainedOn());
    assertEquals(5, candidate.lineage().history().size());
    assertEquals(uploaded, uploadDate(), "the encoded features were written again");
  }

  @Test
  void aCandidateIsCalibratedOnTheValidationRows() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    ModelVersion candidate = models.get(Objects.requireNonNull(finetune(1).modelId()));
    ModelVersion.Calibration calibration = Objects.requireNonNull(candidate.calibration());
    assertEquals(CONTENT_HASH, calibration.fittedOn());
    Map<String, Double> measured = candidate.metrics().getOrDefault("calibration", Map.of());
    assertEquals(calibration.rows(), measured.getOrDefault("rows", 0.0));
    assertEquals(calibration.rows(), candidate.lineage().hyperparameters().get("validation_rows"));
    assertTrue(
        measured.getOrDefault("log_loss_after", 9.0)
            < measured.getOrDefault("log_loss_before", 0.0),
        measured.toString());
    assertTrue(
        metrics(candidate).getOrDefault("log_loss", 9.0)
            < measured.getOrDefault("log_loss_before", 0.0),
        metrics(candidate).toString());
  }

  @Test
  void aHeadKeepsTheThresholdOfTheLogitsAndIsCalibratedAnew() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    Calibrator platt = new Calibrator.Platt(0.5, -1);
    ModelVersion champion =
        CHAMPION.withCalibration(
            Calibrations.by(platt, CHAMPION.target(), CHAMPION.decisionThreshold()), "4567");
    assertNotEquals(CHAMPION.decisionThreshold(), champion.decisionThreshold());
    models.register(champion, CHAMPION_WEIGHTS, VersionStatus.APPROVED);

    FinetuneModel.Output ofPlain = finetune(1);
    FinetuneModel.Output output =
        new FinetuneModel().run(input(champion.modelId(), 1, null, 1e-3), context);
    ModelVersion candidate = models.get(Objects.requireNonNull(output.modelId()));
    assertEquals(CHAMPION.decisionThreshold(), candidate.uncalibratedThreshold());
    assertNotEquals(platt, Objects.requireNonNull(candidate.calibration()).calibrator());
    assertEquals(
        models.get(Objects.requireNonNull(ofPlain.modelId())).weightsHash(),
        candidate.weightsHash());
    assertEquals(ofPlain.championValidationValue(), output.championValidationValue());
  }

  @Test
  void theParentKeepsItsBytes() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    finetune(3);
    assertEquals(CHAMPION_WEIGHTS.hash(), models.weights(models.get(CHAMPION.modelId())).hash());
    assertEquals(VersionStatus.DEPLOYED, models.status(CHAMPION.modelId()));
  }

  @Test
  void aRepeatedAttemptIsTheSameVersion() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    for (int attempt = 1; attempt <= 3; attempt++) {
      FinetuneModel.Output first = finetune(attempt);
      FinetuneModel.Output again =
          new FinetuneModel()
              .run(input(attempt), context.at(TestContext.NOW.plus(Duration.ofHours(1))));
      assertEquals(first.modelId(), again.modelId());
      assertEquals(first.testMetrics(), again.testMetrics());
      assertTrue(first.changed());
      assertFalse(again.changed());
    }
    assertEquals(4, context.store().collection("model_metadata").countDocuments());
    assertEquals(3, context.store().collection("attempts").countDocuments());
  }

  @Test
  void laterAttemptsTryMore() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    ModelVersion longer = candidate(finetune(2));
    assertEquals("head_long", longer.lineage().strategy());
    assertEquals(20, longer.lineage().epochs());
    assertEquals(1e-2, longer.lineage().learningRate(), 1e-12);
    assertEquals(CHAMPION.encoderHash(), longer.encoderHash());
    assertNotEquals(CHAMPION.decisionThreshold(), longer.uncalibratedThreshold());

    FinetuneModel.Output whole = finetune(3);
    assertEquals("full", whole.strategy());
    assertEquals(1, whole.trainableShare());
    assertNotEquals(CHAMPION.encoderHash(), candidate(whole).encoderHash());
    double before = metrics(longer).getOrDefault("f1_score", 0.0);
    assertTrue(before > 0.4, "after attempt 2: " + before);
  }

  @Test
  void aNamedStrategyIsTrainedWhateverTheAttempt() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    FinetuneModel.Output output =
        new FinetuneModel().run(input(CHAMPION.modelId(), 5, Strategy.HEAD_NEW, 1e-3), context);
    assertEquals("head_new", output.strategy());
    ModelVersion candidate = candidate(output);
    assertEquals(CHAMPION.encoderHash(), candidate.encoderHash());
    assertEquals(CHAMPION.architecture(), candidate.architecture());
    assertEquals(5.0, candidate.lineage().hyperparameters().get("attempt"));

    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> new FinetuneModel().run(input(CHAMPION.modelId(), 5, null, 1e-3), context));
    assertEquals(
        "Attempt 5 has no strategy of its own; name one with --strategy.", refusal.getMessage());
  }

  @Test
  void withoutEpochsTrainingStopsWhenTheValidationMetricNoLongerImproves() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    FinetuneModel.Input given = input(1);
    FinetuneModel.Input open =
        new FinetuneModel.Input(
            given.modelId(),
            given.dataPath(),
            null,
            1,
            Strategy.HEAD_LONG,
            null,
            1e-3,
            64,
            true,
            Metric.F1_SCORE,
            0);
    FinetuneModel.Output output = new FinetuneModel().run(open, context);
    ModelVersion candidate = candidate(output);
    int rounds = candidate.lineage().history().size();
    int best = Objects.requireNonNull(output.bestEpoch());
    assertEquals(rounds, output.epochs());
    assertEquals(50.0, candidate.lineage().hyperparameters().get("round_steps"));
    assertTrue(rounds == 40 || rounds == best + 8, rounds + " rounds, the best " + best);
    assertEquals(output.modelId(), new FinetuneModel().run(open, context).modelId());

    ModelVersion fixed = candidate(finetune(1));
    assertFalse(fixed.lineage().hyperparameters().containsKey("round_steps"));
    assertEquals(5, fixed.lineage().epochs());
  }

  @Test
  void anAttemptThatFindsNothingBetterThanTheChampionRegistersNothing() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    FinetuneModel.Input still = input(CHAMPION.modelId(), 1, null, 1e-9);
    FinetuneModel.Output output = new FinetuneModel().run(still, context);
    assertNull(output.modelId());
    assertNull(output.validationValue());
    assertEquals(Map.of(), output.testMetrics());
    assertFalse(output.changed());
    String sentence =
        "Attempt 1 \\(head\\) registers no candidate: its f1_score on the validation rows is at"
            + " best (0\\.\\d{4}), the champion's \\1\\.";
    assertTrue(String.valueOf(output.reason()).matches(sentence), output.toString());
    assertEquals(output, new FinetuneModel().run(still, context));

    assertEquals(1, context.store().collection("model_metadata").countDocuments());
    Document kept = Objects.requireNonNull(context.store().collection("attempts").find().first());
    assertEquals(output.reason(), kept.getString("reason"));
    assertEquals("head", kept.getString("strategy"));
    assertTrue(kept.containsKey("model_id") && kept.get("model_id") == null, kept.toJson());
    assertEquals(1, context.store().collection("attempts").countDocuments());
  }

  @Test
  void theHoldOutHasNoSayInTraining() {
    int[] labels = Examples.labelled(ROWS, 1).labels();
    writeBatch(labels);
    String splitId = split();
    String candidate = candidate(finetune(1)).modelId();

    Document split = context.store().events().find("data_splits", splitId).orElseThrow();
    byte[] assignment = split.get("assignment", Binary.class).getData();
    int[] holdout = new Split(assignment).rows(Part.HOLDOUT);
    Arrays.stream(holdout).forEach(row -> labels[row] = 1 - labels[row]);
    context.store().collection("processing_metadata").deleteMany(new Document());
    context.store().collection("processed_columns").deleteMany(new Document());
    writeBatch(labels);
    assertEquals(candidate, finetune(1).modelId());
  }

  @Test
  void missingAndDamagedFeaturesAreComputedAgain() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    String candidate = candidate(finetune(1)).modelId();
    byte[] features = context.store().blobs().get(FEATURES).orElseThrow();

    context
        .store()
        .collection("fs.chunks")
        .updateMany(Filters.eq("files_id", FEATURES), Updates.set("data", new Binary(new byte[9])));
    assertEquals(candidate, finetune(1).modelId());
    assertArrayEquals(features, context.store().blobs().get(FEATURES).orElseThrow());

    context.store().blobs().put(FEATURES, new byte[12]);
    assertEquals(candidate, finetune(1).modelId());
    assertArrayEquals(features, context.store().blobs().get(FEATURES).orElseThrow());
  }

  @Test
  void goldenRowsAreValidationRowsWithPytorchsLogits() {
    writeBatch(Examples.labelled(ROWS, 1).labels());
    split();
    ModelVersion candidate = candidate(finetune(3));
    Golden golden = Objects.requireNonNull(candidate.golden());
    Features rows = new Features(Examples.schema(2, 3), 8, golden.codes(), golden.numbers());
    try (Engine plain = new PlainEngine(candidate, models.weights(candidate), 1)) {
      float[] logits = plain.head(plain.encode(rows), 8);
      for (int i = 0; i < logits.length; i++) {
        assertEquals(logits[i], golden.logits()[i / 2][i % 2], 1e-4 * Math.max(1, logits[i]));
      }
    }
  }

  @Test
  void whatCannotBeUsedIsRefusedByName() {
    assertRefused("There is no complete processed batch 'toy/2026-11-05'");
    writeBatch(Examples.labelled(ROWS, 1).labels());
    assertRefused("There is no split of 'toy/2026-11-05' as it is now");
    split();
    context
        .store()
        .collection("processing_metadata")
        .updateMany(new Document(), Updates.set("preprocessing_hash", "other"));
    assertRefused("The batch 'toy/2026-11-05' was prepared with another preprocessing");

    Weights encoder = InitialWeights.encoderOf(CHAMPION_WEIGHTS);
    ModelVersion bare =
        Examples.version(Examples.SMALL, Examples.schema(2, 3), Examples.TARGET, encoder);
    models.register(bare, encoder, VersionStatus.CANDIDATE);
    assertRefused("'" + bare.modelId() + "' is an encoder without a head", bare.modelId());
  }

  private void assertRefused(String beginning) {
    assertRefused(beginning, CHAMPION.modelId());
  }

  private void assertRefused(String beginning, String modelId) {
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> new FinetuneModel().run(input(modelId, 1, null, 1e-3), context));
    assertTrue(String.valueOf(refusal.getMessage()).startsWith(beginning), refusal.toString());
  }

  private static Map<String, Double> metrics(ModelVersion version) {
    return version.metrics().getOrDefault("validation", Map.of());
  }

  private ModelVersion candidate(FinetuneModel.Output output) {
    return models.get(Objects.requireNonNull(output.modelId(), output.toString()));
  }

  private FinetuneModel.Output finetune(int attempt) {
    return new FinetuneModel().run(input(attempt), context);
  }

  private static FinetuneModel.Input input(int attempt) {
    return input(CHAMPION.modelId(), attempt, null, 1e-3);
  }

  private static FinetuneModel.Input input(
      String modelId, int attempt, @Nullable Strategy strategy, double learningRate) {
    return new FinetuneModel.Input(
        modelId, BATCH, null, attempt, strategy, 5, learningRate, 64, true, Metric.F1_SCORE, 0);
  }

  private String split() {
    return new PrepareRetrainingData()
        .run(
            new PrepareRetrainingData.Input(CHAMPION.modelId(), BATCH, 0.3, 0.2, 0, true, 0.5),
            context)
        .splitId();
  }

  private void writeBatch(int[] labels) {
    Features features = ((FeatureRows) Examples.labelled(ROWS, 1).input()).features();
    ProcessedBatch batch =
        new ProcessedBatch(
            BATCH,
            "toy",
            LocalDate.parse("2026-11-05"),
            "generated",
            "run",
            CONTENT_HASH,
            "raw",
            CHAMPION.preprocessing().hash(),
            features.schema(),
            ROWS,
            ROWS,
            ROWS,
            Map.of(),
            Map.of());
    Rows rows = new Rows(features, labels, LongStream.range(0, ROWS).toArray());
    context.store().processedBatches().write(batch, List.of(rows).iterator(), false);
  }

  private @Nullable String uploadDate() {
    Document file = context.store().collection("fs.files").find(Filters.eq(FEATURES)).first();
    return file == null ? null : String.valueOf(file.get("uploadDate"));
  }
}
