package retune.learning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.Features;
import retune.core.finetuning.Strategy;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Selection;
import retune.core.metrics.Metric;
import retune.devstore.EmbeddedStore;
import retune.learning.torch.NetworkInput;
import retune.learning.torch.TorchEngine;
import retune.learning.torch.TorchModule;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.runtime.store.DocumentStore;
import retune.steps.authoring.RegisterModel;
import retune.steps.deployment.DeployModel;
import retune.steps.deployment.ValidateModel;
import retune.steps.evaluation.CheckModelPerformance;
import retune.steps.evaluation.EvaluateFinetunedModel;
import retune.steps.evaluation.EvaluateModel;
import retune.steps.evaluation.PrepareRetrainingData;
import retune.steps.evaluation.SendEvaluationResults;
import retune.steps.prediction.Predict;
import retune.testing.TestContext;

/** A network that PyTorch saved and Retune does not know, taken through a day on which it fails. */
class TorchScriptLoopTest {
  private static final String MODEL = "foreign";
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final String BATCH = MODEL + "/" + DATE;
  private static final int ROWS = 1000;
  private static final double THRESHOLD = 0.9;

  @TempDir private Path folder;

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final TestContext context =
      TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));
  private final ModelStore models = new ModelStore(context.store());

  @AfterEach
  void close() {
    context.store().close();
    server.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"usual_head", "unusual_head"})
  void aForeignNetworkIsEvaluatedTunedApprovedDeployedAndAnswers(String fixture)
      throws IOException {
    ModelVersion champion = importChampion(fixture);
    writeBatchThatContradicts(champion);
    EvaluateModel.Output before =
        new EvaluateModel()
            .run(
                new EvaluateModel.Input(champion.modelId(), BATCH, "test", 1, null, 0.8, 14),
                context);
    assertTrue(accuracy(before.metrics()) < 0.6, before.toString());
    assertEquals(
        "needs_retraining",
        new CheckModelPerformance()
            .run(
                new CheckModelPerformance.Input(
                    champion.modelId(),
                    BATCH,
                    Metric.ACCURACY,
                    THRESHOLD,
                    3,
                    Selection.FIRST_PASSING,
                    Evidence.POINT,
                    PromotionPolicy.FLOOR.text(),
                    0.05,
                    OnConflict.PROMOTE,
                    BelowGate.ALERT,
                    null),
                context)
            .status());
    new PrepareRetrainingData()
        .run(
            new PrepareRetrainingData.Input(champion.modelId(), BATCH, 0.3, 0.2, 0, true, 0.5),
            context);

    String gentle = finetune(champion, 1, "head").modelId();
    assertFalse(judge(gentle, champion, 1).passed());
    ModelVersion tuned = candidate(finetune(champion, 2, "head_long"), champion);
    EvaluateFinetunedModel.Output second = judge(tuned.modelId(), champion, 2);
    assertTrue(second.passed(), second.reason());
    ModelVersion fresh = candidate(finetune(champion, 3, "head_new"), champion);
    assertTrue(accuracy(fresh.metrics().getOrDefault("validation", Map.of())) > THRESHOLD);
    FinetuneModel.Output decided = finetune(champion, 4, Strategy.THRESHOLD, Metric.F1_SCORE);
    ModelVersion threshold =
        models.get(Objects.requireNonNull(decided.modelId(), decided.reason()));
    assertEquals(champion.weightsHash(), threshold.weightsHash());
    String refusal =
        String.valueOf(finetune(champion, 5, Strategy.PRIOR, Metric.ACCURACY).reason());
    assertTrue(refusal.contains("probabilities are not calibrated, so a change"), refusal);

    SendEvaluationResults.Output sent =
        new SendEvaluationResults()
            .run(new SendEvaluationResults.Input(MODEL, DATE, null, null, null, false), context);
    assertEquals(tuned.modelId(), sent.modelId());
    ValidateModel.Output valid =
        new ValidateModel().run(new ValidateModel.Input(tuned.modelId()), context);
    assertEquals("pytorch", valid.engine());
    assertTrue(
        new DeployModel()
            .run(new DeployModel.Input(MODEL, tuned.modelId(), DATE, null), context)
            .changed());
    assertChampionAnswersAs(tuned);
  }

  private ModelVersion importChampion(String fixture) throws IOException {
    Path weights = folder.resolve("weights.pt");
    Files.write(weights, TorchScriptImportTest.resource(fixture + ".pt"));
    Path spec = Files.writeString(folder.resolve("spec.json"), TorchScriptImportTest.SPEC);
    Path version = folder.resolve("version");
    new ImportModel()
        .run(
            new ImportModel.Input(
                weights.toString(), spec.toString(), null, version.toString(), false, true, null),
            context);
    RegisterModel.Output registered =
        new RegisterModel().run(new RegisterModel.Input(version.toString(), true, true), context);
    assertTrue(registered.champion());
    return models.get(registered.modelId());
  }

  /** Rows of both classes, labelled the other way round than the version orders them. */
  private void writeBatchThatContradicts(ModelVersion version) {
    Features features = Examples.features(version.preprocessing().schema(), ROWS, 1);
    int[] labels = new int[ROWS];
    try (Engine engine = Engines.open(version, models.weights(version))) {
      float[] logits = engine.head(engine.encode(features), ROWS);
      double[] scores =
          IntStream.range(0, ROWS)
              .mapToDouble(row -> logits[2 * row + 1] - logits[2 * row])
              .toArray();
      double median = Arrays.stream(scores).sorted().skip(ROWS / 2).findFirst().orElseThrow();
      for (int row = 0; row < ROWS; row++) {
        labels[row] = scores[row] < median ? 1 : 0;
      }
    }
    Examples.write(context.store(), BATCH, version, features, labels);
  }

  private FinetuneModel.Output finetune(ModelVersion champion, int attempt, String strategy) {
    FinetuneModel.Output output = finetune(champion, attempt, null, Metric.ACCURACY);
    assertEquals(strategy, output.strategy());
    return output;
  }

  private FinetuneModel.Output finetune(
      ModelVersion champion, int attempt, @Nullable Strategy strategy, Metric metric) {
    return new FinetuneModel()
        .run(
            new FinetuneModel.Input(
                champion.modelId(), BATCH, null, attempt, strategy, 5, 1e-3, 32, true, metric, 0),
            context);
  }

  private ModelVersion candidate(FinetuneModel.Output output, ModelVersion champion) {
    assertTrue(Objects.requireNonNull(output.trainableShare()) < 1, output.toString());
    ModelVersion candidate = models.get(Objects.requireNonNull(output.modelId()));
    assertEquals(champion.encoderHash(), candidate.encoderHash());
    return candidate;
  }

  private EvaluateFinetunedModel.Output judge(
      @Nullable String candidateId, ModelVersion champion, int attempt) {
    return new EvaluateFinetunedModel()
        .run(
            new EvaluateFinetunedModel.Input(
                candidateId, champion.modelId(), BATCH, attempt, null, null, null),
            context);
  }

  private void assertChampionAnswersAs(ModelVersion version) throws IOException {
    Features features = Examples.features(version.preprocessing().schema(), 5, 2);
    StringBuilder table = new StringBuilder("c0,c1,c2,n0,n1\n");
    for (int row = 0; row < 5; row++) {
      for (int[] codes : features.codes()) {
        table.append(codes[row]).append(',');
      }
      table.append(features.numbers()[0][row]).append(',').append(features.numbers()[1][row]);
      table.append('\n');
    }
    Path data = Files.writeString(folder.resolve("data.csv"), table);
    Path answers = folder.resolve("answers.csv");
    Predict.Output predicted =
        new Predict()
            .run(
                new Predict.Input(MODEL, null, null, false, data.toString(), answers.toString()),
                context);
    assertEquals(version.modelId(), predicted.modelId());
    assertEquals("pytorch", predicted.engine());

    Weights weights = models.weights(version);
    try (TorchModule module = new TorchModule(version.architecture(), features.schema(), weights)) {
      float[] logits =
          TorchEngine.run(
              module, TorchModule.Method.FORWARD, new NetworkInput.FeatureRows(features));
      List<String> lines = Files.readAllLines(answers);
      assertEquals(6, lines.size());
      for (int row = 0; row < 5; row++) {
        String[] fields = lines.get(row + 1).split(",", -1);
        assertEquals(logits[2 * row], Float.parseFloat(fields[1]), 1e-6);
        assertEquals(logits[2 * row + 1], Float.parseFloat(fields[2]), 1e-6);
      }
    }
  }

  private static double accuracy(Map<String, Double> metrics) {
    assertFalse(metrics.isEmpty());
    return metrics.getOrDefault("accuracy", Double.NaN);
  }
}
