package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Features;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Selection;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.triggers.OnDrift;
import retune.core.triggers.Request;
import retune.core.triggers.Trigger;
import retune.judgement.AuditTrail;
import retune.judgement.DayOutcome;
import retune.model.ModelFolder;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.model.engine.Predictor;
import retune.steps.Deployment;
import retune.steps.comparison.CompareModels;
import retune.steps.data.Ingest;
import retune.steps.data.IngestLabels;
import retune.steps.data.ProcessData;
import retune.steps.retraining.CheckRetrainingTrigger;
import retune.testing.TestContext;

/** From rows without labels to verdicts that rest on labels, with the loop's own steps. */
class LateLabelsTest {
  private static final String MODEL = Deployment.MODEL;
  private static final LocalDate DAY = LocalDate.parse("2026-10-01");
  private static final int ROWS = 100;
  private static final ModelFolder.Content CHAMPION = Deployment.model(1, null);
  private static final String CHAMPION_ID = CHAMPION.version().modelId();

  @TempDir Path folder;
  private Deployment deployment;
  private Instant now = at(DAY, 1);
  private Evidence evidence = Evidence.POINT;

  @BeforeEach
  void install() {
    deployment = new Deployment(folder);
    deployment.models.register(CHAMPION.version(), CHAMPION.weights(), VersionStatus.APPROVED);
    deployment.champions.install(MODEL, CHAMPION_ID);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void aDayWithoutLabelsHasNoVerdictAndNoMetrics() throws IOException {
    evidence = Evidence.INTERVAL;
    ingest(DAY);
    EvaluateModel.Output measured = evaluate(DAY);
    assertEquals(
        "matured: false, share 0.0, 1 days, 0 samples",
        "matured: %s, share %s, %s days, %d samples"
            .formatted(
                measured.labelsMatured(),
                measured.labelledShare(),
                measured.labelAgeDays(),
                measured.samples()));
    assertEquals(Map.of(), measured.metrics());
    CheckModelPerformance.Output check = check(DAY);
    assertEquals("undecided", check.status());
    assertNull(check.value());
    assertFalse(check.needsRetraining());
    assertEquals(
        "No verdict yet: 0 of 100 rows (0 %) of 2026-10-01 have a label after 1 day; it takes 80 %"
            + " after 14 days, or all of them, because early labels are biased.",
        check.reason());
    assertEquals("undecided", conclude(DAY).status());
    Document event = events().getFirst();
    assertNull(event.get("value"));
    assertEquals(0.0, event.get("labels", Document.class).getDouble("share"));
    for (String collection : List.of("performance_metrics", "error_ledger")) {
      assertEquals(0, deployment.store.collection(collection).countDocuments(), collection);
    }
  }

  @Test
  void labelsThatCameEarlyAreNoSampleToJudgeBy() throws IOException {
    ingest(DAY);
    now = at(DAY, 3);
    labels(DAY, row -> row < 90, _ -> true);
    assertEquals(List.of(), find().days());
    assertEquals(List.of(new FindMaturedDays.Waiting(DAY, 0.9, 3)), find().waiting());
    judge(DAY);
    assertEquals(List.of("undecided"), statuses(DAY));
  }

  @Test
  void aDayIsJudgedWhenItsLabelsSufficeAndBothVerdictsStay() throws IOException {
    ingest(DAY);
    judge(DAY);
    now = at(DAY, 10);
    labels(DAY, row -> row < 85, _ -> false);
    assertEquals(List.of(), find().days());
    now = at(DAY, 14);
    assertEquals(List.of(DAY), find().days());
    CheckModelPerformance.Output check = judge(DAY);
    assertEquals(
        List.of("approved", 1.0), List.of(check.status(), Objects.requireNonNull(check.value())));
    assertTrue(
        check.reason().endsWith("85 of 100 rows (85 %) of 2026-10-01 have a label after 14 days."),
        check.reason());
    assertEquals(List.of("undecided", "approved"), statuses(DAY));
    assertEquals(List.of(), find().days(), "it is judged once");
    assertEquals(
        List.of("evaluated_undecided", "evaluated_approved"),
        new AuditTrail(deployment.store)
            .history(MODEL).stream().map(entry -> entry.getString("event")).toList());
  }

  @Test
  void whatHasMaturedStaysSoWhateverTheClockSays() throws IOException {
    ingest(DAY);
    now = at(DAY, 20);
    labels(DAY, row -> row < 85, _ -> false);
    judge(DAY);
    now = at(DAY, -200);
    assertEquals(List.of(), find().days());
    assertEquals("approved", judge(DAY).status());
    assertEquals(List.of("approved"), statuses(DAY));
  }

  @Test
  void aCorrectionIsJudgedAgainAndTheDateCountsOnceAsEvidence() throws IOException {
    evidence = Evidence.INTERVAL;
    ingest(DAY);
    now = at(DAY, 14);
    labels(DAY, row -> row < 85, _ -> false);
    judge(DAY);
    now = at(DAY, 40);
    labels(DAY, row -> row < 10, _ -> true);
    assertEquals(List.of(DAY), find().days());
    judge(DAY);
    assertEquals(2, statuses(DAY).size());
    assertEquals(1, deployment.store.collection("error_ledger").countDocuments());
    assertEquals(List.of(), find().days());
  }

  @Test
  void allLabelsSufficeAtAnyAgeAndABackFillMonthsLaterDoes() throws IOException {
    LocalDate longAgo = DAY.minusDays(200);
    ingest(DAY);
    ingest(longAgo);
    labels(DAY, _ -> true, _ -> false);
    labels(longAgo, row -> row < 85, _ -> false);
    assertEquals(List.of(longAgo, DAY), find().days());
    judge(DAY);
    judge(longAgo);
    assertEquals(List.of("approved"), statuses(DAY));
    assertEquals(List.of("approved"), statuses(longAgo));
  }

  @Test
  void aLaterDayWithoutLabelsHoldsNoVersionBack() throws IOException {
    LocalDate next = DAY.plusDays(1);
    ingest(next);
    judge(next);
    assertEquals(List.of("undecided"), statuses(next));
    assertFalse(DayOutcome.hasLaterDay(deployment.store, MODEL, DAY));
    labels(next, _ -> true, _ -> false);
    judge(next);
    assertTrue(DayOutcome.hasLaterDay(deployment.store, MODEL, DAY));
  }

  @Test
  void rowsThatCameWithTheirLabelsAreJudgedOnTheirDay() throws IOException {
    write(DAY, true);
    ingestRows(DAY);
    assertEquals("approved", judge(DAY).status());
    assertEquals(List.of(), find().days());
  }

  @Test
  void lateLabelsAreNewSamplesOnceAndHarmIsThatOfMaturedDays() throws Exception {
    ingest(DAY);
    ingest(DAY.plusDays(1));
    judge(DAY);
    judge(DAY.plusDays(1));
    assertEquals(0, trigger().newSamples());
    labels(DAY, row -> row < 90, _ -> false);
    judge(DAY);
    assertEquals(0, trigger().newSamples(), "early labels are no sample");
    now = at(DAY, 14);
    judge(DAY);
    assertEquals(90, trigger().newSamples());
    labels(DAY, row -> row < 90, _ -> false);
    judge(DAY);
    assertEquals(90, trigger().newSamples(), "the same labels count once");
    labels(DAY.plusDays(1), row -> row < 50, _ -> true);
    judge(DAY.plusDays(1));
    CheckRetrainingTrigger.Output early = trigger();
    assertFalse(early.shouldRetrain(), "a day whose labels still come shows no harm");
    now = at(DAY, 20);
    labels(DAY.plusDays(1), _ -> true, _ -> true);
    process(DAY.plusDays(1));
    evaluate(DAY.plusDays(1));
    check(DAY.plusDays(1));
    assertEquals(190, trigger().newSamples());
  }

  @Test
  void aComparisonByHandTakesTheLabelsThatHaveCome() throws IOException {
    ModelFolder.Content other = Deployment.model(2, null);
    deployment.models.register(other.version(), other.weights(), VersionStatus.CANDIDATE);
    ingest(DAY);
    labels(DAY, row -> row < 85, _ -> false);
    CompareModels.Output compared = compare(other.version().modelId());
    assertEquals(85, compared.rows());
    labels(DAY, row -> row < 1, _ -> true);
    assertNotEquals(compared.testDataHash(), compare(other.version().modelId()).testDataHash());
  }

  private CompareModels.Output compare(String modelId) throws IOException {
    return new CompareModels()
        .run(
            new CompareModels.Input(
                CHAMPION_ID,
                modelId,
                MODEL + "/" + DAY,
                Metric.ACCURACY,
                0,
                0.05,
                "floor",
                100,
                0,
                false,
                null,
                null),
            context(DAY));
  }

  private CheckRetrainingTrigger.Output trigger() throws IOException {
    return new CheckRetrainingTrigger()
        .run(
            new CheckRetrainingTrigger.Input(
                MODEL,
                List.of(Trigger.HARM),
                100,
                7,
                30,
                0.75,
                100_000,
                OnDrift.EVALUATE,
                evidence,
                null,
                null,
                Request.NONE,
                false,
                12,
                true),
            context(DAY));
  }

  private void ingest(LocalDate day) throws IOException {
    write(day, false);
    ingestRows(day);
  }

  private void ingestRows(LocalDate day) throws IOException {
    new Ingest()
        .run(
            new Ingest.Input(
                MODEL, day, folder.resolve(day + ".csv").toString(), null, null, "id", 0),
            context(day));
    process(day);
  }

  /** Rows whose label is what the champion answers. */
  private void write(LocalDate day, boolean labelled) throws IOException {
    float[][] numbers = numbers(day);
    int[] answers = answers(numbers);
    List<String> lines = new ArrayList<>(List.of("id,n0,n1" + (labelled ? ",default" : "")));
    for (int row = 0; row < ROWS; row++) {
      lines.add(
          "%s-%d,%s,%s%s"
              .formatted(
                  day, row, numbers[0][row], numbers[1][row], labelled ? "," + answers[row] : ""));
    }
    Files.write(folder.resolve(day + ".csv"), lines);
  }

  private static float[][] numbers(LocalDate day) {
    Random random = new Random(day.toEpochDay());
    float[][] numbers = new float[2][ROWS];
    for (float[] column : numbers) {
      for (int row = 0; row < ROWS; row++) {
        column[row] = (float) random.nextGaussian();
      }
    }
    return numbers;
  }

  private static int[] answers(float[][] numbers) {
    Features features =
        new Features(CHAMPION.version().preprocessing().schema(), ROWS, new int[0][], numbers);
    try (Engine engine = new PlainEngine(CHAMPION.version(), CHAMPION.weights(), 1)) {
      return IntStream.range(0, ROWS)
          .map(new Predictor(CHAMPION.version(), engine).predict(features)::predicted)
          .toArray();
    }
  }

  private void labels(LocalDate day, IntPredicate comes, IntPredicate wrong) throws IOException {
    int[] answers = answers(numbers(day));
    List<String> lines = new ArrayList<>(List.of("id,default"));
    IntStream.range(0, ROWS)
        .filter(comes)
        .forEach(
            row ->
                lines.add(
                    "%s-%d,%d"
                        .formatted(day, row, wrong.test(row) ? 1 - answers[row] : answers[row])));
    Path file = Files.write(folder.resolve("labels.csv"), lines);
    new IngestLabels()
        .run(new IngestLabels.Input(MODEL, file.toString(), null, null, null), context(day));
  }

  private FindMaturedDays.Output find() {
    return new FindMaturedDays().run(new FindMaturedDays.Input(MODEL, 0.8, 14, 31), context(DAY));
  }

  private CheckModelPerformance.Output judge(LocalDate day) {
    process(day);
    evaluate(day);
    CheckModelPerformance.Output check = check(day);
    conclude(day);
    return check;
  }

  private void process(LocalDate day) {
    new ProcessData().run(new ProcessData.Input(MODEL, day, 0), context(day));
  }

  private EvaluateModel.Output evaluate(LocalDate day) {
    return new EvaluateModel()
        .run(
            new EvaluateModel.Input(
                CHAMPION_ID, MODEL + "/" + day, EvaluateModel.TEST, 1, null, 0.8, 14),
            context(day));
  }

  private CheckModelPerformance.Output check(LocalDate day) {
    return new CheckModelPerformance()
        .run(
            new CheckModelPerformance.Input(
                CHAMPION_ID,
                MODEL + "/" + day,
                Metric.ACCURACY,
                0.5,
                3,
                Selection.FIRST_PASSING,
                evidence,
                "floor",
                0.05,
                OnConflict.PROMOTE,
                BelowGate.ALERT,
                null),
            context(day));
  }

  private SendEvaluationResults.Output conclude(LocalDate day) {
    return new SendEvaluationResults()
        .run(new SendEvaluationResults.Input(MODEL, day, null, null, null, false), context(day));
  }

  private TestContext context(LocalDate day) {
    return deployment.context().at(now).inRun(day + " at " + now);
  }

  private List<String> statuses(LocalDate day) {
    return DayOutcome.revisions(deployment.store, MODEL, day).stream()
        .sorted((one, other) -> Integer.compare(one.revision(), other.revision()))
        .map(outcome -> outcome.status().id())
        .toList();
  }

  private List<Document> events() {
    return deployment.store.events().startingWith("evaluation_events", "evaluation/");
  }

  private static Instant at(LocalDate day, int daysLater) {
    return day.plusDays(daysLater).atTime(1, 0).toInstant(ZoneOffset.UTC);
  }
}
