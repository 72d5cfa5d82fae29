package retune.core.judgement;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.core.statistics.Interval;
import retune.core.statistics.SamplingDistribution;

/**
 * A metric of two models on the same rows.
 *
 * @param name as comparison reports call it: {@code auc}
 * @param baseline the baseline's value
 * @param candidate the new model's value
 * @param distribution of the improvement, which is above 0 where the new model is better: of the
 *     log loss it is the fall
 */
public record Difference(
    String name, double baseline, double candidate, SamplingDistribution distribution) {
  /** The name of the log loss, which is not a {@link Metric}: less is better. */
  static final String LOG_LOSS = "log_loss";

  /** The name of a metric in comparison reports. */
  public static String name(Metric metric) {
    return switch (metric) {
      case F1_SCORE -> "f1";
      case ROC_AUC -> "auc";
      case ACCURACY, F1_MACRO, F1_WEIGHTED, PRECISION, RECALL -> metric.id();
    };
  }

  /** By how much the new model is better. */
  public double improvement() {
    return distribution.estimate();
  }

  /** The improvement as a percentage of the baseline's value; null where that is 0. */
  public @Nullable Double percent() {
    return baseline == 0 ? null : 100 * improvement() / baseline;
  }

  /** The p-value of the hypothesis that the two are alike. */
  public double pValue() {
    return distribution.pValue(0);
  }

  Map<String, Double> toMap(double alpha) {
    Map<String, Double> fields = new LinkedHashMap<>();
    fields.put("baseline", baseline);
    fields.put("new", candidate);
    fields.put("absolute_improvement", improvement());
    Double percent = percent();
    if (percent != null) {
      fields.put("percent_improvement", percent);
    }
    Interval interval = distribution.interval(1 - alpha);
    fields.put("low", interval.low());
    fields.put("high", interval.high());
    fields.put("p_value", pValue());
    return fields;
  }
}
