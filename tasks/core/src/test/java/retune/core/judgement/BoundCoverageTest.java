package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.judgement.Check.Answer;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Bootstrap;
import retune.core.statistics.PairedBootstrap;

/**
 * How often a bound of 5 % is wrong where the true value is known. The share of 5,000 samples has a
 * standard error of 0.3 percentage points.
 */
@Tag("slow")
class BoundCoverageTest {
  private static final int SAMPLES = 5_000;
  private static final double ALPHA = 0.05;
  private static final double TOLERANCE = 0.01 + 3 * 0.0031;

  /** Samples whose bootstrap is drawn, too; the share has a standard error of 0.9 points. */
  private static final int BOOTSTRAPPED = 600;

  @ParameterizedTest
  @CsvSource({
    "F1_SCORE, 300, 0.22, 0.5, 0.5",
    "F1_SCORE, 1000, 0.05, 0.7, 0.4",
    "F1_SCORE, 3000, 0.22, 0.3, 0.7",
    "F1_MACRO, 300, 0.22, 0.5, 0.5",
    "F1_MACRO, 1000, 0.06, 0.5, 0.5",
    "F1_MACRO, 3000, 0.5, 0.7, 0.6",
    "ACCURACY, 300, 0.22, 0.5, 0.5"
  })
  void eitherSideIsWrongInFivePercentOfTheCases(
      Metric metric, int rows, double share, double recall, double precision) {
    double[] cells = cells(share, recall, precision);
    double truth = truth(metric, cells);
    Gate gate = new Gate(metric, truth);
    SplittableRandom random = new SplittableRandom(17);
    int above = 0;
    int below = 0;
    int decided = 0;
    for (int sample = 0; sample < SAMPLES; sample++) {
      Predictions drawn = draw(cells, rows, random);
      Bound bound =
          Bound.of(
              new Comparison(gate, Evidence.INTERVAL, ALPHA, drawn, drawn), metric, drawn, truth);
      above += bound.answer() == Answer.PASSED ? 1 : 0;
      below += bound.answer() == Answer.FAILED ? 1 : 0;
      decided += bound.interval() == null ? 0 : 1;
    }
    double mostlyDecided = decided > 0.99 * SAMPLES ? ALPHA - TOLERANCE : 0;
    assertTrue(decided > 0.4 * SAMPLES, "decided " + decided);
    assertBetween(mostlyDecided, (double) above / SAMPLES);
    assertBetween(mostlyDecided, (double) below / SAMPLES);
  }

  /** Near 1 the distribution of the area is skewed, and its upper bound misses more often. */
  @ParameterizedTest
  @CsvSource({"1000, 0.06, 1, 0.05", "1000, 0.22, 2, 0.06", "3000, 0.05, 0.5, 0.05"})
  void eitherSideOfARocAucIsWrongInAboutFivePercentOfTheCases(
      int rows, double share, double distance, double most) {
    double truth = NormalDistribution.of(0, Math.sqrt(2)).cumulativeProbability(distance);
    Gate gate = new Gate(Metric.ROC_AUC, truth);
    SplittableRandom random = new SplittableRandom(18);
    int above = 0;
    int below = 0;
    for (int sample = 0; sample < SAMPLES; sample++) {
      Predictions drawn = scores(rows, share, distance, random);
      Bound bound =
          Bound.of(
              new Comparison(gate, Evidence.INTERVAL, ALPHA, drawn, drawn),
              Metric.ROC_AUC,
              drawn,
              truth);
      above += bound.answer() == Answer.PASSED ? 1 : 0;
      below += bound.answer() == Answer.FAILED ? 1 : 0;
    }
    assertTrue((double) above / SAMPLES <= most + TOLERANCE, "above in " + above);
    assertTrue((double) below / SAMPLES <= most + TOLERANCE, "below in " + below);
    assertTrue(above + below > SAMPLES * ALPHA, "wrong in " + (above + below));
  }

