package retune.steps.retraining;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.Deployment.MODEL;
import static retune.testing.Refusals.assertNotReady;
import static retune.testing.Refusals.assertRefused;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.core.triggers.OnDrift;
import retune.core.triggers.Request;
import retune.model.Champions.Champion;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.model.batch.ReplayRows;
import retune.runtime.store.Lease;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.Deployment;
import retune.steps.data.Ingest;
import retune.steps.data.ProcessData;
import retune.steps.deployment.DeployModel;
import retune.steps.deployment.WaitForModelReady;
import retune.steps.evaluation.PrepareRetrainingData;
import retune.testing.TestContext;

/** Retrainings of a model whose rows are labelled by the version with seed 1 or 4. */
class RetrainingTest {
  private static final Instant NOW = Instant.parse("2026-11-06T06:00:00Z");
  private static final int ROWS = 400;

  @TempDir Path folder;
  private Deployment deployment;
  private TestContext context;
  private String champion;

  @BeforeEach
  void installChampion() {
    deployment = new Deployment(folder);
    champion = deployment.installChampion(1);
    startRun("one");
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  private void startRun(String run) {
    context = deployment.context().at(NOW).inRun(run);
  }

  private void writeDays(int first, int last, int right) {
    for (int day = first; day <= last; day++) {
      Days.write(
          deployment, LocalDate.of(2026, 11, day), ROWS, Deployment.model(right, null), 0.02);
    }
  }

  private String register(int seed) {
    return deployment.register(Deployment.model(seed, champion), VersionStatus.CANDIDATE);
  }

  /** Starts a retraining whatever the triggers say; its id. */
  private String force() throws Exception {
    return Objects.requireNonNull(
        new CheckRetrainingTrigger()
            .run(
                new CheckRetrainingTrigger.Input(
                    MODEL,
                    List.of(),
                    100,
                    7,
                    30,
                    0.75,
                    100_000,
                    OnDrift.EVALUATE,
                    Evidence.POINT,
                    null,
                    "default",
                    Request.NONE,
                    true,
                    12,
                    false),
                context)
            .retrainingId());
  }

  private PrepareTrainingData.Output prepare(String retraining, int mostRows) {
    return new PrepareTrainingData()
        .run(new PrepareTrainingData.Input(MODEL, retraining, 30, mostRows), context);
  }

  private FilterTrainingData.Output filter(String retraining) {
    return new FilterTrainingData()
        .run(new FilterTrainingData.Input(MODEL, retraining, 0.5), context);
  }

  private String split(String retraining) {
    prepare(retraining, 200_000);
    return filter(retraining).splitId();
  }

  private CompareRetrainedModel.Output compare(
      String retraining, String split, @Nullable String candidate) {
    return compare(retraining, split, candidate, 0.8, OnConflict.PROMOTE);
  }

  private CompareRetrainedModel.Output compare(
      String retraining,
      String split,
      @Nullable String candidate,
      double threshold,
      OnConflict onConflict) {
    return new CompareRetrainedModel()
        .run(
            new CompareRetrainedModel.Input(
                MODEL,
                retraining,
                split,
                candidate,
                Metric.ACCURACY,
                threshold,
                Evidence.POINT,
                "floor",
                0.05,
                onConflict,
                BelowGate.ALERT),
            context);
  }

  /** What retrain_model keeps of a candidate. */
  private void trained(String retraining, int number, String strategy, @Nullable String modelId) {
    List<Document> history =
        Stream.of(0.9, 0.7, 0.6, 0.65)
            .map(loss -> new Document("train_loss", loss / 2).append("val_loss", loss))
            .toList();
    deployment
        .store
        .events()
        .record(
            "training_candidates",
            "%s/%s/%d".formatted(MODEL, retraining, number),
            new Document("number", number)
                .append("strategy", strategy)
                .append("metric", "accuracy")
                .append("model_id", modelId)
                .append("validation_value", 0.9)
                .append("champion_validation_value", 0.8)
                .append("train_samples", 1_400)
                .append("best_epoch", 3)
                .append("val_loss", 0.6)
                .append("history", history)
                .append("reason", modelId == null ? "it is not better" : null));
  }

  /** Production passed on the day. */
  private void passed(int day) {
    String date = LocalDate.of(2026, 11, day).toString();
    deployment
        .store
        .collection("outcomes")
        .insertOne(
            new Document("_id", MODEL + "/" + date + "/1")
                .append("logical_date", date)
                .append("revision", 1)
                .append("status", "approved"));
  }

  private PromoteModel.Output promote(String retraining) {
    return new PromoteModel().run(new PromoteModel.Input(MODEL, retraining), context);
  }

  private KeepModel.Output keep(String retraining, @Nullable String candidate) {
    return new KeepModel().run(new KeepModel.Input(MODEL, retraining, candidate), context);
  }

  private LogRetrainingEvent.Output log(String retraining) {
    return new LogRetrainingEvent().run(new LogRetrainingEvent.Input(MODEL, retraining), context);
  }

  private WaitForModelReady.Output ready(String retraining) throws Exception {
    return new WaitForModelReady()
        .run(new WaitForModelReady.Input(MODEL, null, retraining, 0), context);
  }

  @Test
  void aBetterVersionIsApprovedForTheDeploymentAndTheEventTellsIt() throws Exception {
    writeDays(1, 5, 4);
    passed(1);
    String retraining = force();
    assertNotReady("has no outcome after 0 s", () -> ready(retraining));
    String split = split(retraining);
    String candidate = register(4);
    trained(retraining, 1, "trees", candidate);
    trained(retraining, 2, "head_long", null);
    CompareRetrainedModel.Output compared = compare(retraining, split, candidate);
    assertTrue(compared.shouldPromote(), compared.promotionReason());
    assertTrue(
        compared.promotionReason().startsWith("Performance improved: accuracy +"),
        compared.promotionReason());
    Document page =
        deployment
            .store
            .events()
            .find("comparison_reports", Objects.requireNonNull(compared.report()))
            .orElseThrow();
    String html = page.getString("html");
    assertTrue(html.contains("The retrained version passes. Performance improved: accuracy +"));
    for (String part :
        List.of(
            "1,985 labelled rows of 5 days, 2026-11-01 to 2026-11-05",
            "<td>trees (chosen)</td>",
            "<td>3 of 4</td>",
            "Loss of trees",
            "<td>head_long</td>",
            "it is not better")) {
      assertTrue(html.contains(part), part);
    }
    assertTrue(promote(retraining).promoted());
    assertEquals(VersionStatus.APPROVED, deployment.models.status(candidate));
    assertEquals(
        champion, deployment.champions.get(MODEL).modelId(), "only the deployment moves it");

    LogRetrainingEvent.Output logged = log(retraining);
    assertEquals("deployed", logged.status());
    assertEquals(compared.report(), logged.report());
    assertEquals("forced", logged.trigger());
    Document event =
        deployment.store.events().find("retraining_events", logged.eventId()).orElseThrow();
    Document details = event.get("details", Document.class);
    assertEquals(5 * (ROWS - 3), details.getInteger("dataset_size"));
    assertEquals(
        details.get("filter_stats", Document.class).getInteger("original_count"),
        details.get("filter_stats", Document.class).getInteger("final_count"));
    assertTrue(details.get("comparison", Document.class).getBoolean("should_deploy"));
    Document history =
        deployment.store.events().find("training_history", MODEL + "/" + retraining).orElseThrow();
    assertEquals(candidate, history.getString("model_id"));
    assertEquals(1_400, history.getInteger("train_samples"));
    assertEquals(0.6, history.getDouble("val_loss"));
    assertFalse(history.getBoolean("drift_detected"));
    assertTrue(history.getBoolean("promoted"));
    assertTrue(history.containsKey("trained_at"));
    assertEquals(
        Set.of(
            "old_accuracy",
            "new_accuracy",
            "old_f1_macro",
            "new_f1_macro",
            "accuracy_improvement",
            "f1_improvement",
            "deployment_reason"),
        event.get("performance_summary", Document.class).keySet());

    assertEquals(candidate, ready(retraining).modelId());
    new DeployModel().run(new DeployModel.Input(MODEL, candidate, null, retraining), context);
    assertEquals(candidate, deployment.champions.get(MODEL).modelId());
    assertEquals(
        candidate,
        deployment.champions.get(MODEL).bestModelId(),
        "it has shown more on the ordinary rows of the first day");
    Document deployed = deployment.store.collection("deployment_events").find().first();
    assertEquals(retraining, Objects.requireNonNull(deployed).getString("retraining_id"));
    assertTrue(deployed.getString("reason").contains("is approved to follow " + champion));

    Path file = folder.resolve("retraining_events.jsonl");
    new ExportEvents().run(new ExportEvents.Input(MODEL, file.toString()), context);
    List<String> statuses =
        Files.readAllLines(file).stream()
            .map(line -> Document.parse(line).getString("status"))
            .toList();
    assertEquals(List.of("started", "deployed"), statuses);
  }

  @Test
  void aWorseVersionIsRejectedPeopleAreToldAndTheLeaseIsFree() throws Exception {
    writeDays(1, 5, 1);
    String retraining = force();
    String split = split(retraining);
    String candidate = register(4);
    CompareRetrainedModel.Output compared = compare(retraining, split, candidate);
    assertFalse(compared.shouldPromote());
    assertTrue(
        compared.promotionReason().startsWith("Performance degraded: accuracy -"),
        compared.promotionReason());
    assertTrue(keep(retraining, candidate).message().contains("is not promoted"));
    assertEquals(VersionStatus.REJECTED, deployment.models.status(candidate));
    assertEquals("Nothing was approved: the retraining ended as kept.", ready(retraining).reason());
    Document told = deployment.store.collection("notifications").find().first();
    assertEquals("retraining_rejected", Objects.requireNonNull(told).getString("type"));
    assertEquals("rejected", log(retraining).status());
    startRun("two");
    assertFalse(retraining.equals(force()), "the lease is free");
  }

  @ParameterizedTest
  @CsvSource({"PROMOTE, approved", "HOLD, rejected", "ASK, rejected"})
  void whatIsLostOnOrdinaryRowsIsToldOrHeldBack(OnConflict onConflict, String decision)
      throws Exception {
    writeDays(1, 2, 1);
    passed(1);
    passed(2);
    writeDays(3, 6, 4);
    String retraining = force();
    CompareRetrainedModel.Output compared =
        compare(retraining, split(retraining), register(4), 0.5, onConflict);
    assertEquals(decision, compared.decision(), compared.promotionReason());
    assertTrue(
        compared
            .promotionReason()
            .contains(
                "ordinary rows of the 2 days from 2026-11-01 to 2026-11-02 the candidate has"),
        compared.promotionReason());
  }

  @ParameterizedTest
  @CsvSource({"harm, 0", "low_auc, 0", "drift, 0", "schedule_monthly, 0.01", "forced, 0.01"})
  void aRetrainingThatIsToMendNothingMayLoseALittle(String trigger, double mayLose) {
    writeDays(1, 2, 4);
    String retraining = "retraining-" + trigger;
    RetrainingEvents.add(
        context, MODEL, retraining, trigger, RetrainingEvents.Status.STARTED, new Document());
    compare(retraining, split(retraining), register(4));
    Document judged = deployment.store.collection("retraining_judgements").find().first();
    assertEquals(mayLose, Objects.requireNonNull(judged).getDouble("may_lose"));
  }

  @Test
  void aTrainingThatFindsNothingKeepsTheChampion() throws Exception {
    writeDays(1, 2, 1);
    String retraining = force();
    assertFalse(compare(retraining, split(retraining), null).shouldPromote());
    assertEquals(champion, keep(retraining, null).modelId());
    trained(retraining, 1, "trees", null);
    LogRetrainingEvent.Output logged = log(retraining);
    assertEquals("rejected", logged.status());
    String page = page(logged);
    for (String part :
        List.of(
            "Retraining: rejected",
            champion + " stays: The training found no version that is better on the validation",
            "794 labelled rows of 2 days, 2026-11-01 to 2026-11-02",
            "0 duplicates, 0 malformed",
            "<td>trees</td>",
            "it is not better")) {
      assertTrue(page.contains(part), part + " in " + page);
    }
    assertFalse(page.contains("On the hold-out"));
  }

  @Test
  void aRetrainingThatFailedSaysWhereItStoppedAndWhy() throws Exception {
    String retraining = force();
    assertRefused("has no day with labelled rows", () -> prepare(retraining, 1_000));
    String noRows = page(log(retraining));
    for (String part :
        List.of(
            "Retraining: failed",
            "prepare_training_data refused to go on: &#39;credit-default&#39; has no day with"
                + " labelled",
            "No candidate was trained.")) {
      assertTrue(noRows.contains(part), part + " in " + noRows);
    }

    startRun("two");
    Days.write(deployment, LocalDate.of(2026, 11, 1), 5, Deployment.model(4, null), 0);
    String second = force();
    prepare(second, 1_000);
    assertRefused("has too few labelled rows for a retraining", () -> filter(second));
    String fewRows = page(log(second));
    assertTrue(fewRows.contains("2 labelled rows of 1 days"), fewRows);
    assertTrue(
        fewRows.contains("filter_training_data refused to go on")
            && fewRows.contains("too few labelled rows for a retraining"),
        fewRows);

    startRun("three");
    writeDays(2, 4, 4);
    String third = force();
    split(third);
    trained(third, 1, "trees", register(4));
    String killed = page(log(third));
    assertTrue(killed.contains("It stopped in train_model or compare_models."), killed);
    assertTrue(killed.contains("<td>trees</td>"), killed);
  }

  @Test
  void aRefusalThatALaterTryOvercameIsNotTheReason() throws Exception {
    String retraining = force();
    assertRefused("has no day with labelled rows", () -> prepare(retraining, 1_000));
    writeDays(1, 2, 4);
    prepare(retraining, 1_000);
    String page = page(log(retraining));
    assertTrue(page.contains("It stopped in filter_training_data."), page);
    assertFalse(page.contains("no day with labelled rows"), page);
  }

  private String page(LogRetrainingEvent.Output logged) {
    return deployment
        .store
        .events()
        .find("comparison_reports", logged.report())
        .orElseThrow()
        .getString("html");
  }

  @Test
  void aVersionIsComparedAgainWhereTheChampionWasReplacedMeanwhile() throws Exception {
    writeDays(1, 5, 4);
    String retraining = force();
    String split = split(retraining);
    String candidate = register(8);
    String better = deployment.register(Deployment.model(4, null), VersionStatus.APPROVED);
    compare(retraining, split, candidate);
    Champion before = deployment.champions.get(MODEL);
    assertTrue(deployment.champions.promote(before, better, better));
    PromoteModel.Output ended = promote(retraining);
    assertFalse(ended.promoted());
    assertEquals(better, ended.championId());
    assertEquals(better, ended.modelId());
    assertEquals(
        2, deployment.store.collection("retraining_judgements").countDocuments(), "one each");
  }

  @Test
  void aVersionThatWasApprovedBeforeAnotherWentIntoProductionIsNotDeployed() throws Exception {
    writeDays(1, 5, 4);
    String retraining = force();
    String candidate = register(4);
    compare(retraining, split(retraining), candidate);
    assertTrue(promote(retraining).promoted());
    String other = deployment.register(Deployment.model(7, null), VersionStatus.APPROVED);
    assertTrue(deployment.champions.promote(deployment.champions.get(MODEL), other, other));
    assertTrue(ready(retraining).reason().contains("was compared with " + champion));
    assertRefused(
        "retrain again",
        () ->
            new DeployModel()
                .run(new DeployModel.Input(MODEL, candidate, null, retraining), context));
  }

  @Test
  void theHoldOutOfADateJudgesOnce() throws Exception {
    writeDays(1, 5, 4);
    String first = force();
    compare(first, split(first), register(7));
    keep(first, null);
    log(first);
    startRun("two");
    String second = force();
    CompareRetrainedModel.Output again = compare(second, split(second), register(4));
    assertFalse(again.shouldPromote());
    assertTrue(
        again.promotionReason().startsWith("There is no row to compare on"),
        again.promotionReason());
    keep(second, null);
    log(second);
    writeDays(6, 6, 4);
    startRun("three");
    String third = force();
    assertTrue(compare(third, split(third), register(4)).shouldPromote(), "a new date judges");
  }

  @Test
  void aRetrainingThatLostItsLeasePromotesNothing() throws Exception {
    writeDays(1, 5, 4);
    String retraining = force();
    split(retraining);
    TestContext late = context;
    context = context.at(NOW.plus(Duration.ofHours(13))).inRun("two");
    String other = force();
    context = late;
    assertRefused(
        "'%s' has no lease of 'credit-default' any more, %s has; nothing is promoted."
            .formatted(retraining, other),
        () -> promote(retraining));
    assertEquals("failed", log(retraining).status());
    assertTrue(Lease.toRetrain(deployment.store, MODEL).isOf(other), "the other keeps it");
    Document told = deployment.store.collection("notifications").find().first();
    assertEquals("retraining_failed", Objects.requireNonNull(told).getString("type"));
  }

  @Test
  void aRowHasTheSamePartInEveryRetrainingAndADayKnowsWhatItGave() throws Exception {
    writeDays(1, 4, 4);
    String retraining = force();
    PrepareTrainingData.Output prepared = prepare(retraining, 200_000);
    assertEquals(4 * (ROWS - 3), prepared.rows());
    assertEquals(prepared, prepare(retraining, 200_000), "a second try finds the set");
    FilterTrainingData.Output filtered = filter(retraining);
    assertEquals(filtered, filter(retraining));
    int all = prepared.rows();
    assertEquals(
        all, filtered.trainSamples() + filtered.validationSamples() + filtered.holdoutSamples());
    assertEquals(0.70, (double) filtered.trainSamples() / all, 0.04);
    assertEquals(0.15, (double) filtered.holdoutSamples() / all, 0.04);

    Batch set = Batch.load(context, prepared.dataPath());
    Batch day = Batch.load(context, MODEL + "/2026-11-03");
    boolean[] seen = DataSplit.seenRows(context, day.description(), Set.of(set.contentHash()));
    for (int row = 3; row < ROWS; row++) {
      assertEquals(Split.forLife(day.rows().rowHashes()[row]) != Part.HOLDOUT, seen[row]);
    }
  }

  @Test
  void aRowThatJudgesRetrainingsTrainsNeitherOnItsDayNorByReplay() throws Exception {
    writeDays(1, 4, 4);
    passed(2);
    Set<String> trainedOn = new HashSet<>();
    for (int day = 1; day <= 3; day++) {
      Batch batch = Batch.load(context, MODEL + "/2026-11-0" + day);
      DataSplit split = DataSplit.find(context, batch, prepareDay(batch));
      for (int row : split.split().rows(Part.TRAINING)) {
        assertEquals(Part.TRAINING, Split.forLife(batch.rows().rowHashes()[row]));
      }
      for (int row : split.split().rows(Part.VALIDATION)) {
        assertNotEquals(Part.HOLDOUT, Split.forLife(batch.rows().rowHashes()[row]));
      }
      trainedOn.add(batch.contentHash());
    }
    Batch last = Batch.load(context, MODEL + "/2026-11-04");
    ReplayRows replay = ReplayRows.before(context, last, 100, 20).orElseThrow();
    replay.contents().forEach(content -> trainedOn.add(ModelVersion.Lineage.replayOf(content)));

    String retraining = force();
    String split = split(retraining);
    TrainingSet set = TrainingSet.get(context, MODEL, retraining);
    Batch collected = Batch.load(context, set.dataPath());
    int[] holdout = DataSplit.find(context, collected, split).split().rows(Part.HOLDOUT);
    long[] hashes = collected.rows().rowHashes();
    assertTrue(holdout.length > 100);
    assertArrayEquals(holdout, set.unseen(context, holdout, hashes, trainedOn));
    int[] all = IntStream.range(0, hashes.length).toArray();
    assertTrue(
        set.unseen(context, all, hashes, trainedOn).length < all.length / 2,
        "the days have trained on the others");
  }

  private String prepareDay(Batch day) {
    return new PrepareRetrainingData()
        .run(new PrepareRetrainingData.Input(champion, day.id(), 0.3, 0.2, 0, true, 0.5), context)
        .splitId();
  }

  @Test
  void aLargeSetTakesTheSameShareOfEachDay() throws Exception {
    writeDays(1, 4, 4);
    String retraining = force();
    int rows = prepare(retraining, 400).rows();
    assertEquals(400, rows, 60);
    for (TrainingSet.Day day : TrainingSet.get(context, MODEL, retraining).days()) {
      assertEquals(100, day.rows(), 35);
    }
  }

  @Test
  void daysOfAnotherPreprocessingAreLeftOutAndNoDayIsRefused() throws Exception {
    String retraining = force();
    assertRefused("has no day with labelled rows", () -> prepare(retraining, 1_000));
    assertRefused("has no training set", () -> filter(retraining));
    assertRefused("run compare_retrained_model for it first", () -> promote(retraining));
    writeDays(1, 3, 4);
    // The first day has no raw rows, the second none that the version reads.
    Table another = new Table(List.of(new Column.Texts("m", new @Nullable String[] {"1", "2"})));
    deployment
        .store
        .rawBatches()
        .write(MODEL, LocalDate.of(2026, 11, 2), "test", "run", List.of(another).iterator());
    preparedByAnother(MODEL + "/2026-11-01");
    preparedByAnother(MODEL + "/2026-11-02");
    PrepareTrainingData.Output prepared = prepare(retraining, 1_000);
    assertEquals(LocalDate.parse("2026-11-03"), prepared.firstDay());
    assertEquals(
        Map.of(
            "another preprocessing made the features, and no raw rows that the version reads are"
                + " in the store",
            2),
        prepared.daysLeftOut());
  }

  private void preparedByAnother(String day) {
    deployment
        .store
        .collection("processing_metadata")
        .updateOne(
            new Document("_id", day),
            new Document("$set", new Document("preprocessing_hash", "another")));
  }

  @Test
  void aDayOfAnotherPreprocessingIsProcessedAgainFromItsRawRows() throws Exception {
    LocalDate first = LocalDate.of(2026, 11, 1);
    StringBuilder csv = new StringBuilder("n0,n1,default\n");
    for (int row = 0; row < 40; row++) {
      csv.append("%d.5,%d,%s\n".formatted(row, 100 - row, row < 4 ? "" : row % 2));
    }
    Path file = Files.writeString(folder.resolve("day.csv"), csv.toString());
    new Ingest().run(new Ingest.Input(MODEL, first, file.toString(), null, null, null, 0), context);
    ProcessData.Output processed =
        new ProcessData().run(new ProcessData.Input(MODEL, first, 0), context);
    writeDays(2, 2, 4);
    Rows before = Batch.load(context, processed.dataPath()).rows();
    preparedByAnother(processed.dataPath());
    String retraining = force();
    PrepareTrainingData.Output prepared = prepare(retraining, 1_000);
    assertEquals(Map.of(), prepared.daysLeftOut());
    assertEquals(first, prepared.firstDay());
    assertEquals(36 + ROWS - 3, prepared.rows());
    Rows set = Batch.load(context, prepared.dataPath()).rows();
    int[] labelled = IntStream.range(4, 40).toArray();
    Rows expected = before.select(labelled);
    Rows collected = set.range(0, 36);
    assertArrayEquals(expected.rowHashes(), collected.rowHashes());
    assertArrayEquals(expected.labels(), collected.labels());
    assertArrayEquals(expected.features().numbers()[0], collected.features().numbers()[0]);
    assertEquals(
        "another",
        Batch.load(context, processed.dataPath()).description().preprocessingHash(),
        "what is stored of the day stays as it is");

    deployment.store.collection("raw_batches").deleteMany(new Document());
    assertEquals(prepared, prepare(retraining, 1_000));
  }

  @Test
  void whatWasNeverStartedIsRefused() {
    assertRefused("was never started", () -> log("retraining-0"));
    assertNull(RetrainingOutcome.find(deployment.store, MODEL, "retraining-0").orElse(null));
    assertRefused(
        "needs 'logical_date' or 'retraining'",
        () ->
            new WaitForModelReady()
                .run(new WaitForModelReady.Input(MODEL, null, null, 0), context));
  }
}
