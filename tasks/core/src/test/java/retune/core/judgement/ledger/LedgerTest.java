package retune.core.judgement.ledger;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import retune.core.judgement.Gate;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import tools.jackson.databind.json.JsonMapper;

/** Against NumPy, SciPy and scikit-learn, as ledger_fixtures.py records them, and by simulation. */
class LedgerTest {
  private record Fixtures(Harm[] harm, Superiority[] superiority, Days detector) {}

  private record Harm(String metric, double limit, long[][] counts, double[] logs) {}

  private record Superiority(String metric, int classes, long[] counts, double[] logs) {}

  private record Days(double[][] logs, double[] values) {}

  private static final int POSITIVE = 1;
  private static final Fixtures FIXTURES = read();

  private static Fixtures read() {
    try (InputStream json = LedgerTest.class.getResourceAsStream("fixtures.json")) {
      return JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixtures.class);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> evidenceOfHarmEqualsThatOfScikitLearnsMetrics() {
    return Arrays.stream(FIXTURES.harm)
        .map(
            day ->
                DynamicTest.dynamicTest(
                    "%s of %s, at least %s"
                        .formatted(day.metric, Arrays.deepToString(day.counts), day.limit),
                    () -> {
                      EValues found = harm(Metric.ofId(day.metric), day.limit, day.counts);
                      assertTrue(found.usable());
                      assertArrayEquals(day.logs, found.logs(), 1e-5);
                    }));
  }

  @TestFactory
  Stream<DynamicTest> evidenceOfSuperiorityEqualsThatOfScikitLearnsMetrics() {
    return Arrays.stream(FIXTURES.superiority)
        .map(
            day ->
                DynamicTest.dynamicTest(
                    "%s, %d classes".formatted(day.metric, day.classes),
                    () ->
                        assertArrayEquals(
                            day.logs,
                            EValues.ofSuperiority(
                                    Metric.ofId(day.metric),
                                    PairedAnswers.ofCounts(day.counts, day.classes, POSITIVE))
                                .logs(),
                            1e-5)));
  }

  @Test
  void theDetectorEqualsTheSumOverAllStarts() {
    EDetector detector = EDetector.start();
    for (int day = 0; day < FIXTURES.detector.values.length; day++) {
      detector = detector.after(new EValues(FIXTURES.detector.logs[day], true));
      double expected = FIXTURES.detector.values[day];
      assertEquals(expected, detector.eValue(), 1e-12 * expected);
      if (detector.isDecided()) {
        return; // from here on the wealth above the limit is thrown away
      }
    }
    throw new AssertionError("the recorded days do not decide");
  }

  @Test
  void challengersShareTheWeightOfADay() {
    EValues day = constant(0);
    double whole = EDetector.start().after(day).eValue();
    double half = EDetector.start().after(day, 0.5).eValue();
    assertEquals(1.0 / 365, whole, 1e-15);
    assertEquals(whole, 2 * half, 1e-15);
  }

  @Test
  void aDecisionStandsWhileTheDaysConfirmIt() {
    EDetector detector = EDetector.start().after(constant(100));
    assertTrue(detector.isDecided());
    assertTrue(detector.after(constant(0.01)).isDecided());
    assertFalse(detector.after(constant(-0.01)).isDecided());
  }

  @Test
  void aPromotionLeavesTheWeightsOfTheYear() {
    EDetector detector = EDetector.start();
    for (int day = 0; day < 300; day++) {
      detector = detector.after(constant(0));
    }
    assertEquals(300.0 / 365, detector.eValue(), 1e-12);
    detector = detector.restart();
    assertEquals(0, detector.eValue());
    for (int day = 300; day < 365; day++) {
      detector = detector.after(constant(0));
    }
    assertEquals(65.0 / 365, detector.eValue(), 1e-12);
    assertEquals(1, detector.after(constant(0)).days());
  }

  @Test
  void daysLikeTheLastOneAreCountedUntilTheyDecide() {
    EValues day = constant(3);
    EDetector detector = EDetector.start().after(day);
    OptionalInt more = detector.daysToDecide(day);
    for (int i = 0; i < more.orElseThrow(); i++) {
      assertFalse(detector.isDecided());
      detector = detector.after(day);
    }
    assertTrue(detector.isDecided());
    assertEquals(OptionalInt.empty(), EDetector.start().daysToDecide(constant(-1)));
    assertEquals(OptionalInt.of(0), detector.daysToDecide(constant(-1)));
  }

  @Test
  void rowsThatAreAllRightAreNoEvidenceOfHarm() {
    long[][] right = {{700, 0}, {0, 300}};
    for (Metric metric : answerMetrics()) {
      for (double log : harm(metric, 0.8, right).logs()) {
        assertTrue(log < 0, metric + ": " + log);
      }
    }
  }

  @Test
  void rowsThatAreAllWrongDecideAtOnce() {
    long[][] wrong = {{0, 700}, {300, 0}};
    for (Metric metric : answerMetrics()) {
      for (double threshold : new double[] {0.2, 0.5, 0.9, 1}) {
        EDetector detector = EDetector.start().after(harm(metric, threshold, wrong));
        assertTrue(detector.isDecided(), metric + " at " + threshold);
      }
    }
  }

  @Test
  void tenRowsAreUsedWhereBetsAreExactAndDecideNothingElse() {
    long[][] ten = {{2, 4}, {3, 1}};
    assertTrue(harm(Metric.F1_SCORE, 0.6, ten).usable());
    assertFalse(EDetector.start().after(harm(Metric.F1_SCORE, 0.6, ten)).isDecided());
    assertArrayEquals(new double[EValues.BETS], harm(Metric.F1_MACRO, 0.6, ten).logs());
    assertFalse(harm(Metric.F1_MACRO, 0.6, ten).usable());
    assertFalse(
        EValues.ofSuperiority(
                Metric.F1_SCORE,
                PairedAnswers.ofCounts(new long[] {2, 0, 1, 3, 1, 0, 2, 1}, 2, POSITIVE))
            .usable());
  }

  @Test
  void meansOverManyClassesNeedFiveLabelsOfEach() {
    long[][] four = {{90, 5, 8}, {9, 70, 4}, {0, 1, 3}};
    assertFalse(harm(Metric.F1_MACRO, 0.8, four).usable());
    four[2][0] = 1;
    assertTrue(harm(Metric.F1_MACRO, 0.8, four).usable());
  }

  @Test
  void aThresholdOfZeroCannotBeMissed() {
    long[][] wrong = {{0, 700}, {300, 0}};
    for (Metric metric : answerMetrics()) {
      assertArrayEquals(new double[EValues.BETS], harm(metric, 0, wrong).logs());
    }
  }

  @Test
  void equalAnswersAreNoEvidenceOfSuperiority() {
    long[] same = {700, 0, 0, 80, 95, 0, 0, 125};
    for (Metric metric : answerMetrics()) {
      EDetector detector =
          EDetector.start()
              .after(EValues.ofSuperiority(metric, PairedAnswers.ofCounts(same, 2, POSITIVE)));
      assertTrue(detector.eValue() < 2.0 / 365, metric + ": " + detector.eValue());
    }
  }

  @Test
  void anAreaIsUsedFromFiftyLabelsOfEachClassOn() {
    assertFalse(EValues.ofRocAuc(0.6, 0.04, 0.75, new long[] {900, 49}).usable());
    EValues found = EValues.ofRocAuc(0.6, 0.04, 0.7, new long[] {900, 50});
    double z = 0.1 / 0.04;
    assertEquals(z / 4 - 1.0 / 32, found.logs()[0], 1e-12);
    assertEquals(4 * z - 8, found.logs()[4], 1e-12);
    assertTrue(
        EDetector.start().after(EValues.ofRocAuc(0, 0, 0.7, new long[] {50, 50})).isDecided());
  }

  @Test
  void undefinedEvidenceIsRefused() {
    double[] undefined = new double[EValues.BETS];
    undefined[2] = Double.NaN;
    assertThrows(IllegalArgumentException.class, () -> new EValues(undefined, true));
    assertThrows(IllegalArgumentException.class, () -> new EValues(new double[4], true));
  }

  /** Twenty positives a day, of which the model finds half: few for a normal approximation. */
  @Test
  void quietYearsStayQuiet() {
    Cells cells = new Cells(0.05, 0.5, 0.026);
    for (Metric metric : new Metric[] {Metric.F1_SCORE, Metric.F1_MACRO}) {
      assertTrue(falseYears(metric, cells, 400, 100) <= 0.05, metric.id());
    }
  }

  @Tag("slow")
  @TestFactory
  Stream<DynamicTest> manyQuietYearsStayQuiet() {
    return Stream.of(
            new Cells(0.02, 0.33, 0.02),
            new Cells(0.05, 0.08, 0.008),
            new Cells(0.22, 0.57, 0.167),
            new Cells(0.22, 0.9, 0.02))
        .flatMap(
            cells ->
                Stream.of(Metric.F1_SCORE, Metric.F1_MACRO, Metric.F1_WEIGHTED)
                    .map(
                        metric ->
                            DynamicTest.dynamicTest(
                                "%s of %s".formatted(metric, cells),
                                () -> {
                                  for (int rows : new int[] {100, 300, 1_000}) {
                                    double alarms = falseYears(metric, cells, rows, 150);
                                    // 5 % and two standard errors of 150 years
                                    assertTrue(alarms <= 0.086, rows + " rows: " + alarms);
                                  }
                                })));
  }

  /** The share of years with a decision though the metric is at the gate on every day. */
  private static double falseYears(Metric metric, Cells cells, int rows, int years) {
    double gate = metric.of(cells.expected(1_000_000_000), POSITIVE);
    return IntStream.range(0, years)
            .parallel()
            .filter(
                year -> {
                  SplittableRandom random = new SplittableRandom(year);
                  EDetector detector = EDetector.start();
                  for (int day = 0; day < EDetector.YEAR; day++) {
                    long[][] drawn = cells.draw(rows, random);
                    detector = detector.after(harm(metric, gate, drawn));
                    if (detector.isDecided()) {
                      return true;
                    }
                  }
                  return false;
                })
            .count()
        / (double) years;
  }

  /**
   * A model by what it answers.
   *
   * @param positives the share of positive rows
   * @param recall the share of them that it finds
   * @param falselyFound the share of the other rows that it answers as positive
   */
  private record Cells(double positives, double recall, double falselyFound) {
    ConfusionMatrix expected(double rows) {
      double found = positives * recall;
      double falsely = (1 - positives) * falselyFound;
      return new ConfusionMatrix(
          new long[][] {
            {Math.round(rows * (1 - positives - falsely)), Math.round(rows * falsely)},
            {Math.round(rows * (positives - found)), Math.round(rows * found)}
          });
    }

    long[][] draw(int rows, SplittableRandom random) {
      int positive = binomial(rows, positives, random);
      int found = binomial(positive, recall, random);
      int falsely = binomial(rows - positive, falselyFound, random);
      return new long[][] {{rows - positive - falsely, falsely}, {positive - found, found}};
    }

    private static int binomial(int trials, double probability, SplittableRandom random) {
      int hits = 0;
      for (int trial = 0; trial < trials; trial++) {
        hits += random.nextDouble() < probability ? 1 : 0;
      }
      return hits;
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%.0f %% positives, recall %s, %s of the others",
          100 * positives,
          recall,
          falselyFound);
    }
  }

  private static Metric[] answerMetrics() {
    return Arrays.stream(Metric.values()).filter(Metric::dependsOnAnswers).toArray(Metric[]::new);
  }

  private static EValues harm(Metric metric, double threshold, long[][] counts) {
    return EValues.ofHarm(new Gate(metric, threshold), new ConfusionMatrix(counts), POSITIVE);
  }

  private static EValues constant(double log) {
    double[] logs = new double[EValues.BETS];
    Arrays.fill(logs, log);
    return new EValues(logs, true);
  }
}
