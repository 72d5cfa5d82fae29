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
 * @param byAccuracy whether accuracy took the place of a metric for which some class has too few
 *     labels
 */
public record EValues(double[] logs, boolean usable, boolean byAccuracy) {
  /** The number of bets. */
  public static final int BETS = 5;

  /** The least rows a day for metrics on which bets are not exact. */
  public static final int LEAST_ROWS = 100;

  /** The least labels a day of each class for means over more than two classes. */
  public static final int LEAST_OF_MANY = 5;

  /** The classes from which accuracy takes the place of a mean over classes with too few labels. */
  public static final int MANY_CLASSES = 10;

  /** The least labels a day of each class for the ROC AUC. */
  public static final int LEAST_LABELS = 50;

  /** To which a bias is rounded. */
  private static final double PRECISION = 1e-6;

  public EValues {
    if (logs.length != BETS || Arrays.stream(logs).anyMatch(Double::isNaN)) {
      throw new IllegalArgumentException("not " + BETS + " numbers: " + Arrays.toString(logs));
    }
  }

  /** By the metric that is asked for. */
  public EValues(double[] logs, boolean usable) {
    this(logs, usable, false);
  }

  /**
   * The evidence of harm: against the hypothesis that the metric is at least the gate's threshold.
   * Exact for accuracy and, with two classes, for F1, precision and recall of the positive class.
   * Macro and weighted means are asymptotic, from {@value #LEAST_ROWS} rows on and, with more than
   * two classes, from {@value #LEAST_OF_MANY} labels of each.
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
   * challenger's on the same rows.
   *
   * <p>Exact for accuracy, with any number of classes and rows: by the hypothesis, of the rows that
   * one version alone answers rightly, at least half are the champion's (McNemar, 1947, "Note on
   * the sampling error of the difference between correlated proportions or percentages").
   * Asymptotic for other metrics, from as many rows on as {@link #ofHarm}. From {@value
   * #MANY_CLASSES} classes on, a day with fewer is bet on by accuracy; over such days, the evidence
   * is against the hypothesis that the champion is at least as good by both metrics.
   *
   * @param metric any but the ROC AUC
   */
  public static EValues ofSuperiority(Metric metric, PairedAnswers answers) {
    if (isByAccuracy(metric, answers)) {
      double[] logs = ShareBets.logWealth(answers.championAlone(), answers.challengerAlone(), 0.5);
      return new EValues(logs, true, metric != Metric.ACCURACY);
    }
    long[] labels = answers.labels();
    if (areTooFew(labels)) {
      return none();
    }
    CellMetric function = new CellMetric(metric, answers.classes(), answers.positive());
    long rows = Arrays.stream(labels).sum();
    return new EValues(TangentBets.logWealth(PairedShares.of(function, answers), rows, 0), true);
  }

  /** Whether bets on a challenger by this metric are on the rows that one alone answers rightly. */
  public static boolean isByAccuracy(Metric metric, PairedAnswers answers) {
    return switch (metric) {
      case ACCURACY -> true;
      case ROC_AUC -> false;
      case F1_SCORE, F1_MACRO, F1_WEIGHTED, PRECISION, RECALL ->
          answers.classes() >= MANY_CLASSES && areTooFew(answers.labels());
    };
  }

  /** The evidence of rows that are too few to bet on. */
  public static EValues none() {
    return new EValues(new double[BETS], false);
  }

  private static EValues ofShare(long right, long wrong, double limit) {
    return new EValues(ShareBets.logWealth(right, wrong, limit), true);
  }

  private static EValues ofMean(Gate gate, ConfusionMatrix answers, int positive) {
    int classes = answers.classes();
    long[] labels = IntStream.range(0, classes).mapToLong(answers::trueRows).toArray();
    if (areTooFew(labels) || gate.threshold() == 0) {
      return none();
    }
    long[] counts = Arrays.stream(answers.counts()).flatMapToLong(Arrays::stream).toArray();
    CellMetric function = new CellMetric(gate.metric(), classes, positive);
    double limit = gate.threshold() + bias(gate.metric(), answers, positive);
    AnswerShares day = AnswerShares.of(function, counts);
    return new EValues(TangentBets.logWealth(day, answers.total(), limit), true);
  }

  /**
   * How much greater the metric of sampled rows is than the true one on average, mostly below 0, by
   * the jackknife (Quenouille, 1956). Over many classes with few rows each, and over many days, it
   * adds up to false evidence. Rounded, so that a program that adds in another order finds the
   * same.
   */
  private static double bias(Metric metric, ConfusionMatrix answers, int positive) {
    long[][] counts = Arrays.stream(answers.counts()).map(long[]::clone).toArray(long[][]::new);
    ConfusionMatrix others = new ConfusionMatrix(counts);
    double rows = answers.total();
    double mean = 0;
    for (long[] ofLabel : counts) {
      for (int answer = 0; answer < ofLabel.length; answer++) {
        long here = ofLabel[answer];
        if (here > 0) {
          ofLabel[answer]--;
          mean += here / rows * metric.of(others, positive);
          ofLabel[answer]++;
        }
      }
    }
    double bias = (rows - 1) * (mean - metric.of(answers, positive));
    return Math.rint(bias / PRECISION) * PRECISION;
  }

  /**
   * Whether rows are too few for bets that are not exact.
   *
   * @param labels rows of each class
   */
  private static boolean areTooFew(long[] labels) {
    return Arrays.stream(labels).sum() < LEAST_ROWS
        || (labels.length > 2 && Arrays.stream(labels).anyMatch(rows -> rows < LEAST_OF_MANY));
  }
}
