package retune.learning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import com.mongodb.MongoException;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.finetuning.HalfLife;
import retune.core.finetuning.Strategy;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.devstore.EmbeddedStore;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.training.ArchitectureChoice;
import retune.learning.training.FinetuningData;
import retune.learning.training.InitialWeights;
import retune.learning.training.LabelledRows;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.batch.Batch;
import retune.model.batch.CollectedDays;
import retune.model.batch.DataSplit;
import retune.runtime.ExitCode;
import retune.runtime.NotReadyException;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.testing.CutConnection;
import retune.testing.CutConnection.Moment;
import retune.testing.TestContext;

/** Candidates of a retraining on rows that are split by their hashes. */
class RetrainModelTest {
  private static final String SET = "toy/2026-11-05";
  private static final int ROWS = 800;
  private static final FeatureSchema SCHEMA = Examples.schema(2, 3);

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final TestContext context =
      TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));
  private final ModelStore models = new ModelStore(context.store());
  private final Champions champions = new Champions(context.store());

  @AfterEach
  void close() {
    context.store().close();
    server.close();
  }

  private ModelVersion champion(Architecture architecture, long seed) {
    Weights weights = InitialWeights.of(architecture, SCHEMA, 2, new SplittableRandom(seed));
    ModelVersion version = Examples.version(architecture, SCHEMA, Examples.TARGET, weights);
    models.register(version, weights, VersionStatus.DEPLOYED);
    put(version);
    return version;
  }

  private void put(ModelVersion version) {
    champions
        .find("toy")
        .ifPresentOrElse(
            now -> champions.promote(now, version.modelId(), version.modelId()),
            () -> champions.install("toy", version.modelId()));
  }

  /** Stores a training set and its split. */
  private void write(ModelVersion version) {
    LabelledRows rows = Examples.labelled(ROWS, 1);
    Examples.write(
        context.store(), SET, version, ((FeatureRows) rows.input()).features(), rows.labels());
    Batch batch = Batch.load(context, SET);
    DataSplit.forLife(batch, true, version.preprocessing(), 0.5)
        .keep(context, batch, DataSplit.planForLife(true));
  }

  private RetrainModel.Output retrain(Strategy... candidates) {
    return retrain(1, candidates);
  }

  private RetrainModel.Output retrain(int trials, Strategy... candidates) {
    return new RetrainModel().run(input(trials, candidates), context);
  }

  private static RetrainModel.Input input(int trials, Strategy... candidates) {
    return new RetrainModel.Input(
        "toy", SET, null, List.of(candidates), 5, 1e-3, 64, trials, null, Metric.F1_SCORE);
  }

  private ModelVersion best(RetrainModel.Output output) {
    return models.get(Objects.requireNonNull(output.modelId(), output.toString()));
  }

  private Document kept(int number) {
    return context.store().events().find("training_candidates", SET + "/" + number).orElseThrow();
  }

  @Test
  void aNetworkIsTrainedFromRandomWeightsWhateverTheChampionsAre() {
    ModelVersion champion = champion(Examples.SMALL, 1);
    write(champion);
    RetrainModel.Output output = retrain(Strategy.SCRATCH);
    ModelVersion candidate = best(output);
    assertEquals("scratch", output.strategy());
    assertEquals(champion.architecture(), candidate.architecture());
    assertEquals(champion.modelId(), candidate.lineage().finetunedFrom());
    assertEquals(1.0, candidate.lineage().hyperparameters().get("trainable_share"));
    assertTrue(Objects.requireNonNull(output.validationValue()) > 0.7, output.toString());

    put(champion(Examples.SMALL, 2));
    assertEquals(candidate.weightsHash(), best(retrain(Strategy.SCRATCH)).weightsHash());
    assertNotEquals(
        candidate.weightsHash(),
        best(retrain(Strategy.FULL)).weightsHash(),
        "full goes on from the champion");
  }

  @Test
  void anMlpIsTrainedFromRandomWeightsTooWhereNoCandidateIsNamed() {
    write(champion(ArchitectureChoice.MLP.architecture(), 1));
    assertEquals(Set.of("trees", "head_long", "scratch"), retrain().tried().keySet());
    put(champion(Examples.SMALL, 1));
    assertEquals(Set.of("trees", "head_long"), retrain().tried().keySet());
  }

  @Test
  void afterTreesTheNetworkThatTheyCameFromIsTrainedAnew() {
    write(champion(Examples.SMALL, 1));
    ModelVersion trees = best(retrain(Strategy.TREES));
    assertInstanceOf(Architecture.Trees.class, trees.architecture());
    put(trees);
    retrain(Strategy.SCRATCH);
    assertEquals("scratch", kept(1).getString("strategy"));
    assertFalse(kept(1).getList("history", Document.class).isEmpty());

    ModelVersion brought = withoutParent(trees);
    put(brought);
    RetrainModel.Output output = retrain(Strategy.SCRATCH, Strategy.TREES);
    assertEquals("trees", output.strategy());
    assertEquals(
        ("Attempt 1 (scratch) registers no candidate: %s is boosted trees, and no version that it"
                + " was made from is a network that Retune can draw weights for. head_new trains a"
                + " new head on it, trees boosts new trees.")
            .formatted(brought.modelId()),
        output.tried().get("scratch"));
  }

  private ModelVersion withoutParent(ModelVersion trees) {
    Weights weights = models.weights(trees);
    ModelVersion brought =
        ModelVersion.of(
            "toy",
            TestContext.NOW,
            new ModelVersion.Design(trees.architecture(), trees.preprocessing(), trees.target()),
            new ModelVersion.Lineage(null, "imported", 0, 0, "0123", Map.of(), List.of()),
            weights);
    models.register(brought, weights, VersionStatus.APPROVED);
    return brought;
  }

  @Test
  void eachCandidateKeepsItsEpochsAlsoWhereItIsNotRegistered() {
    ModelVersion first = champion(Examples.SMALL, 1);
    write(first);
    ModelVersion good = best(retrain(Strategy.SCRATCH));
    put(good);
    RetrainModel.Output output = retrain(Strategy.TREES, Strategy.HEAD, Strategy.THRESHOLD);
    for (int number = 1; number <= 2; number++) {
      Document kept = kept(number);
      List<Document> history = kept.getList("history", Document.class);
      double[] losses =
          history.stream().mapToDouble(epoch -> epoch.getDouble("val_loss")).toArray();
      assertEquals(kept.getDouble("val_loss"), losses[kept.getInteger("best_epoch") - 1]);
      assertTrue(DoubleStream.of(losses).allMatch(Double::isFinite));
      assertTrue(history.getFirst().getDouble("train_loss") > 0);
      assertEquals(number == 2, history.getFirst().containsKey("f1_score"));
    }
    Document trees = kept(1);
    int least = trees.getInteger("best_epoch") - 1;
    List<Document> rounds = trees.getList("history", Document.class);
    assertTrue(
        rounds.stream()
            .allMatch(
                round -> round.getDouble("val_loss") >= rounds.get(least).getDouble("val_loss")));
    Document threshold = kept(3);
    assertNull(threshold.get("val_loss"));
    assertEquals(List.of(), threshold.getList("history", Document.class));
    assertEquals(3, output.tried().size());
  }

  @Test
  void eachTrialHasSettingsOfItsOwnAndTheValidationRowsChoose() {
    write(champion(Examples.SMALL, 1));
    RetrainModel.Output output = retrain(3, Strategy.TREES, Strategy.HEAD_LONG, Strategy.PRIOR);
    assertEquals(
        List.of(
            "trees",
            "head_long",
            "prior",
            "trees, trial 2",
            "head_long, trial 2",
            "trees, trial 3",
            "head_long, trial 3"),
        List.copyOf(output.tried().keySet()));
    List<Document> all = IntStream.rangeClosed(1, 7).mapToObj(this::kept).toList();
    assertEquals(
        7,
        all.stream()
            .map(kept -> kept.get("settings") + kept.getString("strategy"))
            .distinct()
            .count());
    Document best =
        all.stream()
            .filter(kept -> kept.getString("model_id") != null)
            .max(Comparator.comparingDouble(kept -> kept.getDouble("validation_value")))
            .orElseThrow();
    assertEquals(best.getString("model_id"), output.modelId());
    assertEquals(
        output.modelId(), retrain(3, Strategy.TREES, Strategy.HEAD_LONG, Strategy.PRIOR).modelId());
  }

  @Test
  void rowsWeighByAgeInTheLossOfWhatIsTrainedAndTheRecordSaysSo() {
    ModelVersion champion = champion(Examples.SMALL, 1);
    write(champion);
    RetrainModel.Input weighed =
        new RetrainModel.Input(
            "toy",
            SET,
            null,
            List.of(Strategy.HEAD_LONG, Strategy.TREES, Strategy.THRESHOLD),
            5,
            1e-3,
            64,
            1,
            10.0,
            Metric.F1_SCORE);
    assertRefused(
        "'%s' is no training set, so that its rows have no age; leave half_life_days out."
            .formatted(SET),
        () -> new RetrainModel().run(weighed, context));

    collected(500, "2026-10-26", 300, "2026-11-05");
    FinetuningData data = FinetuningData.load(context, champion, SET, null, new HalfLife(10));
    double[] weights = Objects.requireNonNull(data.weights());
    assertEquals(0.5, weights[0] / weights[799], 1e-12);
    assertEquals(weights[0], weights[499]);
    assertEquals(weights[500], weights[799]);
    assertEquals(
        1,
        IntStream.of(data.rows(Part.TRAINING))
            .mapToDouble(row -> weights[row])
            .average()
            .orElseThrow(),
        1e-12);

    retrain(Strategy.HEAD_LONG, Strategy.TREES);
    List<Document> alike = List.of(kept(1), kept(2));
    new RetrainModel().run(weighed, context);
    for (int number = 1; number <= 2; number++) {
      Document settings = kept(number).get("settings", Document.class);
      assertEquals(10.0, settings.getDouble("half_life_days"));
      Document before = alike.get(number - 1);
      assertFalse(before.get("settings", Document.class).containsKey("half_life_days"));
      assertNotEquals(before.getDouble("val_loss"), kept(number).getDouble("val_loss"));
    }
    assertFalse(kept(3).get("settings", Document.class).containsKey("half_life_days"));
  }

  /** The rows are of two days. */
  private void collected(int older, String olderDay, int newer, String newerDay) {
    context
        .store()
        .events()
        .append(
            CollectedDays.COLLECTION,
            SET,
            new Document(
                "days",
                List.of(
                    new Document("logical_date", olderDay).append("first", 0).append("rows", older),
                    new Document("logical_date", newerDay)
                        .append("first", older)
                        .append("rows", newer))));
  }

  /** The head is registered, and the trees are being boosted, when the store goes away. */
  @Test
  void aStoreThatGoesDownInMidTrainingLeavesNothingHalfWrittenAndASecondRunEndsTheSame()
      throws IOException {
    write(champion(Examples.SMALL, 1));
    long before = context.store().collection("model_metadata").countDocuments();
    try (CutConnection connection =
            new CutConnection(server.uri(), Integer.MAX_VALUE, Moment.BEFORE_WRITE);
        DocumentStore through =
            DocumentStore.open(connection.uri(), Duration.ofMillis(300), TestContext.CLOCK)) {
      StepContext dying = new Dying(TestContext.of(through), connection);
      MongoException failure =
          assertThrows(
              MongoException.class,
              () -> new RetrainModel().run(input(1, Strategy.HEAD_LONG, Strategy.TREES), dying));
      assertInstanceOf(NotReadyException.class, DocumentStore.explain(failure));
    }
    assertTrue(ExitCode.NOT_READY.isRetryable());
    List<String> registered =
        context
            .store()
            .collection("model_metadata")
            .distinct("_id", String.class)
            .into(new ArrayList<>());
    assertEquals(before + 1, registered.size(), "the champion and the head");
    registered.forEach(modelId -> models.weights(models.get(modelId)));
    assertEquals(1, context.store().collection("training_candidates").countDocuments());
    assertEquals(1, context.store().collection("attempts").countDocuments());
    assertEquals("head_long", kept(1).getString("strategy"));

    RetrainModel.Output second = retrain(Strategy.HEAD_LONG, Strategy.TREES);
    RetrainModelTest undisturbed = new RetrainModelTest();
    try {
      undisturbed.write(undisturbed.champion(Examples.SMALL, 1));
      assertEquals(undisturbed.retrain(Strategy.HEAD_LONG, Strategy.TREES), second);
    } finally {
      undisturbed.close();
    }
  }

  /** Cuts the connection at the first round of boosting. */
  private record Dying(TestContext context, CutConnection connection) implements StepContext {
    @Override
    public RunIdentity run() {
      return context.run();
    }

    @Override
    public Clock clock() {
      return context.clock();
    }

    @Override
    public Settings settings() {
      return context.settings();
    }

    @Override
    public DocumentStore store() {
      return context.store();
    }

    @Override
    public void progress(String what, long done, long total) {
      if (what.equals("boosting")) {
        connection.close();
      }
    }

    @Override
    public void onStop(Runnable stop) {}
  }
}
