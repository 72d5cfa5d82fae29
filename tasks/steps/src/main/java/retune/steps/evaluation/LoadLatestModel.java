package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value = "Returns the model version that is in production.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class LoadLatestModel implements Step<LoadLatestModel.Input, LoadLatestModel.Output> {
  public record Input(@Field("the model's name") String model) {}

  public record Output(
      @Field("the version in production") String modelId,
      @Field("id of its weights in the document store") String modelPath,
      @Field("time of its creation, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("the model's name") String modelName,
      @Field("its status: approved or deployed") String status) {}

  @Override
  public Output run(Input input, StepContext context) {
    Champion champion = new Champions(context.store()).get(input.model());
    ModelStore models = new ModelStore(context.store());
    ModelVersion version = models.get(champion.modelId());
    return new Output(
        version.modelId(),
        ModelStore.weightsId(version),
        version.modelVersion(),
        version.modelName(),
        models.status(version.modelId()).id());
  }
}
