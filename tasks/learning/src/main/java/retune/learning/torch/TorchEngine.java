package retune.learning.torch;

import ai.djl.ndarray.NDManager;
import java.util.stream.IntStream;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.TorchModule.Method;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.FeatureCheck;

/**
 * PyTorch as an engine: for TorchScript archives, for machines that the vector engine does not
 * support, and as the reference that the other engines are tested against. Rows are computed in
 * blocks of a fixed size. PyTorch may choose another kernel for a smaller last block, so results of
 * different groupings are equal up to float32 rounding.
 */
public final class TorchEngine implements Engine {
  private static final int BLOCK = 256;

  private final TorchModule module;
  private final FeatureSchema schema;
  private final int encodedSize;

  public TorchEngine(ModelVersion version, Weights weights) {
    schema = version.preprocessing().schema();
    module = new TorchModule(version.architecture(), schema, weights);
    encodedSize = version.architecture().encodedSize();
  }

  @Override
  public float[] encode(Features features) {
    FeatureCheck.check(features, schema);
    return run(module, Method.ENCODE, new FeatureRows(features));
  }

  @Override
  public float[] head(float[] encoded, int rows) {
    if (encoded.length != rows * encodedSize) {
      throw new IllegalArgumentException(
          "%d values for %d encoded rows of %d".formatted(encoded.length, rows, encodedSize));
    }
    return run(module, Method.HEAD, new EncodedRows(encoded, encodedSize));
  }

  /** The method's outputs for all rows, row-major, with dropout off. */
  public static float[] run(TorchModule module, Method method, NetworkInput input) {
    float[] outputs = new float[0];
    for (int from = 0; from < input.rows(); from += BLOCK) {
      int to = Math.min(from + BLOCK, input.rows());
      try (NDManager scope = Torch.newManager()) {
        float[] block =
            module.call(method, input.select(rows(from, to)).arrays(scope), false).toFloatArray();
        int size = block.length / (to - from);
        if (outputs.length == 0) {
          outputs = new float[input.rows() * size];
        }
        System.arraycopy(block, 0, outputs, from * size, block.length);
      }
    }
    return outputs;
  }

  private static int[] rows(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  @Override
  public String name() {
    return "pytorch";
  }

  @Override
  public void close() {
    module.close();
  }
}
