package retune.core.judgement.ledger;

import java.util.Arrays;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Evidence against a hypothesis that may cease to hold on any day, added up over the days that it
 * may cease on: an e-detector (Shin, Ramdas &amp; Rinaldo, 2024, "E-detectors: a nonparametric
 * framework for sequential change detection"). On each day that counts, a new e-process starts with
 * 1/{@value #YEAR} of the wealth, and all that run are multiplied by the day's {@link EValues}. The
 * weights of a year sum to 1, so by Ville's inequality at most one year in {@link #LIMIT} reaches
 * the limit while the hypothesis holds.
 *
 * <p>The days of a year are counted, not read from the calendar. A year begins without wealth, and
 * a restart within it keeps the weights that are left, so that no restart buys a new chance. Wealth
 * above the limit is thrown away at the next day, so that a decision stands only while the days
 * confirm it.
 *
 * @param logWealth the natural logarithm of the wealth of each bet, over all starts
 * @param days the days of this year that have counted, at most {@value #YEAR}
 */
public record EDetector(double[] logWealth, int days) {
  /** The days of a year. */
  public static final int YEAR = 365;

  /** The share of years in which a hypothesis that holds is given up for harm or superiority. */
  public static final double ALPHA = 0.05;

  /** The e-value that decides: half of {@link #ALPHA} is for harm, half for all challengers. */
  public static final double LIMIT = 2 / ALPHA;

  private static final double LOG_LIMIT = Math.log(LIMIT);
  private static final int FARTHEST = 10 * YEAR;

  /** Before the first day. */
  public static EDetector start() {
    return new EDetector(nothing(), 0);
  }

  /** The same with the weights that the year has left and without wealth, as after a promotion. */
  public EDetector restart() {
    return new EDetector(nothing(), days);
  }

  /** After one more day. */
  public EDetector after(EValues evidence) {
    return after(evidence, 1);
  }

  /**
   * After one more day on which several challengers share the day's weight.
   *
   * @param share of the weight, 0 … 1; those of one day sum to at most 1
   */
  public EDetector after(EValues evidence, double share) {
    EDetector before = days == YEAR ? start() : capped();
    double weight = Math.log(share / YEAR);
    return new EDetector(
        IntStream.range(0, EValues.BETS)
            .mapToDouble(bet -> logSum(before.logWealth[bet], weight) + evidence.logs()[bet])
            .toArray(),
        before.days + 1);
  }

  /** The evidence so far: the mean wealth of the bets. */
  public double eValue() {
    return Math.min(Math.exp(log()), Double.MAX_VALUE);
  }

  /** Whether the evidence decides against the hypothesis. */
  public boolean isDecided() {
    return log() >= LOG_LIMIT;
  }

  /**
   * About how many more days like one would decide; empty where they never would.
   *
   * @param evidence of that day
   */
  public OptionalInt daysToDecide(EValues evidence) {
    EDetector later = this;
    for (int more = 0; more <= FARTHEST; more++) {
      if (later.isDecided()) {
        return OptionalInt.of(more);
      }
      later = later.after(evidence);
    }
    return OptionalInt.empty();
  }

  private double log() {
    double greatest = Arrays.stream(logWealth).max().orElseThrow();
    return greatest == Double.NEGATIVE_INFINITY
        ? greatest
        : greatest
            + Math.log(
                Arrays.stream(logWealth).map(log -> Math.exp(log - greatest)).sum() / EValues.BETS);
  }

  private EDetector capped() {
    double excess = Math.max(0, log() - LOG_LIMIT);
    return new EDetector(Arrays.stream(logWealth).map(log -> log - excess).toArray(), days);
  }

  private static double[] nothing() {
    double[] logs = new double[EValues.BETS];
    Arrays.fill(logs, Double.NEGATIVE_INFINITY);
    return logs;
  }

  private static double logSum(double first, double second) {
    double greater = Math.max(first, second);
    return greater + Math.log1p(Math.exp(Math.min(first, second) - greater));
  }
}
