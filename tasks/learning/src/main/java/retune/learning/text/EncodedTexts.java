package retune.learning.text;

import java.util.Arrays;
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
 */
record EncodedTexts(float[] values, int size, int[] rows, int[] labels) {
  /** Some of all texts. */
  static EncodedTexts select(float[] values, int size, int[] rows, int[] allLabels) {
    return new EncodedTexts(
        values, size, rows, Arrays.stream(rows).map(row -> allLabels[row]).toArray());
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
