package retune.core.judgement;

import java.util.Locale;
import java.util.Map;
import retune.core.InvalidInputException;
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
   * Judges the model in production.
   *
   * @param champion its metrics by name, see {@link Evaluation#toMap}
   */
  public Verdict judge(Map<String, Double> champion) {
    double value = value(champion);
    return value >= threshold
        ? new Verdict.Approved(metric, value, threshold, sentence(value, "reaches"))
        : new Verdict.NeedsRetraining(metric, value, threshold, sentence(value, "is below"));
  }

  /**
   * Judges a candidate: it passes if it reaches the threshold and is not below the champion.
   *
   * @param candidate its metrics by name, see {@link Evaluation#toMap}
   * @param champion the champion's metrics on the same rows
   */
  public Verdict judge(Map<String, Double> candidate, Map<String, Double> champion) {
    double value = value(candidate);
    double toBeat = value(champion);
    if (value < threshold) {
      return new Verdict.Rejected(metric, value, threshold, toBeat, sentence(value, "is below"));
    }
    if (value < toBeat) {
      return new Verdict.Rejected(
          metric,
          value,
          threshold,
          toBeat,
          "%s but is below the champion's %s on the same rows."
              .formatted(clause(value, "reaches"), fourDecimals(toBeat)));
    }
    return new Verdict.Approved(
        metric,
        value,
        threshold,
        "%s and is not below the champion's %s on the same rows."
            .formatted(clause(value, "reaches"), fourDecimals(toBeat)));
  }

  /**
   * The value of the gate's metric; an {@link InvalidInputException} if it is not defined.
   *
   * @param metrics by name, see {@link Evaluation#toMap}
   */
  public double value(Map<String, Double> metrics) {
    Double value = metrics.get(metric.id());
    if (value == null) {
      throw new InvalidInputException(
          metric.id()
              + " is not defined on these rows, because one class has no row; choose another metric or"
              + " a larger batch.");
    }
    return value;
  }

  private String sentence(double value, String relation) {
    return clause(value, relation) + ".";
  }

  private String clause(double value, String relation) {
    return "%s %s %s the threshold of %s"
        .formatted(metric.id(), fourDecimals(value), relation, threshold);
  }

  private static String fourDecimals(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }
}
