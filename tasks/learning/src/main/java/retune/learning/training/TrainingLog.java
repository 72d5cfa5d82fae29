package retune.learning.training;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;

/** The lines that training logs. Scripts parse them: a line's beginning does not change. */
public final class TrainingLog {
  private TrainingLog() {}

  /** Metrics that every line contains. */
  private static final Set<Metric> SHOWN =
      EnumSet.of(Metric.ACCURACY, Metric.ROC_AUC, Metric.F1_SCORE);

  /**
   * One epoch of training a classifier.
   *
   * @param loss mean over the training rows
   * @param metric the metric that selects the best epoch; appended unless the line has it already
   */
  public static String finetune(int epoch, double loss, Evaluation validation, Metric metric) {
    return String.format(
            Locale.ROOT,
            "[Finetune] Epoch %2d | Loss: %.4f | Acc: %.4f | AUC: %.4f | F1: %.4f",
            epoch,
            loss,
            validation.accuracy(),
            validation.rocAuc(),
            validation.f1Score())
        + appended(" | ", validation, metric);
  }

  /** Early stopping after an epoch. */
  public static String stopped(int epoch, int bestEpoch, Metric metric) {
    return "[Finetune] Stopped after epoch %d: %s has not improved since epoch %d."
        .formatted(epoch, metric.id(), bestEpoch);
  }

  static String pretrain(int epoch, double loss) {
    return String.format(Locale.ROOT, "[Pretrain] Epoch %2d | Loss: %.4f", epoch, loss);
  }

  /**
   * An evaluation.
   *
   * @param metric the metric that decides; appended unless the line has it already
   */
  public static String evaluation(Evaluation evaluation, Metric metric) {
    return String.format(
            Locale.ROOT,
            "Evaluation metrics - Accuracy: %.4f, ROC-AUC: %.4f, F1-score: %.4f",
            evaluation.accuracy(),
            evaluation.rocAuc(),
            evaluation.f1Score())
        + appended(", ", evaluation, metric);
  }

  private static String appended(String separator, Evaluation evaluation, Metric metric) {
    return SHOWN.contains(metric)
        ? ""
        : String.format(
            Locale.ROOT, "%s%s: %.4f", separator, metric.id(), evaluation.value(metric));
  }
}
