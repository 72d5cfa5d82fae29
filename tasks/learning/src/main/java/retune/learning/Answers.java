package retune.learning;

import java.util.Arrays;
import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.model.engine.Probabilities;

/** What a network answers on rows whose labels are known, dropout off. */
final class Answers {
  private Answers() {}

  static Predictions of(TorchModule module, Labelled rows, Target target, double threshold) {
    float[] logits = TorchEngine.run(module, rows.input().method(), rows.input());
    double[] probabilities =
        Arrays.stream(Probabilities.of(logits, target.classes().size()))
            .flatMapToDouble(Arrays::stream)
            .toArray();
    return Predictions.of(target, rows.labels(), probabilities, threshold);
  }
}
