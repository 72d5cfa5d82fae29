package retune.model;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.calibration.Calibrator;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture.TorchScript.Argument;
import retune.model.Architecture.TorchScript.Method;
import retune.model.ModelVersion.Golden;
import retune.testing.Calibrations;

/** Small models with random weights, and random rows for them. */
public final class TestModels {
  public static final Architecture SMALL = new Architecture.TabTransformer(8, 2, 2, 12, 16, 0.3);
  public static final Instant MADE_AT = Instant.parse("2026-01-09T10:15:00Z");

  private TestModels() {}

  public static FeatureSchema schema(int categorical, int numeric) {
    return new FeatureSchema(
        IntStream.range(0, categorical).mapToObj(i -> new Categorical("c" + i, 2 + i)).toList(),
        IntStream.range(0, numeric).mapToObj(i -> "n" + i).toList());
  }

  /** Weights as large as a trained network's, LayerNorm's near one and zero. */
  public static Weights weights(SortedMap<String, int[]> shapes, long seed) {
    Random random = new Random(seed);
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    shapes.forEach(
        (name, shape) -> {
          float[] values = new float[IntStream.of(shape).reduce(1, (a, b) -> a * b)];
          boolean scale = name.contains("norm") && name.endsWith("weight");
          double spread = 1 / Math.sqrt(shape.length == 1 ? 16 : shape[1]);
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) ((scale ? 1 : 0) + spread * random.nextGaussian());
          }
          tensors.put(name, new Tensor(shape, values));
        });
    return new Weights(tensors);
  }

  public static Features features(FeatureSchema schema, int rows, long seed) {
    Random random = new Random(seed);
    int[][] codes = new int[schema.categorical().size()][rows];
    for (int feature = 0; feature < codes.length; feature++) {
      for (int row = 0; row < rows; row++) {
        codes[feature][row] = random.nextInt(schema.categorical().get(feature).cardinality());
      }
    }
    float[][] numbers = new float[schema.numeric().size()][rows];
    for (float[] column : numbers) {
      for (int row = 0; row < rows; row++) {
        column[row] = (float) random.nextGaussian();
      }
    }
    return new Features(schema, rows, codes, numbers);
  }

  public static ModelVersion version(
      Architecture architecture, FeatureSchema schema, int classes, Weights weights) {
    return version(architecture, schema, classes, weights, null);
  }

  public static ModelVersion version(
      Architecture architecture,
      FeatureSchema schema,
      int classes,
      Weights weights,
      @Nullable Golden golden) {
    return ModelVersion.of(
            "toy",
            MADE_AT,
            new ModelVersion.Design(architecture, preprocessing(schema), target(classes)),
            new ModelVersion.Lineage(
                null,
                "full",
                1,
                3e-4,
                "0123",
                Map.of("seed", 7.0),
                List.of(new ModelVersion.Epoch(1, 0.5, Map.of("f1_score", 0.25)))),
            weights)
        .withDecisionThreshold(0.4)
        .withMetrics(Map.of("test", Map.of("f1_score", 0.5)))
        .withGolden(golden);
  }

  /** The version with this calibrator, as if it had been fitted on one row. */
  public static ModelVersion calibrated(ModelVersion version, Calibrator calibrator) {
    return version.withCalibration(
        Calibrations.by(calibrator, version.target(), version.decisionThreshold()), "4567");
  }

  /** A two-class model of five features, whole with its weights. */
  public static ModelFolder.Content small(long seed) {
    FeatureSchema schema = schema(2, 3);
    Weights weights = weights(WeightShapes.of(SMALL, schema, 2), seed);
    return new ModelFolder.Content(version(SMALL, schema, 2, weights), weights);
  }

  /** A two-class model whose encoder is an archive; its bytes are none that PyTorch would load. */
  public static ModelFolder.Content script() {
    FeatureSchema schema = schema(2, 3);
    Architecture architecture =
        new Architecture.TorchScript(Method.FORWARD, List.of(Argument.NUMBERS), 2, 4, 0);
    Weights head = weights(WeightShapes.of(architecture, schema, 2), 1);
    Weights weights =
        new Weights(
            head.tensors(),
            new Weights.Archive(Weights.Form.TORCH_SCRIPT, new byte[] {1, 2, 3, -4, 5}));
    return new ModelFolder.Content(version(architecture, schema, 2, weights), weights);
  }

  /** Features that are taken as they are. */
  public static Preprocessing preprocessing(FeatureSchema schema) {
    return Preprocessing.given(
        schema.categorical().stream()
            .map(c -> new CodeColumn(c.name(), c.cardinality(), CodeColumn.NONE))
            .toList(),
        schema.numeric().stream().map(NumericColumn::asIs).toList());
  }

  private static Target target(int classes) {
    List<String> values = IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    return new Target("default", values, classes == 2 ? "1" : null);
  }
}
