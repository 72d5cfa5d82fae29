package retune.steps.retraining;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.Deployment.MODEL;
import static retune.testing.Refusals.assertRefused;

import com.mongodb.MongoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.triggers.OnDrift;
import retune.core.triggers.Request;
import retune.core.triggers.Trigger;
import retune.judgement.ErrorLedger;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Lease;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.Deployment;
import retune.steps.evaluation.EstimatePerformance;
import retune.testing.CutConnection;
import retune.testing.CutConnection.Moment;
import retune.testing.TestContext;

class CheckRetrainingTriggerTest {
  /** The champion was made on 9 January 2026. */
  private static final Instant SOON = Instant.parse("2026-01-12T06:00:00Z");

  @TempDir Path folder;
  private Deployment deployment;
  private String champion;

  @BeforeEach
  void installChampion() {
    deployment = new Deployment(folder);
    champion = deployment.installChampion(1);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  private CheckRetrainingTrigger.Input input(Trigger... triggers) {
    return input(null, false, false, OnDrift.EVALUATE, triggers);
  }

  private static CheckRetrainingTrigger.Input forced(boolean dryRun) {
    return input(null, true, dryRun, OnDrift.EVALUATE);
  }

  private static CheckRetrainingTrigger.Input input(
      @Nullable String drift, boolean force, boolean dryRun, OnDrift onDrift, Trigger... triggers) {
    return input(drift, force, dryRun, onDrift, Evidence.POINT, triggers);
  }

  private static CheckRetrainingTrigger.Input input(
      @Nullable String drift,
      boolean force,
      boolean dryRun,
      OnDrift onDrift,
      Evidence evidence,
      Trigger... triggers) {
    return new CheckRetrainingTrigger.Input(
        MODEL,
        List.of(triggers),
        100,
        7,
        30,
        0.75,
        100_000,
        onDrift,
        evidence,
        drift,
        null,
        Request.NONE,
        force,
        12,
        dryRun);
  }

  private TestContext at(Instant now, String run) {
    return deployment.context().at(now).inRun(run);
  }

  private static CheckRetrainingTrigger.Output check(
      CheckRetrainingTrigger.Input input, StepContext context) throws Exception {
    return new CheckRetrainingTrigger().run(input, context);
  }

  private void writeDays(int first, int last, int rows) {
    for (int day = first; day <= last; day++) {
      Days.write(deployment, LocalDate.of(2026, 1, day), rows, Deployment.model(1, null), 0);
    }
  }

  @Test
  void notYetSaysWhatIsMissingAndIsKeptWithItsFacts() throws Exception {
    writeDays(10, 11, 15);
    CheckRetrainingTrigger.Output output = check(input(Trigger.ADAPTIVE), at(SOON, "one"));
    assertFalse(output.shouldRetrain());
    assertNull(output.retrainingId());
    assertEquals(
        "Not yet - need 76 more samples or 5 more days. No trigger fires; adaptive: 24 of 100"
            + " samples, 2 of 7 days.",
        output.reason());
    assertEquals(List.of(24L, 76L, 5L, 2L), numbers(output));
    assertEquals(champion, output.championId());
    Document kept =
        deployment
            .store
            .events()
            .find("trigger_decisions", Objects.requireNonNull(output.decisionId()))
            .orElseThrow();
    assertEquals(output.reason(), kept.getString("reason"));
    assertEquals(24L, kept.get("facts", Document.class).get("new_samples"));
    assertTrue(Lease.toRetrain(deployment.store, MODEL).find().isEmpty());
    assertTrue(RetrainingEvents.of(deployment.store, MODEL).isEmpty());
    assertTrue(output.text().contains("Do not retrain"), output.text());
  }

  private static List<Long> numbers(CheckRetrainingTrigger.Output output) {
    return List.of(
        output.newSamples(),
        output.missingSamples(),
        output.missingDays(),
        output.daysSinceTraining());
  }

  @Test
  void enoughRowsStartOneRetrainingAndItsEventIsKept() throws Exception {
    writeDays(10, 11, 60);
    CheckRetrainingTrigger.Output output = check(input(Trigger.ADAPTIVE), at(SOON, "one"));
    assertTrue(output.shouldRetrain(), output.reason());
    assertEquals("adaptive", output.trigger());
    assertEquals(
        "Recommended - 100+ new samples available. 114 new labelled rows since the last training,"
            + " 2 days ago.",
        output.reason());
    Document event = RetrainingEvents.of(deployment.store, MODEL).getFirst();
    assertEquals("started", event.getString("status"));
    assertEquals("adaptive", event.getString("trigger"));
    assertEquals(output.retrainingId(), event.getString("retraining_id"));
  }

  @Test
  void onlyRowsAfterTheDaysOfTheLastTrainingAreNew() throws Exception {
    writeDays(10, 11, 60);
    RetrainingEvents.add(
        at(SOON.minusSeconds(3600), "earlier"),
        MODEL,
        "retraining-0",
        "forced",
        RetrainingEvents.Status.REJECTED,
        new Document("last_day", "2026-01-10"));
    CheckRetrainingTrigger.Output output = check(input(Trigger.ADAPTIVE), at(SOON, "one"));
    assertEquals(57, output.newSamples());
    // The embedded store's clock stamps the event later than now: days are never negative.
    assertEquals(0, output.daysSinceTraining());
    assertFalse(output.shouldRetrain());
  }

  @Test
  void labelsThatCameForTheDaysOfTheLastTrainingAreNewOnce() throws Exception {
    writeDays(9, 11, 60);
    String known = labelled(10, 20, "");
    String full = batch(11).contentHash();
    TestContext earlier = at(SOON.minusSeconds(3600), "earlier");
    new TrainingSet(
            MODEL,
            "retraining-0",
            "set",
            List.of(
                new TrainingSet.Day(LocalDate.parse("2026-01-10"), known, 0, 50, 20),
                new TrainingSet.Day(LocalDate.parse("2026-01-11"), full, 50, 57, 57)))
        .keep(earlier);
    RetrainingEvents.add(
        earlier,
        MODEL,
        "retraining-0",
        "forced",
        RetrainingEvents.Status.REJECTED,
        new Document("last_day", "2026-01-11"));
    assertEquals(0, check(input(), at(SOON, "one")).newSamples());
    labelled(10, 50, "more labels, of rows that a model had labelled in the set");
    assertEquals(30, check(input(), at(SOON, "two")).newSamples());
    labelled(9, 60, "labels of a day before the set");
    assertEquals(30, check(input(), at(SOON, "three")).newSamples());
  }

  /** Labels the first rows of a day whose rows have keys; returns the content hash. */
  private String labelled(int day, int rows, String stamp) {
    ProcessedBatch now = batch(day);
    Rows labels = deployment.store.processedBatches().readAll(now);
    Arrays.fill(labels.labels(), 0, rows, 0);
    Arrays.fill(labels.labels(), rows, labels.labels().length, Target.UNLABELLED);
    ProcessedBatch late =
        new ProcessedBatch(
            now.batchId(),
            now.model(),
            now.logicalDate(),
            now.datasetName(),
            now.runId(),
            Hashing.sha256(now.contentHash() + stamp),
            now.rawContentHash(),
            now.preprocessingHash(),
            now.schema(),
            now.rowsIn(),
            now.rows(),
            rows,
            now.rejected(),
            now.outcomes(),
            stamp);
    deployment.store.processedBatches().write(late, List.of(labels).iterator(), false);
    return late.contentHash();
  }

  private ProcessedBatch batch(int day) {
    return deployment
        .store
        .processedBatches()
        .find("%s/2026-01-%02d".formatted(MODEL, day))
        .orElseThrow();
  }

  @Test
  void aChampionThatWasFineTunedOnADayKnowsItsRows() throws Exception {
    writeDays(10, 12, 60);
    deployment
        .store
        .events()
        .record(
            "data_splits",
            MODEL + "/2026-01-11/0123",
            new Document("data_path", MODEL + "/2026-01-11").append("content_hash", "data"));
    assertEquals(57, check(input(), at(SOON, "one")).newSamples());
  }

  @Test
  void harmIsTheLastEvaluationsAndOnlyTheChampions() throws Exception {
    writeDays(10, 10, 15);
    evaluated(champion, 1, 0.9);
    evaluated("another", 3, 0.1);
    assertFalse(check(input(Trigger.HARM), at(SOON, "one")).shouldRetrain());
    evaluated(champion, 2, 0.7);
    CheckRetrainingTrigger.Output output = check(input(Trigger.HARM), at(SOON, "two"));
    assertEquals("harm", output.trigger());
    assertTrue(
        output
            .reason()
            .startsWith("The f1_score of 2026-01-10 is 0.7000, with a threshold of 0.8."),
        output.reason());
  }

  @Test
  void afterARetrainingHarmWaitsUntilNewRowsCanJudge() throws Exception {
    writeDays(10, 12, 60);
    evaluated(champion, 1, 0.1);
    new ErrorLedger(at(SOON, "day"), MODEL)
        .count(
            new ErrorLedger.Day(
                LocalDate.of(2026, 1, 10),
                champion,
                new ConfusionMatrix(new long[][] {{100, 700}, {190, 10}}),
                1,
                Double.NaN,
                Double.NaN),
            List.of(),
            new Gate(Metric.F1_SCORE, 0.8));
    CheckRetrainingTrigger.Input byEvidence =
        input(null, false, true, OnDrift.EVALUATE, Evidence.INTERVAL, Trigger.HARM);
    assertTrue(check(byEvidence, at(SOON, "one")).shouldRetrain());
    RetrainingEvents.add(
        at(SOON.minusSeconds(3600), "earlier"),
        MODEL,
        "retraining-0",
        "harm",
        RetrainingEvents.Status.REJECTED,
        new Document("last_day", "2026-01-10"));
    CheckRetrainingTrigger.Output output = check(byEvidence, at(SOON, "two"));
    assertFalse(output.shouldRetrain());
    // One row in five is of the rarer class, of which 50 must judge, and three rows in twenty do.
    assertTrue(
        output
            .reason()
            .endsWith(
                "After the last retraining, a comparison needs %,d more labelled rows."
                    .formatted(1_667 - output.newSamples())),
        output.reason());
    CheckRetrainingTrigger.Input byPoint =
        input(null, false, true, OnDrift.EVALUATE, Evidence.POINT, Trigger.HARM);
    assertTrue(check(byPoint, at(SOON, "three")).shouldRetrain());
  }

  private void evaluated(String modelId, int revision, double value) {
    deployment
        .store
        .events()
        .record(
            "evaluation_events",
            "evaluation/%s/2026-01-10/run/%d".formatted(MODEL, revision),
            new Document("model_id", modelId)
                .append("logical_date", "2026-01-10")
                .append("revision", revision)
                .append("metric", "f1_score")
                .append("value", value)
                .append("threshold", 0.8)
                .append("metrics", new Document("roc_auc", value)));
  }

  @Test
  void anEstimateBelowTheGateIsHarmOnlyWhereNothingSaysThatItMayBeOff() throws Exception {
    writeDays(10, 10, 15);
    evaluated(champion, 1, 0.9);
    estimated("2026-01-09", "below", false, false);
    assertFalse(check(input(Trigger.HARM), at(SOON, "an earlier day")).shouldRetrain());
    estimated("2026-01-11", "unclear", false, false);
    assertFalse(check(input(Trigger.HARM), at(SOON, "unclear")).shouldRetrain());
    for (Boolean drifted : new Boolean[] {true, null}) {
      estimated("2026-01-11", "below", drifted, false);
      assertFalse(check(input(Trigger.HARM), at(SOON, "drifted " + drifted)).shouldRetrain());
    }
    estimated("2026-01-11", "below", false, true);
    assertFalse(check(input(Trigger.HARM), at(SOON, "contradicted")).shouldRetrain());
    estimated("2026-01-11", "below", false, false);
    CheckRetrainingTrigger.Output output = check(input(Trigger.HARM), at(SOON, "below"));
    assertEquals("harm", output.trigger());
    assertTrue(
        output
            .reason()
            .startsWith(
                "The f1_score of 2026-01-11 is estimated at 0.7000 (0.6500 to 0.7500, 95 %)"
                    + " without labels, all of it below the threshold of 0.8."),
        output.reason());
  }

  private void estimated(
      String date, String position, @Nullable Boolean drifted, boolean contradicted) {
    deployment
        .store
        .events()
        .record(
            EstimatePerformance.COLLECTION,
            champion + "/" + date,
            new Document("model_id", champion)
                .append("data_path", MODEL + "/" + date)
                .append("metric", "f1_score")
                .append("estimate", 0.7)
                .append("low", 0.65)
                .append("high", 0.75)
                .append("threshold", 0.8)
                .append("position", position)
                .append("drifted", drifted)
                .append("contradicted", contradicted));
  }

  @Test
  void driftIsReadFromAFileOrTheStore() throws Exception {
    writeDays(10, 10, 15);
    Path report = folder.resolve("drift.json");
    Files.writeString(report, "{\"overall_drift_detected\": true}");
    CheckRetrainingTrigger.Input input =
        input(report.toString(), false, false, OnDrift.RETRAIN, Trigger.DRIFT);
    assertEquals("drift", check(input, at(SOON, "one")).trigger());
    Lease.toRetrain(deployment.store, MODEL).release(heldBy());

    deployment
        .store
        .events()
        .record(
            "drift_reports", MODEL + "/2026-01-10", new Document("overall_drift_detected", true));
    CheckRetrainingTrigger.Output advised =
        check(input(null, false, false, OnDrift.REQUEST_LABELS, Trigger.DRIFT), at(SOON, "two"));
    assertFalse(advised.shouldRetrain());
    assertTrue(String.valueOf(advised.advice()).contains("bring labels"), advised.reason());
  }

  @Test
  void anOldDayThatIsComparedAgainIsNotTheLatest() throws Exception {
    writeDays(10, 11, 15);
    drifted("2026-01-11", "2026-01-12T02:00:00Z", false);
    drifted("2026-01-10", "2026-01-11T02:00:00Z", true);
    drifted("2026-01-10", "2026-01-12T05:00:00Z", true);
    CheckRetrainingTrigger.Input input = input(null, false, false, OnDrift.RETRAIN, Trigger.DRIFT);
    assertFalse(check(input, at(SOON, "one")).shouldRetrain());
    drifted("2026-01-11", "2026-01-12T05:30:00Z", true);
    assertEquals("drift", check(input, at(SOON, "two")).trigger());
  }

  private void drifted(String date, String timestamp, boolean isDrifted) {
    deployment
        .store
        .collection("drift_reports")
        .insertOne(
            new Document("_id", "%s/%s/at %s/%s".formatted(MODEL, date, timestamp, champion))
                .append("logical_date", date)
                .append("timestamp", timestamp)
                .append("overall_drift_detected", isDrifted));
  }

  private String heldBy() {
    return Lease.toRetrain(deployment.store, MODEL).find().orElseThrow().holder();
  }

  @Test
  void aReportThatIsAbsentOrNoReportIsRefused() throws Exception {
    Path file = folder.resolve("no-report.json");
    for (String content : List.of("{}", "{\"overall_drift_detected\": \"yes\"}", "{")) {
      Files.writeString(file, content);
      assertRefused(
          "is no drift report",
          () ->
              check(
                  input(file.toString(), false, false, OnDrift.EVALUATE, Trigger.DRIFT),
                  at(SOON, "one")));
    }
    assertRefused(
        "There is no drift report 'absent'",
        () ->
            check(input("absent", false, false, OnDrift.EVALUATE, Trigger.DRIFT), at(SOON, "one")));
  }

  @Test
  void aModelWithoutAChampionIsRefused() {
    deployment.store.collection("champions").deleteOne(new Document("_id", MODEL));
    assertRefused(
        "There is no champion of 'credit-default'", () -> check(input(), at(SOON, "one")));
  }

  @Test
  void aDryRunAnswersAndChangesNothing() throws Exception {
    CheckRetrainingTrigger.Output output = check(forced(true), at(SOON, "one"));
    assertTrue(output.shouldRetrain());
    assertNull(output.retrainingId());
    assertNull(output.decisionId());
    assertEquals(0, deployment.store.collection("trigger_decisions").countDocuments());
    assertEquals(0, deployment.store.collection("retraining_leases").countDocuments());
    assertEquals(0, deployment.store.collection("retraining_events").countDocuments());
  }

  @Test
  void aSecondTriggerWaitsUntilTheFirstEndsOrItsLeaseExpires() throws Exception {
    CheckRetrainingTrigger.Output first = check(forced(false), at(SOON, "one"));
    CheckRetrainingTrigger.Output second =
        check(forced(false), at(SOON.plus(Duration.ofHours(12)).minusMillis(1), "two"));
    assertFalse(second.shouldRetrain());
    assertEquals(
        "Not yet - %s is running, at most until 2026-01-12T18:00:00Z. This would have started one:"
                .formatted(first.retrainingId())
            + " Retraining is forced. 0 new labelled rows since the last training, 3 days ago.",
        second.reason());
    assertEquals(first.retrainingId(), heldBy());
    assertFalse(check(forced(true), at(SOON, "asks")).shouldRetrain());

    CheckRetrainingTrigger.Output third =
        check(forced(false), at(SOON.plus(Duration.ofHours(12)), "three"));
    assertTrue(third.shouldRetrain(), third.reason());
    assertEquals(third.retrainingId(), heldBy());
  }

  @Test
  void aTaskThatRunsAgainKeepsItsDecisionAndItsLease() throws Exception {
    CheckRetrainingTrigger.Output first = check(forced(false), at(SOON, "one"));
    // By now the facts would say no.
    CheckRetrainingTrigger.Output again = check(input(), at(SOON.plus(Duration.ofHours(3)), "one"));
    assertEquals(first, again);
    assertEquals(1, RetrainingEvents.of(deployment.store, MODEL).size());
  }

  /** Ten runs at the same moment; all but one find that another runs. */
  @Test
  void overlappingTriggersStartOneRetraining() throws Exception {
    List<Future<CheckRetrainingTrigger.Output>> ends = new ArrayList<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(10)) {
      for (int run = 0; run < 10; run++) {
        TestContext context = at(SOON, "run " + run);
        Callable<CheckRetrainingTrigger.Output> check = () -> check(forced(false), context);
        ends.add(pool.submit(check));
      }
    }
    int started = 0;
    for (Future<CheckRetrainingTrigger.Output> end : ends) {
      started += end.get().shouldRetrain() ? 1 : 0;
    }
    assertEquals(1, started);
    assertEquals(1, RetrainingEvents.of(deployment.store, MODEL).size());
    assertEquals(10, deployment.store.collection("trigger_decisions").countDocuments());
  }

