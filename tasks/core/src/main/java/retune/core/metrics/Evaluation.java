package retune.core.metrics;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * All metrics of some predictions.
 *
 * @param rows number of labelled rows
 * @param values each metric's value; NaN for a metric that is not defined
 * @param logLoss see {@link ClassificationMetrics#logLoss}
 * @param brierScore see {@link ClassificationMetrics#brierScore}
 * @param calibrationError see {@link ClassificationMetrics#expectedCalibrationError}
 */
public record Evaluation(
    int rows,
    ConfusionMatrix confusion,
    Map<Metric, Double> values,
    double logLoss,
    double brierScore,
    double calibrationError) {

  public Evaluation {
    values = Map.copyOf(values);
  }

  public static Evaluation of(Predictions predictions) {
    ConfusionMatrix confusion = predictions.confusion();
    Map<Metric, Double> values = new EnumMap<>(Metric.class);
    for (Metric metric : Metric.values()) {
      values.put(
          metric,
          metric.dependsOnAnswers()
              ? metric.of(confusion, predictions.positive())
              : metric.of(predictions));
    }
    return new Evaluation(
        predictions.rows(),
        confusion,
        values,
        ClassificationMetrics.logLoss(predictions),
        ClassificationMetrics.brierScore(predictions),
        ClassificationMetrics.expectedCalibrationError(predictions));
  }

  public double value(Metric metric) {
    return values.getOrDefault(metric, Double.NaN);
  }

  public double accuracy() {
    return value(Metric.ACCURACY);
  }

  /** NaN if a class has no row, or all rows. */
  public double rocAuc() {
    return value(Metric.ROC_AUC);
  }

  public double f1Score() {
    return value(Metric.F1_SCORE);
  }

  public double f1Macro() {
    return value(Metric.F1_MACRO);
  }

  public double f1Weighted() {
    return value(Metric.F1_WEIGHTED);
  }

  public double precision() {
    return value(Metric.PRECISION);
  }

  public double recall() {
    return value(Metric.RECALL);
  }

  /** The metrics by their names in documents, without undefined ones. */
  public Map<String, Double> toMap() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    for (Metric metric : Metric.values()) {
      metrics.put(metric.id(), value(metric));
    }
    metrics.put("log_loss", logLoss);
    metrics.put("brier_score", brierScore);
    metrics.put("expected_calibration_error", calibrationError);
    metrics.values().removeIf(value -> value.isNaN());
    return metrics;
  }

  /**
   * The metrics, the confusion matrix and a description of the data.
   *
   * @param features number of the model's features
   * @param trainingDate when the model was trained
   */
  public Map<String, Object> toReport(int features, String trainingDate) {
    Map<String, Object> report = new LinkedHashMap<>(toMap());
    report.put("confusion_matrix", confusion.toLists());
    report.put("n_classes", confusion.classes());
    report.put("n_features", features);
    report.put("n_samples", rows);
    report.put("training_date", trainingDate);
    return report;
  }
}
