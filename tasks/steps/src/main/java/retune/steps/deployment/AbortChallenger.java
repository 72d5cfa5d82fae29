package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;
import retune.model.TrafficControl;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Ends the traffic of a model's challenger and records why. The version in production"
            + " answers everything again; the version that was challenger keeps its status.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default --reason slow",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class AbortChallenger implements Step<AbortChallenger.Input, AbortChallenger.Output> {
  private static final Logger LOGGER = System.getLogger(AbortChallenger.class.getName());

  public record Input(
      @Field(value = "the model's name", positional = true) String model,
      @Field("the challenger; refused if another version has the traffic") @Nullable String modelId,
      @Field(value = "the reason, for the record", byDefault = "no reason given") String reason,
      @Field("who ends it; by default whoever started the run (RETUNE_STARTED_BY)")
          @Nullable String by) {}

  public record Output(
      @Field("the version whose traffic has ended; null if none had any") @Nullable String modelId,
      @Field("whether anything was changed") boolean changed,
      @Field("what was done, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    TrafficControl.Done done =
        new TrafficControl(context, input.model())
            .end(
                input.modelId(),
                Production.by(input.by(), context),
                Production.clause(input.reason()));
    LOGGER.log(Level.INFO, done.message());
    return new Output(done.modelId(), done.changed(), done.message());
  }
}
