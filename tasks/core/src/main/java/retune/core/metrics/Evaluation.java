package retune.core.metrics;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Everything measured on some predictions.
 *
 * @param rocAuc NaN where it is not defined: a class has no row, or all rows
 * @param precision two classes: of the positive class; more: macro
 * @param recall two classes: of the positive class; more: macro
 * @param brierScore see {@link ClassificationMetrics#brierScore}
 * @param calibrationError see {@link ClassificationMetrics#expectedCalibrationError}
 */
public record Evaluation(
    int rows,
    ConfusionMatrix confusion,
    double accuracy,
    double rocAuc,
    double f1Score,
    double f1Macro,
    double f1Weighted,
    double precision,
    double recall,
    double logLoss,
    double brierScore,
    double calibrationError) {

  public static Evaluation of(Predictions predictions) {
    ConfusionMatrix confusion = predictions.confusion();
    int positive = predictions.positive();
    return new Evaluation(
        predictions.rows(),
        confusion,
        confusion.accuracy(),
        ClassificationMetrics.rocAuc(predictions),
        Metric.F1_SCORE.of(confusion, positive),
        confusion.macroF1(),
        confusion.weightedF1(),
        Metric.PRECISION.of(confusion, positive),
        Metric.RECALL.of(confusion, positive),
        ClassificationMetrics.logLoss(predictions),
        ClassificationMetrics.brierScore(predictions),
        ClassificationMetrics.expectedCalibrationError(predictions));
  }

  public double value(Metric metric) {
    return switch (metric) {
      case F1_SCORE -> f1Score;
      case F1_MACRO -> f1Macro;
      case F1_WEIGHTED -> f1Weighted;
      case ACCURACY -> accuracy;
      case ROC_AUC -> rocAuc;
      case PRECISION -> precision;
      case RECALL -> recall;
    };
  }

  /** The metrics by their names in documents, without those that are not defined. */
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
   * The metrics, the confusion matrix and what they were measured on.
   *
   * @param features number of features the model reads
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
