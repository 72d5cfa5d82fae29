package retune.learning.training;

import java.util.Arrays;
import java.util.Optional;
import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.model.ModelVersion;
import retune.model.engine.Outputs;

/**
 * The champion's answers for labelled rows.
 *
 * @param labels one class index per row; no row is unlabelled
 */
record ChampionAnswers(ModelVersion champion, Outputs outputs, int[] labels) {
  Predictions predictions() {
    return outputs.against(labels);
  }

  /** The same decisions, by the softmax of the logits; equal decisions of two classes only. */
  Predictions uncalibrated() {
    Target target = champion.target();
    int classes = target.classes().size();
    float[] logits = new float[labels.length * classes];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = outputs.logit(i / classes, i % classes);
    }
    return Outputs.of(logits, target, champion.uncalibratedThreshold()).against(labels);
  }

  /** Why nothing can be said of the classes where all rows have the same one. */
  Optional<Trained.Nothing> oneClass() {
    return Arrays.stream(labels).distinct().count() > 1
        ? Optional.empty()
        : Optional.of(
            new Trained.Nothing(
                "all %d training rows have the class '%s'."
                    .formatted(labels.length, champion.target().classes().get(labels[0]))));
  }
}
