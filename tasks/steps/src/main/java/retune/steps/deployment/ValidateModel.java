package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.ModelVersion.Kind;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Checks a version as it would serve: its bytes, its tensors, its preprocessing, and that"
            + " the serving engine answers its golden rows as training did.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "--model-id credit-default-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ValidateModel implements Step<ValidateModel.Input, ValidateModel.Output> {
  /** Greatest difference of a logit, relative to its size where that is above 1. */
  private static final double TOLERANCE = 1e-4;

  public record Input(@Field("the version to check") String modelId) {}

  public record Output(
      @Field("the version") String modelId,
      @Field("true; a failed check is an error") boolean valid,
      @Field("the checks that it passed, in order") List<String> checks,
      @Field("the engine that answered the golden rows") String engine,
      @Field("greatest difference of a golden row's logit, relative to its size above 1")
          double maxDifference) {}

  /** What the golden rows showed. */
  private record Comparison(String engine, double maxDifference) {}

  @Override
  public Output run(Input input, StepContext context) {
    ModelStore models = new ModelStore(context.store());
    ModelVersion version = models.get(input.modelId());
    List<String> passed = new ArrayList<>();
    Weights weights = check(version, "hashes", passed, () -> models.weights(version));
    check(version, "shapes", passed, () -> checkShapes(version, weights));
    check(version, "preprocessing", passed, () -> checkPreprocessing(version));
    Comparison comparison =
        check(version, "golden_rows", passed, () -> compareGolden(version, weights));
    return new Output(version.modelId(), true, passed, comparison.engine, comparison.maxDifference);
  }

  private static <T> T check(
      ModelVersion version, String name, List<String> passed, Supplier<T> check) {
    try {
      T result = check.get();
      passed.add(name);
      return result;
    } catch (InvalidInputException e) {
      throw new InvalidInputException(
          version.modelId() + " fails the check '" + name + "': " + e.getMessage(), e);
    }
  }

  private static Kind checkShapes(ModelVersion version, Weights weights) {
    WeightShapes.check(
        weights,
        version.architecture(),
        version.preprocessing().schema(),
        version.target().classes().size(),
        ModelStore.weightsId(version));
    if (version.kind() == Kind.PRETRAINED) {
      throw new InvalidInputException(
          "It is a pre-trained encoder without a head and cannot predict; deploy a version that"
              + " was fine-tuned from it.");
    }
    return version.kind();
  }

  private static FeatureSchema checkPreprocessing(ModelVersion version) {
    FeatureSchema schema = version.preprocessing().schema();
    if (schema.size() == 0) {
      throw new InvalidInputException(
          "It reads no column; train it again with fitted preprocessing.");
    }
    return schema;
  }

  private static Comparison compareGolden(ModelVersion version, Weights weights) {
    Golden golden = version.golden();
    if (golden == null || golden.logits().length == 0) {
      throw new InvalidInputException(
          "It has no golden rows to compare with; train it again, training keeps some.");
    }
    FeatureSchema schema = version.preprocessing().schema();
    int rows = golden.logits().length;
    int classes = version.target().classes().size();
    double maxDifference = 0;
    try (Engine engine = Engines.open(version, weights)) {
      Features features = new Features(schema, rows, golden.codes(), golden.numbers());
      float[] logits = engine.head(engine.encode(features), rows);
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < classes; i++) {
          double expected = golden.logits()[row][i];
          double difference =
              Math.abs(logits[row * classes + i] - expected) / Math.max(1, Math.abs(expected));
          if (!(difference <= TOLERANCE)) {
            throw new InvalidInputException(
                "The %s engine gives golden row %d the logit %s where training had %s; do not"
                        .formatted(engine.name(), row, logits[row * classes + i], expected)
                    + " deploy it, and make the version again.");
          }
          maxDifference = Math.max(maxDifference, difference);
        }
      }
      return new Comparison(engine.name(), maxDifference);
    }
  }
}
