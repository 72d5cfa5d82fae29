package retune.core.judgement.ledger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import retune.core.judgement.Gate;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;

/**
 * Macro F1 over many classes whose rows are few on a day, by simulation: days are counted together
 * until each class has five labels.
 */
class ManyClassesTest {
  private static final int LEAST = EValues.LEAST_OF_MANY;

  @Test
  void noBetOnDaysThatAreCountedTogetherGainsOnAverage() {
    Intents intents = new Intents(20, 0.6);
    double[] mean = intents.meanWealth(60, intents.macroF1(), 1_200);
    // A bet of λ has the standard deviation √(exp(λ²) − 1): four standard errors of 1,200 bets.
    assertTrue(mean[0] <= 1.03, mean[0] + " with λ = 0.25");
    assertTrue(mean[1] <= 1.07, mean[1] + " with λ = 0.5");
    assertTrue(mean[2] <= 1.16, mean[2] + " with λ = 1");
    double[] harmed = intents.meanWealth(60, intents.macroF1() + 0.05, 300);
    assertTrue(harmed[0] > 1.2, harmed[0] + " below the gate");
  }

  @Tag("slow")
  @Test
  void quietYearsOf77IntentsStayQuietAndALossIsFound() {
    Intents intents = new Intents(77, 0.6);
    for (int year = 0; year < 6; year++) {
      assertEquals(EDetector.YEAR + 1, intents.daysToDecide(576, 0, year), "year " + year);
    }
    for (int year = 0; year < 10; year++) {
      int days = intents.daysToDecide(576, 0.05, year);
      assertTrue(days <= 40, "a loss of 0.05 after " + days + " days");
    }
  }

  /**
   * A classifier of intents, each mostly mistaken for three others.
   *
   * @param priors cumulative shares of the intents
   * @param answers cumulative shares of the answers to each
   */
  private record Intents(double[] priors, double[][] answers) {
    /**
     * One that answers 70 to 100 % of each intent rightly.
     *
     * @param spread standard deviation of the logarithms of the intents' shares
     */
    Intents(int classes, double spread) {
      this(
          cumulative(
              new SplittableRandom(1)
                  .doubles(classes)
                  // the logistic distribution of this deviation
                  .map(u -> Math.exp(spread * Math.sqrt(3) / Math.PI * Math.log(u / (1 - u))))),
          answers(classes, new SplittableRandom(2)));
    }

    private static double[][] answers(int classes, SplittableRandom random) {
      double[][] answers = new double[classes][];
      for (int label = 0; label < classes; label++) {
        double[] shares = new double[classes];
        double wrong = 0.3 * random.nextDouble();
        Arrays.fill(shares, 0.2 * wrong / (classes - 1));
        for (int other = 0; other < 3; other++) {
          shares[(label + 1 + random.nextInt(classes - 1)) % classes] += 0.8 * wrong / 3;
        }
        shares[label] = 1 - wrong;
        answers[label] = cumulative(DoubleStream.of(shares));
      }
      return answers;
    }

    private static double[] cumulative(DoubleStream shares) {
      double[] sums = shares.toArray();
      Arrays.parallelPrefix(sums, Double::sum);
      double sum = sums[sums.length - 1];
      return Arrays.stream(sums).map(value -> value / sum).toArray();
    }

    double macroF1() {
      int classes = priors.length;
      long[][] counts = new long[classes][classes];
      for (int label = 0; label < classes; label++) {
        for (int answer = 0; answer < classes; answer++) {
          counts[label][answer] =
              Math.round(1e12 * share(priors, label) * share(answers[label], answer));
        }
      }
      return new ConfusionMatrix(counts).macroF1();
    }

    private static double share(double[] cumulative, int at) {
      return cumulative[at] - (at == 0 ? 0 : cumulative[at - 1]);
    }

    /** Adds a day's rows. */
    void draw(long[][] counts, int rows, SplittableRandom random) {
      for (int row = 0; row < rows; row++) {
        int label = pick(priors, random);
        counts[label][pick(answers[label], random)]++;
      }
    }

    private static int pick(double[] cumulative, SplittableRandom random) {
      int found = Arrays.binarySearch(cumulative, random.nextDouble());
      return Math.min(found < 0 ? -found - 1 : found, cumulative.length - 1);
    }

    /** The mean wealth of each bet over many bets on days that are counted together. */
    double[] meanWealth(int rows, double limit, int bets) {
      SplittableRandom random = new SplittableRandom(3);
      double[] mean = new double[EValues.BETS];
      for (int bet = 0; bet < bets; bet++) {
        long[][] counts = new long[priors.length][priors.length];
        EValues evidence = EValues.none();
        while (!evidence.usable()) {
          draw(counts, rows, random);
          evidence = evidence(counts, limit);
        }
        for (int stake = 0; stake < mean.length; stake++) {
          mean[stake] += Math.exp(evidence.logs()[stake]) / bets;
        }
      }
      return mean;
    }

    /** The day of a year on which harm is decided; one more than a year where it is not. */
    int daysToDecide(int rows, double loss, int year) {
      SplittableRandom random = new SplittableRandom(year);
      double limit = macroF1() + loss;
      EDetector detector = EDetector.start();
      long[][] counts = new long[priors.length][priors.length];
      for (int day = 1; day <= EDetector.YEAR; day++) {
        draw(counts, rows, random);
        EValues evidence = evidence(counts, limit);
        detector = detector.after(evidence);
        if (detector.isDecided()) {
          return day;
        }
        if (evidence.usable()) {
          counts = new long[priors.length][priors.length];
        }
      }
      return EDetector.YEAR + 1;
    }

    private static EValues evidence(long[][] counts, double limit) {
      boolean few = Arrays.stream(counts).anyMatch(row -> Arrays.stream(row).sum() < LEAST);
      EValues evidence =
          EValues.ofHarm(new Gate(Metric.F1_MACRO, limit), new ConfusionMatrix(counts), 0);
      assertEquals(!few, evidence.usable());
      return evidence;
    }
  }
}
