package retune.core.judgement;

import java.util.List;
import java.util.Locale;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * What earlier systems said and decided of a retrained model, by its accuracy and macro F1 less
 * those of the model in production: a version is deployed that is better, or that loses at most
 * {@value #TOLERANCE}.
 */
public final class PublishedComparison {
  /** How much a version may lose that is to be fresh rather than better. */
  public static final double TOLERANCE = 0.01;

  private PublishedComparison() {}

  /**
   * What is asked beside the gate: an accuracy that holds must not hide a macro F1 that falls. A
   * gate of another metric asks for what matters itself.
   */
  public static List<Check> checks(Gate gate, Predictions candidate, Predictions champion) {
    if (gate.metric() != Metric.ACCURACY) {
      return List.of();
    }
    double before = Metric.F1_MACRO.of(champion);
    double lost = Metric.F1_MACRO.of(candidate) - before;
    return List.of(
        Check.plain(
            Metric.F1_MACRO.id(),
            lost,
            -TOLERANCE,
            lost >= -TOLERANCE,
            candidate.rows(),
            "macro F1 is %s %s the champion's %s, where %s may be lost"
                .formatted(
                    Check.fourDecimals(Math.abs(lost)),
                    lost < 0 ? "below" : "above",
                    Check.fourDecimals(before),
                    TOLERANCE)));
  }

  /** The published sentence about two differences, without a full stop. */
  public static String words(double accuracy, double f1) {
    if (accuracy >= 0 && f1 >= 0 && accuracy + f1 > 0) {
      return differences("Performance improved", accuracy, f1);
    }
    return accuracy >= -TOLERANCE && f1 >= -TOLERANCE
        ? "Performance maintained within tolerance"
        : differences("Performance degraded", accuracy, f1);
  }

  private static String differences(String what, double accuracy, double f1) {
    return String.format(Locale.ROOT, "%s: accuracy %+.4f, F1 %+.4f", what, accuracy, f1);
  }
}
