package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Kind;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.GoldenCheck;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Checks a version before it serves: its hashes, the shapes of its tensors, its preprocessing,"
            + " and that the serving engine reproduces the logits of its golden rows.",
    pipeline = Pipeline.DEPLOYMENT,
    work = Work.MODEL,
    example = "--model-id credit-default-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ValidateModel implements Step<ValidateModel.Input, ValidateModel.Output> {
  public record Input(@Field("the version to check") String modelId) {}

  public record Output(
      @Field("the version") String modelId,
      @Field("always true; a failed check is an error") boolean valid,
      @Field("the checks that it passed, in order") List<String> checks,
      @Field("the engine that computed the golden rows") String engine,
      @Field("greatest difference of a golden row's logit; relative for logits above 1")
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
    try (Engine engine = Engines.open(version, weights)) {
      return new Comparison(engine.name(), GoldenCheck.maxDifference(version, engine));
    }
  }
}
