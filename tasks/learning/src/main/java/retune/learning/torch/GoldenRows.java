package retune.learning.torch;

import java.util.Arrays;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.TorchModule.Method;
import retune.model.Architecture;
import retune.model.ModelVersion.Golden;
import retune.model.Weights;

/** Rows that a version contains together with PyTorch's logits, to compare engines with. */
public final class GoldenRows {
  private static final int ROWS = 8;

  private GoldenRows() {}

  /**
   * The first eight rows of the features, or all rows if there are fewer.
   *
   * @throws retune.core.InvalidInputException if a logit is not finite
   */
  public static Golden of(Architecture architecture, Weights weights, Features features) {
    int rows = Math.min(ROWS, features.rows());
    Features few = features.select(IntStream.range(0, rows).toArray());
    try (TorchModule module = new TorchModule(architecture, features.schema(), weights)) {
      float[] logits = TorchEngine.run(module, Method.FORWARD, new FeatureRows(few));
      int classes = logits.length / rows;
      float[][] byRow = new float[rows][];
      for (int row = 0; row < rows; row++) {
        byRow[row] = Arrays.copyOfRange(logits, row * classes, (row + 1) * classes);
      }
      return new Golden(few.codes(), few.numbers(), byRow);
    }
  }
}
