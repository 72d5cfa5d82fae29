package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;

import java.time.LocalDate;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.PairedAnswers;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.judgement.ChallengerDay;
import retune.judgement.ErrorLedger;
import retune.model.ModelStore;
import retune.steps.audit.Explain;
import retune.testing.CutConnection;

/** Challengers gather evidence over days, beside a champion that passes. */
class ChallengerTest {
  private static final LocalDate DAY = LocalDate.parse("2026-11-06");
  private static final int FEW = 200;
  private static final int MOST_DAYS = 30;

  private final Loop loop = new Loop();

  @BeforeEach
  void judgeByEvidence() {
    loop.evidence = Evidence.INTERVAL;
  }

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void anUndecidedCandidateIsPromotedByLaterDaysOnWhichTheChampionPasses() throws Exception {
    String champion = installed(GOOD);
    loop.startDay(DAY.minusDays(1), 300, 0.35);
    assertTrue(check(champion).needsRetraining());
    assertFalse(loop.lookBack(champion).passed());
    loop.prepare(champion);
    String candidate = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    for (int attempt = 1; attempt <= 3; attempt++) {
      assertFalse(loop.evaluateFinetuned(candidate, champion, attempt).passed());
    }
    String alert = loop.sendAlert().message();
    assertTrue(
        alert.contains(
            " It stays a challenger, and is judged beside the champion on the next days."),
        alert);
    loop.sendResults();
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(candidate));
    assertEquals(List.of(), challengersOf(1));

    LocalDate day = daysUntilProved(champion);
    assertTrue(day.isAfter(DAY), day + " decides already");
    LookBack.Output found = loop.lookBack(champion);
    assertEquals(candidate, found.modelId());
    assertEquals(1, found.judged());
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("challenger_promoted", results.status());
    assertEquals(candidate, results.modelId());
    assertEquals(champion, results.championId());
    assertTrue(results.approved());
    assertFalse(results.retrainingInfo().wasRetrained());
    int days = (int) (day.toEpochDay() - DAY.toEpochDay() + 1);
    assertTrue(
        results
            .message()
            .matches(
                "%s, a challenger, is approved to follow %s without training: accuracy 0\\.9\\d+ \\(at least .*\\) reaches the threshold of 0\\.8 and is not below the champion's .* The evidence over %d days that it is better than the champion, .+, reaches the limit of 40\\.00\\."
                    .formatted(candidate, champion, days)),
        results.message());

