package retune.core.judgement.ledger;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.judgement.Check;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.ledger.Superiority.Standing;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/** A challenger beside the champion over days. */
class SuperiorityTest {
  /** Of 500 rows the challenger alone answers 20 rightly, the champion alone 5. */
  private static final PairedAnswers BETTER =
      PairedAnswers.ofCounts(new long[] {280, 3, 12, 5, 20, 8, 2, 170}, 2, 1);

  @Test
  void answersAreCountedByLabelChampionAndChallenger() {
    int[] labels = {0, 0, 1, 1, 1};
    Predictions champion = predictions(labels, 0.2, 0.7, 0.9, 0.4, 0.6);
    Predictions challenger = predictions(labels, 0.1, 0.3, 0.8, 0.9, 0.2);
    PairedAnswers paired = PairedAnswers.of(champion, challenger);
    assertEquals(PairedAnswers.ofCounts(new long[] {1, 0, 1, 0, 0, 1, 1, 1}, 2, 1), paired);
    assertEquals(
        Set.copyOf(PairedAnswers.ofCounts(new long[] {1, 1, 0, 0, 0, 1, 1, 1}, 2, 1).cells()),
        Set.copyOf(paired.swapped().cells()));
    assertEquals(paired, paired.swapped().swapped());
    assertArrayEquals(new long[] {2, 3}, paired.labels());
    assertEquals(2, paired.bothRight());
    assertEquals(1, paired.championAlone());
    assertEquals(2, paired.challengerAlone());
    assertEquals(0, paired.bothWrong());
  }

  @Test
  void aBetterChallengerIsProvedSoOverDays() {
    Superiority superiority = Superiority.start(0);
    int announced = -1;
    for (int day = 1; superiority.standing() == Standing.OPEN; day++) {
      superiority = after(superiority, BETTER, 1);
      String sentence = superiority.sentence("ch", 500);
      if (day == 1) {
        announced = Integer.parseInt(sentence.replaceAll(".*About (\\d+) more days.*", "$1"));
        assertTrue(
            sentence.startsWith(
                "ch stays a challenger: the evidence over 1 day that it is better than the champion"
                    + " is 0."),
            sentence);
        assertEquals(Answer.UNDECIDED, superiority.check(500).answer());
      }
    }
    assertEquals(Standing.BETTER, superiority.standing());
    assertEquals(announced + 1, superiority.days());
    Check check = superiority.check(500);
    assertEquals(Answer.PASSED, check.answer());
    assertEquals(superiority.better().eValue(), check.value());
    assertTrue(check.sentence().endsWith(", reaches the limit of 40.00"), check.sentence());
  }

  @Test
  void aWorseChallengerIsDropped() {
    Superiority superiority = Superiority.start(0);
    while (superiority.standing() == Standing.OPEN) {
      superiority = after(superiority, BETTER.swapped(), 1);
    }
    assertEquals(Standing.WORSE, superiority.standing());
    assertTrue(superiority.days() < 30);
    String sentence = superiority.sentence("ch", 500);
    assertTrue(sentence.startsWith("ch is dropped: the evidence over "), sentence);
    assertTrue(sentence.contains(" that it is worse than the champion, "), sentence);
  }

  @Test
  void aChallengerThatNothingDecidesIsDroppedAfterItsDays() {
    PairedAnswers equal = PairedAnswers.ofCounts(new long[] {280, 6, 6, 5, 20, 5, 5, 170}, 2, 1);
    Superiority superiority = Superiority.start(0);
    for (int day = 1; day < Superiority.MOST_DAYS; day++) {
      superiority = after(superiority, equal, 1);
      assertEquals(Standing.OPEN, superiority.standing());
    }
    superiority = after(superiority, equal, 1);
    assertEquals(Standing.TOO_OLD, superiority.standing());
    String sentence = superiority.sentence("ch", 500);
    assertTrue(
        sentence.startsWith(
            "ch is dropped: a challenger has 90 days to be proved better, and the evidence over 90"
                + " days"),
        sentence);
  }

  @Test
  void aDayOfFewRowsChangesNoEvidence() {
    PairedAnswers few = PairedAnswers.ofCounts(new long[] {0, 0, 30, 0, 0, 30, 0, 0}, 2, 1);
    Superiority superiority = after(Superiority.start(0), few, 1);
    assertTrue(
        superiority.sentence("ch", 60).endsWith(" The day has too few rows to add to it."),
        superiority.sentence("ch", 60));
  }

  @Test
  void challengersThatStartLateHaveTheRestOfTheYear() {
    Superiority late = after(Superiority.start(364), BETTER, 0.5);
    assertEquals(365, late.better().days());
    assertEquals(1, after(late, BETTER, 0.5).better().days());
  }

  /** Of rows that one alone answers rightly, each is the champion's with the probability ½. */
  @Test
  void byAccuracyNoBetGainsOnAverageWithAnyNumberOfRows() {
    for (int rows : new int[] {1, 7, 40}) {
      double[] mean = new double[EValues.BETS];
      double chance = Math.pow(0.5, rows);
      for (int championAlone = 0; championAlone <= rows; championAlone++) {
        PairedAnswers answers = intents(300, championAlone, rows - championAlone);
        EValues evidence = answers.superiority(Metric.ACCURACY);
        assertTrue(evidence.usable());
        for (int bet = 0; bet < mean.length; bet++) {
          mean[bet] += chance * Math.exp(evidence.logs()[bet]);
        }
        chance *= (rows - championAlone) / (championAlone + 1.0);
      }
      for (double wealth : mean) {
        assertEquals(1, wealth, 1e-12, rows + " rows");
      }
    }
  }

