package retune.core.judgement;

import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;

/**
 * The condition that a model must meet.
 *
 * @param threshold the least value of the metric that passes, 0 … 1
 */
public record Gate(Metric metric, double threshold) {
  public Gate {
    if (!(threshold >= 0 && threshold <= 1)) {
      throw new InvalidInputException(
          "The threshold is " + threshold + "; give a number from 0 to 1.");
    }
  }

  /**
   * Judges the model in production by its value alone.
   *
   * @param champion its metrics by name, see {@link Evaluation#toMap}
   * @param rows number of rows that it was measured on
   */
  public Verdict judge(Map<String, Double> champion, long rows) {
    double value = value(champion);
    boolean passed = value >= threshold;
    Check check =
        Check.plain(
            Check.GATE,
            value,
            threshold,
            passed,
            rows,
            sentence(value, "", passed ? "reaches" : "is below"));
    return new Verdict(
        passed ? Kind.APPROVED : Kind.NEEDS_RETRAINING,
        metric,
        value,
        threshold,
        List.of(check),
        check.sentence() + ".");
  }

  /**
   * The value of the gate's metric; an {@link InvalidInputException} if it is not defined.
   *
   * @param metrics by name, see {@link Evaluation#toMap}
   */
  public double value(Map<String, Double> metrics) {
    return defined(metrics.getOrDefault(metric.id(), Double.NaN));
  }

  /** The value; an {@link InvalidInputException} where it is NaN. */
  double defined(double value) {
    if (Double.isNaN(value)) {
      throw new InvalidInputException(
          metric.id()
              + " is not defined on these rows, because one class has no row; choose another metric"
              + " or a larger batch.");
    }
    return value;
  }

  /**
   * How the value stands to the threshold, as published.
   *
   * @param bound what is known of the true value, with a space before it; empty without evidence
   */
  String sentence(double value, String bound, String relation) {
    return "%s %s%s %s the threshold of %s"
        .formatted(metric.id(), Check.fourDecimals(value), bound, relation, threshold);
  }
}