    assertEquals(candidate, loop.deploy().modelId());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(candidate));
    assertEquals(VersionStatus.RETIRED, loop.models.status(champion));
    loop.startDay(day.plusDays(1), FEW, 0);
    assertEquals("approved", check(candidate).status());
    Document entry = loop.document("error_ledger", MODEL + "/" + (days + 2));
    assertEquals(1, entry.getInteger("days_of_champion"));
    assertEquals(days + 2, entry.getInteger("days_of_year"));
    String page = new Explain().run(new Explain.Input(candidate), loop.context).text();
    assertTrue(page.contains("superiority"), page);
  }

  @Test
  void aChallengerThatIsWorseIsDroppedWithTheReason() {
    String champion = installed(EXCELLENT);
    String challenger = loop.register(GOOD, champion, VersionStatus.CHALLENGER);
    LocalDate day = DAY;
    while (loop.models.status(challenger) == VersionStatus.CHALLENGER) {
      assertTrue(day.isBefore(DAY.plusDays(MOST_DAYS)));
      loop.startDay(day, FEW, 0);
      assertFalse(check(champion).challengerIsBetter());
      assertEquals("approved", loop.sendResults().status());
      day = day.plusDays(1);
    }
    assertEquals(VersionStatus.REJECTED, loop.models.status(challenger));
    List<Document> moves =
        loop.document("model_metadata", challenger).getList("status_history", Document.class);
    String reason = moves.getLast().getString("reason");
    assertTrue(
        reason.matches(
            challenger
                + " is dropped: the evidence over \\d+ days that it is worse than the champion, .+,"
                + " reaches the limit of 40\\.00\\."),
        reason);
    loop.startDay(day, FEW, 0);
    check(champion);
    int days = (int) (day.toEpochDay() - DAY.toEpochDay() + 1);
    assertEquals(List.of(), challengersOf(days));
  }

  @Test
  void twoChallengersShareTheWeightOfADayAndOneStartsAnewWhenTheOtherIsPromoted() throws Exception {
    String champion = installed(GOOD);
    String better = loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    String alike = loop.register(GOOD, 2, champion, VersionStatus.CHALLENGER);
    EDetector expected = EDetector.start();
    LocalDate day = DAY;
    boolean proved = false;
    for (int number = 1; !proved; number++) {
      assertTrue(number < MOST_DAYS);
      loop.startDay(day, FEW, 0);
      proved = check(champion).challengerIsBetter();
      List<Document> challengers = challengersOf(number);
      assertEquals(
          List.of(alike, better), challengers.stream().map(c -> c.getString("model_id")).toList());
      Document entry = challengers.getLast();
      double[] logs =
          entry.getList("e_values", Double.class).stream().mapToDouble(log -> log).toArray();
      expected = expected.after(new EValues(logs, true), 0.5);
      assertEquals(expected.eValue(), entry.getDouble("e_value"), 1e-12 * expected.eValue());
      assertEquals(expected.isDecided(), proved);
      assertEquals(190L, entry.getLong("rows"));
      day = day.plusDays(1);
    }
    assertEquals(better, loop.lookBack(champion).modelId());
    assertEquals(better, loop.sendResults().modelId());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(alike));
    loop.deploy();

    loop.startDay(day, FEW, 0);
    check(better);
    List<Document> challengers = challengersOf((int) (day.toEpochDay() - DAY.toEpochDay() + 1));
    assertEquals(1, challengers.size());
    assertEquals(1, challengers.getFirst().getInteger("days"));
  }

  @Test
  void aFourthChallengerTakesThePlaceOfTheOldest() {
    String champion = installed(GOOD);
    for (int scale = 1; scale <= 4; scale++) {
      loop.register(EXCELLENT, scale, champion, VersionStatus.CHALLENGER);
    }
    List<String> newestFirst = loop.models.challengers(MODEL);
    loop.startDay(DAY, 60, 0);
    assertEquals(3, loop.evaluate(champion).challengers());
    loop.check(champion);
    loop.sendResults();
    assertEquals(newestFirst.subList(0, 3), loop.models.challengers(MODEL));
    String oldest = newestFirst.getLast();
    assertEquals(VersionStatus.REJECTED, loop.models.status(oldest));
    assertEquals(
        oldest
            + " is dropped: a model has at most 3 challengers, and newer ones have taken its"
            + " place.",
        loop.document("model_metadata", oldest).getString("notes"));
    assertEquals("replaced", challengersOf(1).getLast().getString("standing"));
  }

  @Test
  void aDateCountsOnceAlsoForChallengers() {
    String champion = installed(GOOD);
    loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.startDay(DAY, FEW, 0);
    check(champion);
    loop.startDay(DAY.plusDays(1), FEW, 0);
    check(champion);
    List<Document> before = loop.store.events().startingWith("error_ledger", MODEL);
    loop.startDay(DAY, FEW + 100, 0);
    loop.startRun("the day with other rows");
    check(champion);
    assertEquals(before, loop.store.events().startingWith("error_ledger", MODEL));
    assertEquals(3, loop.store.collection("challenger_days").countDocuments());
  }

  @Test
  void runningEveryStepAgainChangesNothing() {
    String champion = installed(GOOD);
    loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.register(GOOD, 2, champion, VersionStatus.CHALLENGER);
    daysUntilProved(champion);
    loop.lookBack(champion);
    loop.sendResults();
    List<String> before = loop.content();
    loop.evaluate(champion);
    CheckModelPerformance.Output again = loop.check(champion);
    loop.lookBack(champion);
    assertEquals("challenger_promoted", again.status());
    assertFalse(again.challengerIsBetter());
    loop.sendResults();
    assertEquals(before, loop.content());
  }

  @Test
  void aRunThatStopsAfterTheProofIsTakenUpAgain() {
    String champion = installed(GOOD);
    String challenger = loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    daysUntilProved(champion);
    loop.startRun("after the stop");
    assertTrue(check(champion).challengerIsBetter());
    assertEquals(challenger, loop.lookBack(champion).modelId());
    assertEquals("challenger_promoted", loop.sendResults().status());
  }

  /** Each step of the day dies around its first write, is run again, dies around its second … */
  @Tag("slow")
  @ParameterizedTest
  @EnumSource
  void aDayWhoseStepsDieAroundEveryWriteEndsAsAnUndisturbedOne(CutConnection.Moment moment)
      throws Exception {
    List<String> undisturbed;
    try (Loop other = new Loop()) {
      undisturbed = promotion(other, Runnable::run);
    }
    int[] deaths = {0};
    List<String> disturbed =
        promotion(
            loop,
            step -> {
              try {
                int write = 1;
                while (loop.dies(write, moment, step::run)) {
                  write++;
                  deaths[0]++;
                }
              } catch (Exception e) {
                throw new AssertionError(e);
              }
            });
    assertEquals(undisturbed, disturbed);
    assertTrue(deaths[0] > 10, deaths[0] + " deaths");
  }

  /** A challenger is proved better and promoted; what the store holds then. */
  private static List<String> promotion(Loop loop, Consumer<Runnable> runner) {
    loop.evidence = Evidence.INTERVAL;
    String champion = installed(loop, GOOD);
    loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.register(GOOD, 2, champion, VersionStatus.CHALLENGER);
    loop.startDay(DAY, 2_000, 0);
    runner.accept(() -> loop.evaluate(champion));
    runner.accept(() -> loop.check(champion));
    runner.accept(() -> loop.lookBack(champion));
    runner.accept(loop::sendResults);
    assertEquals("challenger_promoted", loop.sendResults().status());
    return loop.content();
  }

  @Test
  void evaluationsAtOnceCountTheDayOnce() {
    String champion = installed(GOOD);
    loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.startDay(DAY, FEW, 0);
    List<CheckModelPerformance.Output> checks =
        IntStream.range(0, 8).parallel().mapToObj(i -> check(champion)).distinct().toList();
    assertEquals(1, checks.size());
    Document entry = loop.single("error_ledger");
    assertEquals(1, entry.getList("challengers", Document.class).getFirst().getInteger("days"));
    loop.single("challenger_days");
  }

  @Test
  void aChallengerThatIsBetterMustPassTheLoopsPolicyToo() {
    loop.policy = "flips(0.001)";
    String champion = installed(GOOD);
    String challenger = loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    daysUntilProved(champion);
    LookBack.Output found = loop.lookBack(champion);
    assertFalse(found.passed());
    assertTrue(
        found
            .reason()
            .startsWith(
                "None of the 1 proved challengers passes. The best is " + challenger + ": "),
        found.reason());
    assertEquals("approved", loop.sendResults().status());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(challenger));
  }

  @Test
  void aDayBeforeTheLastOnePromotesNone() {
    String champion = installed(GOOD);
    String challenger = loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    LocalDate day = daysUntilProved(champion);
    loop.addOutcome(day.plusDays(1), champion);
    loop.lookBack(champion);
    assertEquals("held_back", loop.sendResults().status());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(challenger));
    assertEquals("challenger_promoted", loop.sendResults(true).status());
  }

  @Test
  void withoutAProofAHealthyDayLooksAtNoVersion() {
    String champion = installed(GOOD);
    loop.register(EXCELLENT, 2, null, VersionStatus.RETIRED);
    loop.startDay(DAY, FEW, 0);
    assertFalse(check(champion).challengerIsBetter());
    LookBack.Output found = loop.lookBack(champion);
    assertEquals(0, found.judged());
    assertEquals("There is no proved challenger to judge.", found.reason());
    assertEquals("approved", loop.sendResults().status());
  }

  @Test
  void theDayOnWhichAChallengerWasTrainedIsNoEvidence() {
    String champion = installed(GOOD);
    loop.startDay(DAY, FEW, 0);
    loop.prepare(champion);
    loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.startDay(DAY, FEW + 100, 0);
    assertEquals(0, loop.evaluate(champion).challengers());
    loop.check(champion);
    Document entry = challengersOf(1).getFirst();
    assertEquals(0L, entry.getLong("rows"));
    assertFalse(entry.getBoolean("usable"));
  }

  @Test
  void aChallengerThatCannotBeReadDoesNotStopTheDay() {
    String champion = installed(GOOD);
    String challenger = loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.store.blobs().remove(ModelStore.weightsId(loop.models.get(challenger)));
    loop.startDay(DAY, FEW, 0);
    assertEquals(0, loop.evaluate(champion).challengers());
    assertEquals("approved", loop.check(champion).status());
    assertEquals("open", challengersOf(1).getFirst().getString("standing"));
  }

  @Test
  void aVersionThatIsNotInProductionIsMeasuredAlone() {
    String champion = installed(GOOD);
    String challenger = loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.startDay(DAY, FEW, 0);
    assertEquals(0, loop.evaluate(challenger).challengers());
    assertEquals(1, loop.evaluate(champion).challengers());
  }

  @Test
  void theValueOnTheRowsDecidesWithoutALedger() {
    loop.evidence = Evidence.POINT;
    String champion = installed(GOOD);
    loop.register(EXCELLENT, champion, VersionStatus.CHALLENGER);
    loop.startDay(DAY, 600, 0);
    assertFalse(check(champion).challengerIsBetter());
    assertEquals(0, loop.store.collection("error_ledger").countDocuments());
  }

  @Test
  void challengersAreComparedByTheRocAucToo() {
    loop.startDay(DAY, 600, 0);
    String champion = installed(GOOD);
    String challenger = loop.register(EXCELLENT, 2, null, VersionStatus.CHALLENGER);
    loop.evaluate(champion);
    Document measured = loop.single("challenger_days");
    double lead = measured.getDouble("roc_auc_lead");
    double error = measured.getDouble("roc_auc_lead_error");
    long[] labels =
        measured.getList("labels", Long.class).stream().mapToLong(rows -> rows).toArray();
    assertTrue(lead > 0);
    new ErrorLedger(loop.context, MODEL)
        .count(
            day(DAY, champion),
            List.of(new ChallengerDay(challenger, labels, null, lead, error, null, null)),
            new Gate(Metric.ROC_AUC, 0.8));
    Document entry = challengersOf(1).getFirst();
    EDetector better = EDetector.start().after(EValues.ofRocAuc(-lead, error, 0, labels));
    assertEquals(better.eValue(), entry.getDouble("e_value"), 1e-12 * better.eValue());
    EDetector worse = EDetector.start().after(EValues.ofRocAuc(lead, error, 0, labels));
    assertEquals(worse.eValue(), entry.getDouble("worse_e_value"), 1e-12);
  }

  @Test
  void anotherChampionOrMetricBeginsWithoutEvidence() {
    ErrorLedger ledger = new ErrorLedger(loop.context, MODEL);
    PairedAnswers answers = PairedAnswers.ofCounts(new long[] {280, 3, 12, 5, 20, 8, 2, 170}, 2, 1);
    ChallengerDay challenger =
        new ChallengerDay(
            "challenger", new long[] {300, 200}, answers, Double.NaN, Double.NaN, null, null);
    Gate gate = new Gate(Metric.F1_SCORE, 0.6);
    ledger.count(day(DAY, "champion"), List.of(challenger), gate);
    ledger.count(day(DAY.plusDays(1), "champion"), List.of(challenger), gate);
    ledger.count(day(DAY.plusDays(2), "next"), List.of(challenger), gate);
    ledger.count(day(DAY.plusDays(3), "next"), List.of(challenger), new Gate(Metric.F1_MACRO, 0.6));
    List<Integer> days =
        IntStream.rangeClosed(1, 4)
            .mapToObj(number -> challengersOf(number).getFirst().getInteger("days"))
            .toList();
    assertEquals(List.of(1, 2, 1, 1), days);
    assertEquals(
        challengersOf(1).getFirst().getDouble("e_value"),
        challengersOf(3).getFirst().getDouble("e_value"),
        1e-12);
    assertNotEquals(
        challengersOf(1).getFirst().get("e_values"), challengersOf(4).getFirst().get("e_values"));
    assertNull(challengersOf(1).getFirst().get("predictions"));
  }

  private static ErrorLedger.Day day(LocalDate date, String champion) {
    return new ErrorLedger.Day(
        date,
        champion,
        new ConfusionMatrix(new long[][] {{250, 30}, {30, 40}}),
        1,
        Double.NaN,
        Double.NaN);
  }

  /** Runs healthy days until one proves a challenger better; returns that day. */
  private LocalDate daysUntilProved(String champion) {
    for (LocalDate day = DAY; day.isBefore(DAY.plusDays(MOST_DAYS)); day = day.plusDays(1)) {
      loop.startDay(day, FEW, 0);
      CheckModelPerformance.Output check = check(champion);
      assertEquals("approved", check.status());
      assertFalse(check.needsRetraining());
      if (check.challengerIsBetter()) {
        return day;
      }
      assertEquals("approved", loop.sendResults().status());
    }
    throw new AssertionError("no day proves a challenger better");
  }

  private CheckModelPerformance.Output check(String champion) {
    loop.evaluate(champion);
    return loop.check(champion);
  }

  private String installed(int feature) {
    return installed(loop, feature);
  }

  private static String installed(Loop loop, int feature) {
    String champion = loop.register(feature, null, VersionStatus.APPROVED);
    loop.models.move(champion, Event.DEPLOY, "");
    loop.champions.install(MODEL, champion);
    return champion;
  }

  private List<Document> challengersOf(int number) {
    return loop.document("error_ledger", MODEL + "/" + number)
        .getList("challengers", Document.class);
  }
}
