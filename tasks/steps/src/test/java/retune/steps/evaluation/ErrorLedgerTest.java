package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;
import static retune.steps.evaluation.Loop.POOR;

import com.mongodb.client.model.Filters;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.core.judgement.Verdict.Kind;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.Harm;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.judgement.ErrorLedger;
import retune.steps.deployment.WaitForModelReady;

/** Verdicts on the model in production with one error rate over days. */
class ErrorLedgerTest {
  private static final Gate GATE = new Gate(Metric.F1_SCORE, 0.6);

  /** F1 0.5714, a little below the gate. */
  private static final ConfusionMatrix BELOW =
      new ConfusionMatrix(new long[][] {{250, 30}, {30, 40}});

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
  void aDayFarBelowTheGateActsAtOnce() {
    CheckModelPerformance.Output check = check(POOR);
    assertEquals("needs_retraining", check.status());
    assertTrue(check.needsRetraining());
    assertTrue(
        check
            .reason()
            .matches(
                "accuracy 0\\.6864 is below the threshold of 0\\.8, and the evidence of harm over 1"
                    + " day, .+, reaches the limit of 40\\."),
        check.reason());
  }

  @Test
  void aDayAtTheGateIsApprovedInThePublishedWords() {
    CheckModelPerformance.Output check = check(GOOD);
    assertEquals("approved", check.status());
    assertEquals("accuracy 0.8932 reaches the threshold of 0.8.", check.reason());
    assertEquals(1, loop.store.collection("error_ledger").countDocuments());
  }

