package retune.learning.training;

import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.learning.torch.TorchEngine;
import retune.learning.torch.TorchModule;
import retune.model.engine.Probabilities;

/** What a network answers on rows whose labels are known, dropout off. */
final class Answers {
  private Answers() {}

  static Predictions of(TorchModule module, LabelledRows rows, Target target, double threshold) {
    float[] logits = TorchEngine.run(module, rows.input().method(), rows.input());
    return Predictions.of(
        target, rows.labels(), Probabilities.rowMajor(logits, target.classes().size()), threshold);
  }
}