  /** A step that is killed at any write comes to the same end when its task runs again. */
  @ParameterizedTest
  @EnumSource(Moment.class)
  void aHolderThatIsKilledAtAnyWriteStartsOneRetrainingWhenItRunsAgain(Moment moment)
      throws Exception {
    int write = 1;
    for (boolean broke = true; broke; write++) {
      String run = moment + " " + write;
      try (CutConnection cut = new CutConnection(deployment.uri(), write, moment);
          DocumentStore through = Deployment.open(cut.uri())) {
        try {
          check(forced(false), deployment.context(through).at(SOON).inRun(run));
        } catch (MongoException killed) {
          // as a kill leaves it
        }
        broke = cut.broke();
      }
      CheckRetrainingTrigger.Output again = check(forced(false), at(SOON, run));
      assertTrue(again.shouldRetrain(), "write " + write + ": " + again.reason());
      assertFalse(check(forced(false), at(SOON, run + ", another")).shouldRetrain());
      assertEquals(
          1,
          RetrainingEvents.of(deployment.store, MODEL).stream()
              .filter(event -> run.equals(event.getString("run_id")))
              .count());
      assertEquals(again.retrainingId(), heldBy());
      Lease.toRetrain(deployment.store, MODEL).release(heldBy());
    }
    assertEquals(4, write - 1, "lease, decision, event, and then an undisturbed run");
  }

  @Test
  void aRetrainingThatLostItsLeaseKnowsIt() throws Exception {
    Lease lease = Lease.toRetrain(deployment.store, MODEL);
    String first = check(forced(false), at(SOON, "one")).retrainingId();
    assertNotNull(first);
    assertTrue(lease.isOf(first));
    check(forced(false), at(SOON.plus(Duration.ofHours(13)), "two"));
    assertFalse(lease.isOf(first));
    lease.release(first);
    assertFalse(heldBy().equals(first), "the other keeps it");
    assertEquals(
        "retraining-" + Hashing.sha256(MODEL + "/model_evaluation_pipeline/one").substring(0, 12),
        first);
  }
}