  /** A champion and a candidate that agree on most rows, with their true difference. */
  @ParameterizedTest
  @CsvSource({"F1_MACRO, 1000, 0.06", "F1_SCORE, 1000, 0.22", "ACCURACY, 3000, 0.05"})
  void eitherSideOfADifferenceIsWrongInFivePercentOfTheCases(
      Metric metric, int rows, double share) {
    double[] cells = pairedCells(share);
    double truth = truth(metric, answersOf(cells, false)) - truth(metric, answersOf(cells, true));
    SplittableRandom random = new SplittableRandom(19);
    int above = 0;
    int below = 0;
    int decided = 0;
    int outside = 0;
    for (int sample = 0; sample < SAMPLES; sample++) {
      Predictions[] drawn = drawPair(cells, rows, random);
      Bound bound =
          Bound.ofDifference(
              new Comparison(new Gate(metric, 0.5), Evidence.INTERVAL, ALPHA, drawn[1], drawn[0]),
              metric,
              truth);
      above += bound.answer() == Answer.PASSED ? 1 : 0;
      below += bound.answer() == Answer.FAILED ? 1 : 0;
      decided += bound.interval() == null ? 0 : 1;
      if (sample < BOOTSTRAPPED) {
        Bootstrap bootstrap =
            Objects.requireNonNull(
                new PairedBootstrap(sample, 1_000)
                    .differences(Set.of(metric), drawn[0], drawn[1])
                    .get(metric));
        outside += bootstrap.interval(1 - ALPHA).contains(truth) ? 0 : 1;
      }
    }
    assertTrue(decided > 0.8 * SAMPLES, "decided " + decided);
    assertBetween(0, (double) above / SAMPLES);
    assertBetween(0, (double) below / SAMPLES);
    assertTrue(above + below > SAMPLES * ALPHA, "wrong in " + (above + below));
    double missed = (double) outside / BOOTSTRAPPED;
    assertTrue(missed > 0.023 && missed < 0.077, "the bootstrap's interval misses in " + missed);
  }

  private static void assertBetween(double least, double wrong) {
    assertTrue(wrong >= least && wrong <= ALPHA + TOLERANCE, "wrong in " + wrong);
  }

  /** The shares of each true class, champion's answer and candidate's answer, in that order. */
  private static double[] pairedCells(double share) {
    double[] cells = new double[8];
    for (int cell = 0; cell < cells.length; cell++) {
      int label = cell / 4;
      boolean championIsRight = cell / 2 % 2 == label;
      boolean candidateIsRight = cell % 2 == label;
      double right = label == 1 ? 0.6 : 0.95;
      double followed = championIsRight == candidateIsRight ? 0.85 : 0.15;
      cells[cell] =
          (label == 1 ? share : 1 - share) * (championIsRight ? right : 1 - right) * followed;
    }
    return cells;
  }

  /** The shares of true class and one's answer. */
  private static double[] answersOf(double[] paired, boolean champion) {
    double[] cells = new double[4];
    for (int cell = 0; cell < paired.length; cell++) {
      cells[cell / 4 * 2 + (champion ? cell / 2 % 2 : cell % 2)] += paired[cell];
    }
    return cells;
  }

  private static Predictions[] drawPair(double[] cells, int rows, SplittableRandom random) {
    int[] labels = new int[rows];
    double[][] probabilities = new double[2][2 * rows];
    for (int row = 0; row < rows; row++) {
      int cell = cell(cells, random);
      labels[row] = cell / 4;
      probabilities[0][2 * row + cell / 2 % 2] = 1;
      probabilities[1][2 * row + cell % 2] = 1;
    }
    return new Predictions[] {
      new Predictions(labels, probabilities[0], 2, 1, 0.5),
      new Predictions(labels, probabilities[1], 2, 1, 0.5)
    };
  }

  /** Scores of two normal distributions whose means differ by the distance. */
  private static Predictions scores(
      int rows, double share, double distance, SplittableRandom random) {
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = random.nextDouble() < share ? 1 : 0;
      double score = random.nextGaussian() + distance * labels[row];
      probabilities[2 * row + 1] = 1 / (1 + Math.exp(-score));
      probabilities[2 * row] = 1 - probabilities[2 * row + 1];
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }

  /** The shares of [true 0, answered 0], [0, 1], [1, 0] and [1, 1]. */
  private static double[] cells(double share, double recall, double precision) {
    double hits = share * recall;
    double falseAlarms = hits / precision - hits;
    return new double[] {1 - share - falseAlarms, falseAlarms, share - hits, hits};
  }

  private static double truth(Metric metric, double[] cells) {
    long[] counts = new long[4];
    for (int cell = 0; cell < 4; cell++) {
      counts[cell] = Math.round(cells[cell] * 1e12);
    }
    return metric.of(
        new ConfusionMatrix(new long[][] {{counts[0], counts[1]}, {counts[2], counts[3]}}), 1);
  }

  private static Predictions draw(double[] cells, int rows, SplittableRandom random) {
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      int cell = cell(cells, random);
      labels[row] = cell / 2;
      probabilities[2 * row + cell % 2] = 1;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }

  private static int cell(double[] cells, SplittableRandom random) {
    double place = random.nextDouble();
    int cell = 0;
    while (cell < cells.length - 1 && place >= cells[cell]) {
      place -= cells[cell++];
    }
    return cell;
  }
}
