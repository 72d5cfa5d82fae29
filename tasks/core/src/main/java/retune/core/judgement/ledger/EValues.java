package retune.core.judgement.ledger;

import java.util.Arrays;
import java.util.stream.IntStream;
import retune.core.judgement.Gate;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;

/**
 * A day's evidence against a hypothesis: the wealth of {@value #BETS} bets that were worth 1 before
 * the day. The expected value of each is at most 1 while the hypothesis holds, so they are e-values
 * (Ramdas, Grünwald, Vovk &amp; Shafer, 2023, "Game-theoretic statistics and safe anytime-valid
 * inference").
 *
 * @param logs the natural logarithm of each bet's wealth
 * @param usable whether there are enough rows to bet on; otherwise each bet keeps its wealth
 */
public record EValues(double[] logs, boolean usable) {
  /** The number of bets. */
  public static final int BETS = 5;

  /** The least rows a day for metrics on which bets are not exact. */
  public static final int LEAST_ROWS = 100;

  /** The least labels a day of each class for the ROC AUC. */
  public static final int LEAST_LABELS = 50;

  /** Added to the counts of cells, in rows for all cells together. */
  private static final double SMOOTHING = 2;

  public EValues {
    if (logs.length != BETS || Arrays.stream(logs).anyMatch(Double::isNaN)) {
      throw new IllegalArgumentException("not " + BETS + " numbers: " + Arrays.toString(logs));
    }
  }

  /**
   * The evidence of harm: against the hypothesis that the metric is at least the gate's threshold.
   * Exact for accuracy and, with two classes, for F1, precision and recall of the positive class.
   * Macro and weighted means are asymptotic, from {@value #LEAST_ROWS} rows on.
   *
   * @param gate by any metric but the ROC AUC
   * @param positive index of the positive class where there are two classes; otherwise ignored
   */
  public static EValues ofHarm(Gate gate, ConfusionMatrix answers, int positive) {
    double limit = gate.threshold();
    boolean binary = answers.classes() == 2;
    if (gate.metric() == Metric.ACCURACY) {
      long right =
          IntStream.range(0, answers.classes())
              .mapToLong(label -> answers.counts()[label][label])
              .sum();
      return ofShare(right, answers.total() - right, limit);
    }
    if (!binary || gate.metric() == Metric.F1_MACRO || gate.metric() == Metric.F1_WEIGHTED) {
      return ofMean(gate, answers, positive);
    }
    long hits = answers.counts()[positive][positive];
    long missed = answers.trueRows(positive) - hits;
    long falselyAnswered = answers.answeredRows(positive) - hits;
    return switch (gate.metric()) {
      // 2 · hits / (2 · hits + wrong) ≥ limit, solved for the share of hits
      case F1_SCORE -> ofShare(hits, missed + falselyAnswered, limit / (2 - limit));
      case PRECISION -> ofShare(hits, falselyAnswered, limit);
      case RECALL -> ofShare(hits, missed, limit);
      case F1_MACRO, F1_WEIGHTED, ACCURACY, ROC_AUC ->
          throw new IllegalArgumentException(gate.metric() + " is not of one class's answers");
    };
  }

  /**
   * The evidence of harm for the ROC AUC, or of a champion's harm where a challenger ranks better;
   * asymptotic, from {@value #LEAST_LABELS} labels of each class on.
   *
   * @param value the area, or the champion's minus the challenger's
   * @param standardError its standard error on these rows
   * @param limit the least value by the hypothesis: the threshold, or 0 for a difference
   * @param labels rows of each class
   */
  public static EValues ofRocAuc(double value, double standardError, double limit, long[] labels) {
    if (Arrays.stream(labels).anyMatch(rows -> rows < LEAST_LABELS)) {
      return none();
    }
    // Without any error of ranking the standard error is 0; a row is the least that it can be.
    double error = Math.max(standardError, 1.0 / Arrays.stream(labels).sum());
    return new EValues(NormalBets.logWealth(value, error, limit), true);
  }

  /**
   * The evidence of superiority: against the hypothesis that the champion's metric is at least the
   * challenger's on the same rows. Asymptotic, from {@value #LEAST_ROWS} rows on.
   *
   * @param metric any but the ROC AUC
   * @param counts rows by true class, the champion's answer and the challenger's answer, row-major
   * @param positive index of the positive class where there are two classes; otherwise ignored
   */
  public static EValues ofSuperiority(Metric metric, long[] counts, int classes, int positive) {
    if (Arrays.stream(counts).sum() < LEAST_ROWS) {
      return none();
    }
    boolean[] occurs = new boolean[classes];
    for (int cell = 0; cell < counts.length; cell++) {
      if (counts[cell] > 0) {
        occurs[cell / (classes * classes)] = true;
        occurs[cell / classes % classes] = true;
        occurs[cell % classes] = true;
      }
    }
    double[] smoothing =
        smoothing(
            counts.length,
            cell ->
                occurs[cell / (classes * classes)]
                    && occurs[cell / classes % classes]
                    && occurs[cell % classes]);
    TangentBets.Function lead = new CellMetric(metric, classes, positive).firstMinusSecond();
    return new EValues(TangentBets.logWealth(counts, smoothing, lead, 0), true);
  }

  /** The evidence of rows that are too few to bet on. */
  public static EValues none() {
    return new EValues(new double[BETS], false);
  }

  private static EValues ofShare(long right, long wrong, double limit) {
    return new EValues(ShareBets.logWealth(right, wrong, limit), true);
  }

  private static EValues ofMean(Gate gate, ConfusionMatrix answers, int positive) {
    if (answers.total() < LEAST_ROWS || gate.threshold() == 0) {
      return none();
    }
    int classes = answers.classes();
    long[] counts = Arrays.stream(answers.counts()).flatMapToLong(Arrays::stream).toArray();
    double[] smoothing =
        smoothing(
            counts.length,
            cell -> occurs(answers, cell / classes) && occurs(answers, cell % classes));
    CellMetric function = new CellMetric(gate.metric(), classes, positive);
    return new EValues(TangentBets.logWealth(counts, smoothing, function, gate.threshold()), true);
  }

  private static boolean occurs(ConfusionMatrix answers, int label) {
    return answers.classes() == 2 || answers.trueRows(label) + answers.answeredRows(label) > 0;
  }

  private static double[] smoothing(int cells, java.util.function.IntPredicate isPossible) {
    double each = SMOOTHING / IntStream.range(0, cells).filter(isPossible).count();
    return IntStream.range(0, cells)
        .mapToDouble(cell -> isPossible.test(cell) ? each : 0)
        .toArray();
  }
}