  @Test
  void quietYearsOfManyClassesPromoteNoneByAccuracy() {
    int years = 100;
    long promoted =
        IntStream.range(0, years)
            .filter(
                year -> {
                  SplittableRandom random = new SplittableRandom(year);
                  EDetector detector = EDetector.start();
                  for (int day = 0; day < EDetector.YEAR && !detector.isDecided(); day++) {
                    int alone = 10 + random.nextInt(40);
                    int championAlone = Long.bitCount(random.nextLong() >>> (64 - alone));
                    detector =
                        detector.after(
                            intents(5, championAlone, alone - championAlone)
                                .superiority(Metric.ACCURACY));
                  }
                  return detector.isDecided();
                })
            .count();
    assertTrue(promoted <= 0.05 * years, promoted + " of " + years);
  }

  /** With six labels of each of 138 classes a day, macro F1 itself is bet on. */
  @Test
  void macroF1OfManyClassesIsBetOnWhereEachHasLabels() {
    int[] labels = IntStream.range(0, 6 * 138).map(row -> row % 138).toArray();
    int[] champion = IntStream.range(0, labels.length).map(row -> wrongEvery(4, row)).toArray();
    int[] challenger = IntStream.range(0, labels.length).map(row -> wrongEvery(12, row)).toArray();
    PairedAnswers answers = PairedAnswers.of(labels, champion, challenger, 138, 0);
    EValues better = answers.superiority(Metric.F1_MACRO);
    EValues worse = answers.swapped().superiority(Metric.F1_MACRO);
    assertTrue(better.usable() && !better.byAccuracy());
    assertTrue(EDetector.start().after(better).isDecided());
    assertTrue(EDetector.start().after(worse).eValue() < 1.0 / 365);
  }

  private static int wrongEvery(int turn, int row) {
    return row % turn == 0 ? (row + 1) % 138 : row % 138;
  }

  /** A day on which each of 138 classes is rare, and most have no row. */
  private static PairedAnswers intents(int bothRight, int championAlone, int challengerAlone) {
    int classes = 138;
    int rows = bothRight + championAlone + challengerAlone;
    int[] labels = new int[rows];
    int[] champion = new int[rows];
    int[] challenger = new int[rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = row % 50;
      int wrong = 50 + row % 88;
      champion[row] = row < bothRight + championAlone ? labels[row] : wrong;
      boolean isRight = row < bothRight || row >= bothRight + championAlone;
      challenger[row] = isRight ? labels[row] : wrong;
    }
    return PairedAnswers.of(labels, champion, challenger, classes, 0);
  }

  /** Three challengers at a time that answer as well as the champion, each 90 days: one rate. */
  @Test
  void quietYearsPromoteNoneOfSeveralChallengers() {
    int years = 200;
    long promoted = 0;
    for (int year = 0; year < years; year++) {
      promoted += isPromotedByChance(new SplittableRandom(year)) ? 1 : 0;
    }
    assertTrue(promoted <= 0.05 * years, promoted + " of " + years);
  }

  private static boolean isPromotedByChance(SplittableRandom random) {
    Superiority[] challengers = new Superiority[Superiority.MOST_CHALLENGERS];
    for (int day = 0; day < EDetector.YEAR; day++) {
      for (int i = 0; i < challengers.length; i++) {
        if (day % Superiority.MOST_DAYS == 0) {
          challengers[i] = Superiority.start(day);
        }
        challengers[i] = after(challengers[i], quiet(random), 1.0 / challengers.length);
        if (challengers[i].standing() == Standing.BETTER) {
          return true;
        }
      }
    }
    return false;
  }

  private static PairedAnswers quiet(SplittableRandom random) {
    long[] counts = new long[8];
    for (int row = 0; row < 300; row++) {
      int label = random.nextDouble() < 0.2 ? 1 : 0;
      boolean hard = random.nextDouble() < 0.15;
      int champion = label ^ (hard && random.nextBoolean() ? 1 : 0);
      int challenger = label ^ (hard && random.nextBoolean() ? 1 : 0);
      counts[(label * 2 + champion) * 2 + challenger]++;
    }
    return PairedAnswers.ofCounts(counts, 2, 1);
  }

  private static Superiority after(Superiority before, PairedAnswers day, double share) {
    return before.after(
        day.superiority(Metric.F1_SCORE), day.swapped().superiority(Metric.F1_SCORE), share);
  }

  private static Predictions predictions(int[] labels, double... ofPositive) {
    double[] both = new double[2 * labels.length];
    for (int row = 0; row < labels.length; row++) {
      both[2 * row] = 1 - ofPositive[row];
      both[2 * row + 1] = ofPositive[row];
    }
    return new Predictions(labels, both, 2, 1, 0.5);
  }
}
