package retune.steps.authoring;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import retune.core.distribution.TableDistribution;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.data.DistributionFile;
import retune.steps.data.DistributionStore;

@About(
    value = "Makes a learned distribution the one that a model's rows are generated from.",
    pipeline = Pipeline.AUTHORING,
    example = "--model credit-default --path examples/credit-default/distribution.json",
    keepsBooks = true)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RegisterDistribution
    implements Step<RegisterDistribution.Input, RegisterDistribution.Output> {
  public record Input(
      @Field("the model's name") String model,
      @Field("the distribution, a JSON file that learn_distribution wrote") String path) {}

  public record Output(
      @Field("the model's name") String model,
      @Field("SHA-256 of the table that was learned") String sourceHash,
      @Field("false where the model had this distribution already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    TableDistribution distribution = DistributionFile.read(Path.of(input.path()));
    boolean changed = new DistributionStore(context.store()).put(input.model(), distribution);
    return new Output(input.model(), distribution.sourceHash(), changed);
  }
}
