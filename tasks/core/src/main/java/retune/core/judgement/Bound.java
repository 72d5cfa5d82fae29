package retune.core.judgement;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check.Answer;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.core.statistics.Interval;

/**
 * Whether a value is at least a limit, as far as its rows tell.
 *
 * <p>With {@link Evidence#INTERVAL} the ends are those of two one-sided confidence bounds by {@link
 * Influence}. In simulations with 50 rows of the rarest class and more, each misses its true value
 * in 5.0 to 5.9 % of the cases at a level of 5 %, that of a ROC AUC of 0.92 in up to 7.2 %; with 10
 * rows it is up to 9 %, so that below {@value #LEAST_ROWS} nothing is decided. From {@value
 * #MANY_CLASSES} classes on the sampled macro F1 lies below the true one, so that the lower bound
 * holds with any number of rows (it misses in at most 6 %), and only the upper one is not used.
 *
 * @param interval null with {@link Evidence#POINT}, or where the rows are too few
 * @param moreRows about how many more rows like these would decide with a power of 80 %; 0 where
 *     the answer is known, or a million would not do
 * @param rarest rows of the rarest class
 */
record Bound(
    double value,
    double limit,
    @Nullable Interval interval,
    Answer answer,
    long moreRows,
    long rarest) {
  /** Rows of the rarest class without which no bound is believed. */
  static final int LEAST_ROWS = 50;

  /** Classes from which the lower bound holds with any number of rows. */
  static final int MANY_CLASSES = 10;

  private static final double POWER = 0.8;
  private static final long TOO_MANY = 1_000_000;

  /** Whether the metric's value is at least the limit. */
  static Bound of(Comparison comparison, Metric metric, Predictions predictions, double limit) {
    double value = metric.of(predictions);
    return comparison.evidence() == Evidence.POINT
        ? point(value, limit)
        : of(comparison.alpha(), value, limit, predictions, Influence.of(metric, predictions));
  }

  /** Whether the candidate's metric less the champion's is at least the limit. */
  static Bound ofDifference(Comparison comparison, Metric metric, double limit) {
    Predictions candidate = comparison.candidate();
    Predictions champion = comparison.champion();
    double value = metric.of(candidate) - metric.of(champion);
    return comparison.evidence() == Evidence.POINT
        ? point(value, limit)
        : of(
            comparison.alpha(),
            value,
            limit,
            candidate,
            Influence.of(metric, candidate).minus(Influence.of(metric, champion)));
  }

  /** Whether the candidate's metric is above the champion's; equal models are not. */
  static Bound ofSuperiority(Comparison comparison, Metric metric) {
    Bound above = ofDifference(comparison, metric, Double.MIN_VALUE);
    return new Bound(above.value, 0, above.interval, above.answer, above.moreRows, above.rarest);
  }

  private static Bound point(double value, double limit) {
    return new Bound(value, limit, null, value >= limit ? Answer.PASSED : Answer.FAILED, 0, 0);
  }

  /**
   * Whether a value is at least the limit, whose influences are given.
   *
   * @param relevant rows of the class that the value is about; too few decide nothing
   */
  static Bound ofValue(
      Evidence evidence,
      double alpha,
      double value,
      double limit,
      Influence influence,
      long relevant) {
    return evidence == Evidence.POINT
        ? point(value, limit)
        : of(alpha, value, limit, influence, relevant, false);
  }

  /** Whether the rows of each class are enough for a bound, or the classes are many. */
  static boolean isBelievable(Predictions predictions) {
    return predictions.classes() >= MANY_CLASSES || Guessing.of(predictions).rarest() >= LEAST_ROWS;
  }

  private static Bound of(
      double alpha, double value, double limit, Predictions predictions, Influence influence) {
    long rarest = Guessing.of(predictions).rarest();
    return of(alpha, value, limit, influence, rarest, predictions.classes() >= MANY_CLASSES);
  }

  private static Bound of(
      double alpha,
      double value,
      double limit,
      Influence influence,
      long rarest,
      boolean manyClasses) {
    int count = influence.values().length;
    boolean enough = rarest >= LEAST_ROWS;
    if (!enough && !manyClasses) {
      long needed = rarest == 0 ? 0 : (long) Math.ceil(count * (double) LEAST_ROWS / rarest);
      return new Bound(value, limit, null, Answer.UNDECIDED, Math.max(0, needed - count), rarest);
    }
    Interval interval = influence.interval(value, 1 - 2 * alpha);
    if (interval.low() >= limit) {
      return new Bound(value, limit, interval, Answer.PASSED, 0, rarest);
    }
    if (enough && interval.high() < limit) {
      return new Bound(value, limit, interval, Answer.FAILED, 0, rarest);
    }
    double rows = influence.rowsToDetect(Math.abs(value - limit), alpha, POWER);
    long more = rows > TOO_MANY ? 0 : Math.max(1, (long) rows - count);
    return new Bound(value, limit, interval, Answer.UNDECIDED, more, rarest);
  }

  /** The same where the rows are one of so many parts. */
  Bound ofOneIn(double parts) {
    return new Bound(value, limit, interval, answer, (long) Math.ceil(moreRows * parts), rarest);
  }

  boolean passed() {
    return answer == Answer.PASSED;
  }

  /** What is known of the true value, in brackets after a space; empty without an interval. */
  String words() {
    if (answer == Answer.UNDECIDED && interval == null) {
      return " (the rarest class has %d of the %d rows that a confidence bound needs)"
          .formatted(rarest, LEAST_ROWS);
    }
    if (interval == null) {
      return "";
    }
    double confidence = (1 + interval.confidence()) / 2 * 100;
    String level =
        String.format(Locale.ROOT, "%.1f", confidence).replaceFirst("[.]0$", "") + " % confidence";
    return switch (answer) {
      case PASSED -> " (at least %s with %s)".formatted(Check.fourDecimals(interval.low()), level);
      case FAILED -> " (at most %s with %s)".formatted(Check.fourDecimals(interval.high()), level);
      case UNDECIDED ->
          " (between %s and %s, each with %s)"
              .formatted(
                  Check.fourDecimals(interval.low()), Check.fourDecimals(interval.high()), level);
      case ASKED -> throw new IllegalStateException("is the answer of a rule, not of a bound");
    };
  }

  Check check(String name, long rows, String sentence) {
    return new Check(name, value, limit, interval, answer, rows, moreRows, true, sentence);
  }
}
