package retune.learning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.time.Duration;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.finetuning.Strategy;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.devstore.EmbeddedStore;
import retune.learning.training.InitialWeights;
import retune.model.Architecture;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.batch.Batch;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.deployment.ValidateModel;
import retune.steps.evaluation.PrepareRetrainingData;
import retune.testing.TestContext;

/** Attempts that boost trees, beside a network that is in production and after trees that are. */
class TreesFinetuningTest {
  private static final LocalDate DAY = LocalDate.parse("2026-11-05");
  private static final FeatureSchema SCHEMA = Examples.schema(2, 3);
  private static final Target THREE = new Target("default", List.of("a", "b", "c"), null);

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final TestContext context =
      TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));
  private final ModelStore models = new ModelStore(context.store());
  private final ModelVersion network = network(Examples.TARGET);

  @AfterEach
  void close() {
    context.store().close();
    server.close();
  }

  @Test
  void treesFollowANetworkAndEveryEngineAnswersAsXgboost() {
    Features features = Examples.features(SCHEMA, 1_500, 1);
    write(DAY, network, features, labels(features, 0));
    FinetuneModel.Output output = finetune(network, Strategy.TREES);
    assertEquals("trees", output.strategy());
    assertTrue(Objects.requireNonNull(output.validationValue()) > 0.9, output.toString());
    ModelVersion trees = models.get(Objects.requireNonNull(output.modelId()));
    assertInstanceOf(Architecture.Trees.class, trees.architecture());
    assertEquals(network.modelId(), trees.lineage().finetunedFrom());
    assertEquals(output.epochs(), trees.lineage().history().size());
    assertEquals(0.0, trees.lineage().hyperparameters().get("continued"));
    assertNull(trees.lineage().replayed());
    assertNotEquals(0.5, trees.decisionThreshold());
    new ValidateModel().run(new ValidateModel.Input(trees.modelId()), context);

    Features fresh = Examples.features(SCHEMA, 2_000, 2);
    assertTrue(accuracy(trees, fresh, labels(fresh, 0)) > 0.93);
  }

  @Test
  void aRepeatedAttemptIsTheSameVersion() {
    Features features = Examples.features(SCHEMA, 800, 1);
    write(DAY.minusDays(1), network, features, labels(features, 0));
    passed(DAY.minusDays(1));
    Features drifted = Examples.features(SCHEMA, 800, 2);
    write(DAY, network, drifted, labels(drifted, 1));
    for (Strategy strategy : List.of(Strategy.TREES, Strategy.TREES_REPLAY)) {
      FinetuneModel.Output first = finetune(network, strategy);
      FinetuneModel.Output again =
          new FinetuneModel()
              .run(input(network, strategy), context.at(TestContext.NOW.plus(Duration.ofHours(1))));
      assertEquals(Objects.requireNonNull(first.modelId()), again.modelId());
      assertTrue(first.changed());
      assertFalse(again.changed());
    }
  }

  @Test
  void moreThanTwoClassesAreLearntToo() {
    ModelVersion champion = network(THREE);
    Features features = Examples.features(SCHEMA, 2_000, 1);
    int[] labels =
        IntStream.range(0, 2_000)
            .map(
                row -> features.codes()[1][row] == 2 ? 2 : features.numbers()[0][row] > 0.5 ? 1 : 0)
            .toArray();
    write(DAY, champion, features, labels);
    FinetuneModel.Output output =
        new FinetuneModel().run(input(champion, Strategy.TREES, Metric.F1_MACRO), context);
    assertTrue(Objects.requireNonNull(output.validationValue()) > 0.97, output.toString());
    new ValidateModel()
        .run(new ValidateModel.Input(Objects.requireNonNull(output.modelId())), context);
  }

  @Test
  void treesInProductionAreBoostedFurtherOrReplaced() {
    Features features = Examples.features(SCHEMA, 1_500, 1);
    write(DAY, network, features, someWrong(labels(features, 0)));
    ModelVersion champion =
        models.get(Objects.requireNonNull(finetune(network, Strategy.TREES).modelId()));
    LocalDate next = DAY.plusDays(1);
    // What the champion knows still holds but for every fifth row, and the rows are few.
    Features few = Examples.features(SCHEMA, 400, 2);
    Arrays.setAll(few.codes()[0], row -> row % 5 == 0 ? 1 : 0);
    write(next, champion, few, someWrong(labels(few, 2)));
    FinetuneModel.Output output = finetune(champion, Strategy.TREES, next);
    ModelVersion successor = models.get(Objects.requireNonNull(output.modelId(), output.reason()));
    assertEquals(1.0, successor.lineage().hyperparameters().get("continued"));
    assertNotEquals(champion.encoderHash(), successor.encoderHash());
    new ValidateModel().run(new ValidateModel.Input(successor.modelId()), context);

    // Everything is the other way round: new trees take the place of the champion's.
    LocalDate turned = DAY.plusDays(2);
    Features drifted = Examples.features(SCHEMA, 1_500, 3);
    int[] opposite = Arrays.stream(labels(drifted, 0)).map(label -> 1 - label).toArray();
    write(turned, champion, drifted, opposite);
    ModelVersion replaced =
        models.get(Objects.requireNonNull(finetune(champion, Strategy.TREES, turned).modelId()));
    assertEquals(0.0, replaced.lineage().hyperparameters().get("continued"));
  }

  @Test
  void replayedRowsKeepWhatTheDayDoesNotShow() {
    // On ordinary days, code 1 of c0 turns the label round; the day has no such rows at all.
    Features ordinary = Examples.features(SCHEMA, 3_000, 1);
    write(DAY.minusDays(2), network, ordinary, labels(ordinary, 2));
    passed(DAY.minusDays(2));
    Features features = Examples.features(SCHEMA, 1_500, 2);
    Arrays.fill(features.codes()[0], 0);
    write(DAY, network, features, labels(features, 2));
    ModelVersion replayed =
        models.get(Objects.requireNonNull(finetune(network, Strategy.TREES).modelId()));
    assertEquals(List.of(hash(DAY.minusDays(2))), replayed.lineage().replayed());
    Map<String, Double> settings = replayed.lineage().hyperparameters();
    assertTrue(settings.getOrDefault("replayed_rows", 0.0) > 500, settings.toString());
    assertTrue(settings.getOrDefault("replay_share", 0.0) > 0, settings.toString());
    new ValidateModel().run(new ValidateModel.Input(replayed.modelId()), context);

    Features fresh = Examples.features(SCHEMA, 2_000, 3);
    assertTrue(accuracy(replayed, fresh, labels(fresh, 2)) > 0.9);
  }

  @Test
  void rowsThatContradictTheDayAreReplayedOnlyOnDemand() {
    Features ordinary = Examples.features(SCHEMA, 3_000, 1);
    write(DAY.minusDays(2), network, ordinary, someWrong(labels(ordinary, 0)));
    passed(DAY.minusDays(2));
    Features features = Examples.features(SCHEMA, 1_500, 2);
    int[] turned = Arrays.stream(labels(features, 0)).map(label -> 1 - label).toArray();
    write(DAY, network, features, someWrong(turned));
    FinetuneModel.Output both = finetune(network, Strategy.TREES);
    ModelVersion alone = models.get(Objects.requireNonNull(both.modelId()));
    ModelVersion beside = models.get(Objects.requireNonNull(both.alternativeModelId()));
    assertEquals(List.of(hash(DAY.minusDays(2))), beside.lineage().replayed());
    assertEquals(VersionStatus.CANDIDATE, models.status(beside.modelId()));
    FinetuneModel.Output again = finetune(network, Strategy.TREES);
    assertEquals(both.alternativeModelId(), again.alternativeModelId());
    assertFalse(again.changed());
    assertEquals(0.0, alone.lineage().hyperparameters().get("replay_share"));
    assertNull(alone.lineage().replayed());

    FinetuneModel.Output output = finetune(network, Strategy.TREES_REPLAY);
    assertEquals("trees_replay", output.strategy());
    assertNull(output.alternativeModelId());
    ModelVersion replayed = models.get(Objects.requireNonNull(output.modelId(), output.reason()));
    assertEquals(List.of(hash(DAY.minusDays(2))), replayed.lineage().replayed());
    Features fresh = Examples.features(SCHEMA, 2_000, 3);
    int[] today = Arrays.stream(labels(fresh, 0)).map(label -> 1 - label).toArray();
    assertTrue(accuracy(alone, fresh, today) > 0.9);
    assertTrue(accuracy(replayed, fresh, today) < accuracy(alone, fresh, today));
  }

  @Test
  void withoutOrdinaryRowsAReplayHasNothingToSay() {
    Features features = Examples.features(SCHEMA, 600, 1);
    write(DAY, network, features, labels(features, 0));
    FinetuneModel.Output output = finetune(network, Strategy.TREES_REPLAY);
    assertNull(output.modelId());
    assertEquals(
        "Attempt 1 (trees_replay) registers no candidate: no earlier day on which production"
            + " passed has rows that may be replayed.",
        output.reason());
  }

  @Test
  void aDayThatTeachesNothingRegistersNothing() {
    Features features = Examples.features(SCHEMA, 600, 1);
    write(DAY, network, features, new int[600]);
    String reason = String.valueOf(finetune(network, Strategy.TREES).reason());
    assertTrue(reason.contains("training rows have the class '0'."), reason);

    Features few = Examples.features(SCHEMA, 14, 1);
    int[] labels = IntStream.range(0, 14).map(row -> row % 2).toArray();
    // None judges or chooses for life, so that each part has as many rows of one class as of the
    // other, and the start is the best that so few rows give.
    long[] hashes =
        LongStream.range(0, 1_000)
            .filter(hash -> Split.forLife(hash) == Part.TRAINING)
            .limit(labels.length)
            .toArray();
    write(DAY.plusDays(1), network, few, labels, hashes);
    reason = String.valueOf(finetune(network, Strategy.TREES, DAY.plusDays(1)).reason());
    assertTrue(reason.contains("no round of boosting lowers the log loss"), reason);
    assertEquals(2, context.store().collection("attempts").countDocuments());
    assertEquals(1, context.store().collection("model_metadata").countDocuments());
  }

  @Test
  void aNumberThatIsNoneIsNamed() {
    Features features = Examples.features(SCHEMA, 600, 1);
    features.numbers()[1][7] = Float.POSITIVE_INFINITY;
    write(DAY, network, features, labels(features, 0));
    assertRefused("Row 7 has Infinity for 'n1'", () -> finetune(network, Strategy.TREES));
  }

  private double accuracy(ModelVersion version, Features features, int[] labels) {
    try (Engine engine = Engines.open(version, models.weights(version), features.rows())) {
      Predictions answers = new Predictor(version, engine).predict(features).against(labels);
      return Metric.ACCURACY.of(answers);
    }
  }

  /**
   * Labels of two classes.
   *
   * @param rule 0: code c1 and number n0 decide; 1: n1 instead; 2: code 1 of c0 turns them round
   */
  private static int[] labels(Features features, int rule) {
    return IntStream.range(0, features.rows())
        .map(
            row -> {
              float number = features.numbers()[rule == 1 ? 1 : 0][row];
              int label = features.codes()[1][row] + number > 1 ? 1 : 0;
              return rule == 2 && features.codes()[0][row] == 1 ? 1 - label : label;
            })
        .toArray();
  }

  /** An eighth of the labels turned, so that trees are not certain. */
  private static int[] someWrong(int[] labels) {
    SplittableRandom random = new SplittableRandom(5);
    return Arrays.stream(labels).map(label -> random.nextInt(8) == 0 ? 1 - label : label).toArray();
  }

  private ModelVersion network(Target target) {
    Weights weights =
        InitialWeights.of(Examples.SMALL, SCHEMA, target.classes().size(), new SplittableRandom(1));
    ModelVersion version = Examples.version(Examples.SMALL, SCHEMA, target, weights);
    models.register(version, weights, VersionStatus.DEPLOYED);
    return version;
  }

  private FinetuneModel.Output finetune(ModelVersion champion, Strategy strategy) {
    return finetune(champion, strategy, DAY);
  }

  private FinetuneModel.Output finetune(ModelVersion champion, Strategy strategy, LocalDate day) {
    return new FinetuneModel().run(input(champion, strategy, Metric.F1_SCORE, day), context);
  }

  private static FinetuneModel.Input input(ModelVersion champion, Strategy strategy) {
    return input(champion, strategy, Metric.F1_SCORE);
  }

  private static FinetuneModel.Input input(
      ModelVersion champion, Strategy strategy, Metric metric) {
    return input(champion, strategy, metric, DAY);
  }

  private static FinetuneModel.Input input(
      ModelVersion champion, Strategy strategy, Metric metric, LocalDate day) {
    return new FinetuneModel.Input(
        champion.modelId(), "toy/" + day, null, 1, strategy, 5, 1e-3, 64, true, metric, 0);
  }

  private static String hash(LocalDate day) {
    return Hashing.sha256("the rows of " + day);
  }

  /** Stores a day's rows and their split. */
  private void write(LocalDate day, ModelVersion version, Features features, int[] labels) {
    SplittableRandom random = new SplittableRandom(day.toEpochDay());
    write(day, version, features, labels, random.longs(features.rows()).toArray());
  }

  private void write(
      LocalDate day, ModelVersion version, Features features, int[] labels, long[] hashes) {
    String batchId = "toy/" + day;
    Examples.write(
        context.store(), batchId, version, hash(day), new Rows(features, labels, hashes));
    new PrepareRetrainingData()
        .run(
            new PrepareRetrainingData.Input(
                version.modelId(), Batch.load(context, batchId).id(), 0.3, 0.2, 0, true, 0.5),
            context);
  }

  /** Production passed on the day. */
  private void passed(LocalDate day) {
    context
        .store()
        .collection("outcomes")
        .insertOne(
            new Document("_id", "toy/" + day + "/1")
                .append("logical_date", day.toString())
                .append("revision", 1)
                .append("status", "approved"));
  }
}