  @Test
  void aDayThatMayBeBelowTheGateByChanceIsUndecidedAndKeepsTheChampion() throws Exception {
    loop.writeBatch(60);
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    CheckModelPerformance.Output check = loop.check(champion);
    assertEquals("undecided", check.status());
    assertFalse(check.needsRetraining());
    assertTrue(
        check
            .reason()
            .matches(
                "accuracy 0\\.\\d+ is below the threshold of 0\\.8, but the evidence of harm over 1"
                    + " day is \\S+ of the 40 that decide\\. About \\d+ more days like this one,"
                    + " \\d+ rows, would decide\\."),
        check.reason());

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("undecided", results.status());
    assertEquals(champion, results.modelId());
    assertFalse(results.approved());
    assertEquals(champion + " stays: " + check.reason(), results.message());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(champion));
    WaitForModelReady.Output ready =
        new WaitForModelReady()
            .run(new WaitForModelReady.Input(MODEL, Loop.DATE, null, 0), loop.context);
    assertFalse(ready.ready());
    assertEquals("undecided", loop.check(champion).status());
    Document entry = loop.single("error_ledger");
    assertEquals(MODEL + "/1", entry.getString("_id"));
  }

  @Test
  void daysAddUpUntilTheyDecide() {
    EDetector expected = EDetector.start();
    LocalDate date = Loop.DATE;
    Verdict verdict = judge(count(date, "champion", BELOW));
    int announced = Integer.parseInt(verdict.reason().replaceAll(".*About (\\d+) more.*", "$1"));
    for (int more = 0; more <= announced; more++) {
      expected = expected.after(EValues.ofHarm(GATE, BELOW, 1));
      Harm harm = count(date.plusDays(more), "champion", BELOW);
      assertEquals(expected.eValue(), harm.detector().eValue(), 1e-12);
      assertEquals(more + 1, harm.days());
      verdict = judge(harm);
      assertEquals(more < announced ? Kind.UNDECIDED : Kind.NEEDS_RETRAINING, verdict.kind());
      assertEquals(
          more < announced ? Answer.UNDECIDED : Answer.FAILED, verdict.checks().getLast().answer());
    }
  }

  @Test
  void aDateCountsOnce() {
    Harm first = count(Loop.DATE, "champion", BELOW);
    count(Loop.DATE.plusDays(1), "champion", BELOW);
    loop.startRun("another");
    Harm again = count(Loop.DATE, "champion", new ConfusionMatrix(new long[][] {{0, 9}, {9, 0}}));
    assertArrayEquals(first.detector().logWealth(), again.detector().logWealth());
    Harm later = count(Loop.DATE.minusDays(9), "champion", BELOW);
    assertEquals(3, later.days());
    assertEquals(3, loop.store.collection("error_ledger").countDocuments());
  }

  @Test
  void anotherChampionOrGateStartsAnewOnTheRestOfTheYear() {
    count(Loop.DATE, "champion", BELOW);
    Harm next = count(Loop.DATE.plusDays(1), "next", BELOW);
    EDetector expected = EDetector.start().after(EValues.ofHarm(GATE, BELOW, 1));
    assertEquals(expected.eValue(), next.detector().eValue(), 1e-12);
    assertEquals(2, next.detector().days());
    assertEquals(1, next.days());
    Harm otherGate =
        ledger()
            .count(
                day(Loop.DATE.plusDays(2), "next", BELOW),
                List.of(),
                new Gate(Metric.F1_SCORE, 0.5));
    assertEquals(1, otherGate.days());
    assertEquals(3, otherGate.detector().days());
  }

  @Test
  void aChampionThatFollowsOnADayThatHasCountedHasNoEvidenceYet() {
    count(Loop.DATE, "champion", BELOW);
    Harm next = count(Loop.DATE, "next", BELOW);
    assertEquals(0, next.detector().eValue());
    assertEquals(Kind.UNDECIDED, judge(next).kind());
    assertEquals(1, loop.store.collection("error_ledger").countDocuments());
  }

  @Test
  void evaluationsAtOnceCountEachDateOnce() {
    IntStream.range(0, 24)
        .parallel()
        .forEach(i -> count(Loop.DATE.plusDays(i % 8), "champion", BELOW));
    List<Document> entries = loop.store.events().startingWith("error_ledger", MODEL + "/");
    assertEquals(8, entries.size());
    assertEquals(8, entries.stream().map(entry -> entry.get("logical_date")).distinct().count());
    EDetector expected = EDetector.start();
    for (int day = 0; day < 8; day++) {
      expected = expected.after(EValues.ofHarm(GATE, BELOW, 1));
    }
    assertEquals(
        expected.eValue(), loop.document("error_ledger", MODEL + "/8").getDouble("e_value"), 1e-12);
  }

  @Test
  void anAreaIsJudgedByItsStoredStandardError() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    Document measured = loop.single("performance_metrics");
    ErrorLedger.Day day = ErrorLedger.Day.of(Loop.DATE, measured);
    assertEquals(590, day.confusion().total());
    assertTrue(day.rocAucError() > 0.01 && day.rocAucError() < 0.03, "" + day.rocAucError());
    Harm harm = ledger().count(day, List.of(), new Gate(Metric.ROC_AUC, 0.8));
    assertTrue(harm.today().usable() && harm.detector().isDecided());
    ErrorLedger.Day unknown =
        new ErrorLedger.Day(
            Loop.DATE.plusDays(1), champion, day.confusion(), 1, day.rocAuc(), Double.NaN);
    assertFalse(ledger().count(unknown, List.of(), new Gate(Metric.ROC_AUC, 0.8)).today().usable());
  }

  /**
   * Of 138 intents each has three labels a day: too few to bet on macro F1, but not on two days.
   */
  @Test
  void daysWithTooFewLabelsOfAClassAreCountedTogether() {
    Gate gate = new Gate(Metric.F1_MACRO, 0.8);
    ConfusionMatrix few = intents(3);
    Harm first = ledger().count(day(Loop.DATE, "champion", few), List.of(), gate);
    assertFalse(first.today().usable());
    Verdict verdict = first.judge(gate, Map.of("f1_macro", few.macroF1()), few.total());
    assertTrue(
        verdict
            .reason()
            .endsWith(
                " The day has too few labels to add to it alone; they are counted together with"
                    + " those of the next days."),
        verdict.reason());
    Document older = loop.document("error_ledger", MODEL + "/1");
    older.remove("together");
    loop.store.collection("error_ledger").replaceOne(Filters.eq(MODEL + "/1"), older);

    Harm both = ledger().count(day(Loop.DATE.plusDays(1), "champion", few), List.of(), gate);
    EValues expected = EValues.ofHarm(gate, intents(6), 1);
    assertTrue(expected.usable());
    assertArrayEquals(expected.logs(), both.today().logs());
    assertEquals(2, both.together());
    assertEquals(2, both.days());
    assertEquals(2, loop.document("error_ledger", MODEL + "/2").getInteger("together"));
    assertTrue(both.detector().isDecided(), "" + both.detector().eValue());
    Harm third = ledger().count(day(Loop.DATE.plusDays(2), "champion", few), List.of(), gate);
    assertFalse(third.today().usable());
    assertEquals(1, third.together());
  }

  /** A third of each intent's rows are answered with the next one. */
  private static ConfusionMatrix intents(long ofEach) {
    long[][] counts = new long[138][138];
    for (int label = 0; label < counts.length; label++) {
      counts[label][label] = ofEach - ofEach / 3;
      counts[label][(label + 1) % counts.length] = ofEach / 3;
    }
    return new ConfusionMatrix(counts);
  }

  private CheckModelPerformance.Output check(int feature) {
    String champion = loop.register(feature, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    return loop.check(champion);
  }

  private ErrorLedger ledger() {
    return new ErrorLedger(loop.context, MODEL);
  }

  private Harm count(LocalDate date, String champion, ConfusionMatrix answers) {
    return ledger().count(day(date, champion, answers), List.of(), GATE);
  }

  private static ErrorLedger.Day day(LocalDate date, String champion, ConfusionMatrix answers) {
    return new ErrorLedger.Day(date, champion, answers, 1, Double.NaN, Double.NaN);
  }

  private static Verdict judge(Harm harm) {
    double value = BELOW.f1(1);
    return harm.judge(GATE, Map.of(Metric.F1_SCORE.id(), value), BELOW.total());
  }
}
