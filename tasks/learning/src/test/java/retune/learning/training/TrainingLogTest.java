package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class TrainingLogTest {
  /** Right, right, wrong: accuracy 2/3; AUC 1, as both positives score above the negative. */
  private static final Evaluation EVALUATION =
      Evaluation.of(
          new Predictions(new int[] {1, 1, 0}, new double[] {.1, .9, .2, .8, .4, .6}, 2, 1, .5));

  @Test
  void linesHaveTheFormThatScriptsRead() {
    assertEquals(
        "[Finetune] Epoch  1 | Loss: 0.8080 | Acc: 0.6667 | AUC: 1.0000 | F1: 0.8000",
        TrainingLog.finetune(1, 0.80801, EVALUATION, Metric.F1_SCORE));
    assertEquals("[Pretrain] Epoch 12 | Loss: 2.0119", TrainingLog.pretrain(12, 2.0119));
    assertEquals(
        "Evaluation metrics - Accuracy: 0.6667, ROC-AUC: 1.0000, F1-score: 0.8000",
        TrainingLog.evaluation(EVALUATION, Metric.ROC_AUC));
  }

  /** F1 of the positive class 0.8, of the negative class 0: macro F1 0.4. */
  @Test
  void theMetricThatDecidesIsAppendedToALineThatLacksIt() {
    assertEquals(
        "[Finetune] Epoch  1 | Loss: 0.8080 | Acc: 0.6667 | AUC: 1.0000 | F1: 0.8000 | f1_macro:"
            + " 0.4000",
        TrainingLog.finetune(1, 0.80801, EVALUATION, Metric.F1_MACRO));
    assertEquals(
        "Evaluation metrics - Accuracy: 0.6667, ROC-AUC: 1.0000, F1-score: 0.8000, f1_macro:"
            + " 0.4000",
        TrainingLog.evaluation(EVALUATION, Metric.F1_MACRO));
  }
}
