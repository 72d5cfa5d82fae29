package retune.learning.training;

import java.util.Locale;
import retune.core.metrics.Evaluation;

/** The lines that training writes; people and scripts read them, so their form is fixed. */
public final class TrainingLog {
  private TrainingLog() {}

  /**
   * One epoch of training a classifier.
   *
   * @param loss mean over the training rows
   */
  static String finetune(int epoch, double loss, Evaluation validation) {
    return String.format(
        Locale.ROOT,
        "[Finetune] Epoch %2d | Loss: %.4f | Acc: %.4f | AUC: %.4f | F1: %.4f",
        epoch,
        loss,
        validation.accuracy(),
        validation.rocAuc(),
        validation.f1Score());
  }

  static String pretrain(int epoch, double loss) {
    return String.format(Locale.ROOT, "[Pretrain] Epoch %2d | Loss: %.4f", epoch, loss);
  }

  public static String evaluation(Evaluation evaluation) {
    return String.format(
        Locale.ROOT,
        "Evaluation metrics - Accuracy: %.4f, ROC-AUC: %.4f, F1-score: %.4f",
        evaluation.accuracy(),
        evaluation.rocAuc(),
        evaluation.f1Score());
  }
}
