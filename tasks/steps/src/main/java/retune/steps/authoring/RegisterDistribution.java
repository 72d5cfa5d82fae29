package retune.steps.authoring;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import retune.core.distribution.TableDistribution;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.data.DistributionFile;
import retune.steps.data.DistributionStore;
import retune.steps.data.ReferenceBatch;

@About(
    value =
        "Sets the learned distribution that generate_data draws a model's rows from. A model in"
            + " production without reference rows gets them from it.",
    pipeline = Pipeline.AUTHORING,
    example = "--model credit-default --path examples/credit-default/distribution.json",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RegisterDistribution
    implements Step<RegisterDistribution.Input, RegisterDistribution.Output> {
  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("JSON file written by learn_distribution") String path) {}

  public record Output(
      @Field("name of the model") String model,
      @Field("SHA-256 of the learned table") String sourceHash,
      @Field("false if the model had this distribution already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    TableDistribution distribution = DistributionFile.read(Path.of(input.path()));
    boolean changed = new DistributionStore(context.store()).put(input.model(), distribution);
    ReferenceBatch.complete(context, input.model());
    return new Output(input.model(), distribution.sourceHash(), changed);
  }
}
