package retune.learning.text;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.model.engine.LinearHead;
import retune.model.engine.Outputs;

/**
 * Encoded texts with labels.
 *
 * @param values of all texts, see {@link retune.core.preprocessing.TfIdf}
 * @param size numbers of a text
 * @param rows the texts that are meant, as positions among all
 * @param labels one class index per text that is meant
 * @param weights what each text counts in the loss, one per text of all; null where all count alike
 */
record EncodedTexts(
    float[] values, int size, int[] rows, int[] labels, double @Nullable [] weights) {
  EncodedTexts(float[] values, int size, int[] rows, int[] labels) {
    this(values, size, rows, labels, null);
  }

  /** Some of all texts. */
  static EncodedTexts select(float[] values, int size, int[] rows, int[] allLabels) {
    return new EncodedTexts(
        values, size, rows, Arrays.stream(rows).map(row -> allLabels[row]).toArray());
  }

  /** The same with weights, or without. */
  EncodedTexts weighing(double @Nullable [] other) {
    return new EncodedTexts(values, size, rows, labels, other);
  }

  /** What a text that is meant counts in the loss. */
  double weight(int index) {
    return weights == null ? 1 : weights[rows[index]];
  }

  int count() {
    return rows.length;
  }

  /** A head's answers, uncalibrated. */
  Predictions answers(LinearHead head, Target target, double threshold) {
    return Outputs.of(logits(head), target, threshold).against(labels);
  }

  float[] logits(LinearHead head) {
    float[] logits = new float[rows.length * head.classes()];
    for (int i = 0; i < rows.length; i++) {
      head.apply(values, rows[i] * size, size, logits, i * head.classes());
    }
    return logits;
  }
}
