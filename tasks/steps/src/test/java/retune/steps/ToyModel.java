package retune.steps;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import retune.core.data.Target;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;

/** A small model with drawn weights, which reads two columns of codes and one of numbers. */
public final class ToyModel {
  public static final Target TARGET = new Target("label", List.of("no", "yes, please"), "no");
  public static final Preprocessing PREPROCESSING =
      Preprocessing.given(
          List.of(new CodeColumn("c0", 3, CodeColumn.NONE), new CodeColumn("c1", 4, 3)),
          List.of(NumericColumn.asIs("n0")));
  public static final double THRESHOLD = 0.7;

  private ToyModel() {}

  public static ModelFolder.Content of(String name) {
    Architecture architecture = new Architecture.TabTransformer(8, 2, 1, 12, 8, 0.1);
    Random random = new Random(4);
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    WeightShapes.of(architecture, PREPROCESSING.schema(), 2)
        .forEach(
            (tensor, shape) -> {
              float[] values = new float[IntStream.of(shape).reduce(1, (a, b) -> a * b)];
              for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
              }
              tensors.put(tensor, new Tensor(shape, values));
            });
    Weights weights = new Weights(tensors);
    ModelVersion version =
        ModelVersion.of(
                name,
                Instant.EPOCH,
                new ModelVersion.Design(architecture, PREPROCESSING, TARGET),
                new ModelVersion.Lineage(null, "full", 1, 1e-3, "0123", Map.of(), List.of()),
                weights)
            .withDecisionThreshold(THRESHOLD);
    return new ModelFolder.Content(version, weights);
  }
}
