package retune.learning.training;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.learning.torch.NetworkInput;
import retune.learning.torch.TorchEngine;
import retune.learning.torch.TorchModule;
import retune.model.engine.Outputs;

/**
 * Rows with their labels.
 *
 * @param labels one class index per row; no row is unlabelled
 * @param weights what each row counts in the loss, above 0; null where all count alike
 */
public record LabelledRows(NetworkInput input, int[] labels, double @Nullable [] weights) {
  public LabelledRows(NetworkInput input, int[] labels) {
    this(input, labels, null);
  }

  public LabelledRows {
    if (input.rows() != labels.length) {
      throw new IllegalArgumentException(labels.length + " labels for " + input.rows() + " rows");
    }
  }

  int rows() {
    return labels.length;
  }

  /** A network's predictions for the rows, without dropout; see {@link Outputs}. */
  Predictions predictions(TorchModule module, Target target, double threshold) {
    return Outputs.of(TorchEngine.run(module, input.method(), input), target, threshold)
        .against(labels);
  }

  /** The given rows, in that order. */
  LabelledRows select(int[] rows) {
    return select(input, labels, weights, rows);
  }

  /** The given rows, in that order; only these need a label. */
  static LabelledRows select(NetworkInput all, int[] labels, int[] rows) {
    return select(all, labels, null, rows);
  }

  /** The same with weights of all rows, or without. */
  static LabelledRows select(
      NetworkInput all, int[] labels, double @Nullable [] weights, int[] rows) {
    return new LabelledRows(
        all.select(rows),
        Arrays.stream(rows).map(row -> labels[row]).toArray(),
        weights == null ? null : Arrays.stream(rows).mapToDouble(row -> weights[row]).toArray());
  }
}
