package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;
import retune.model.ModelStore;
import retune.model.TrafficControl;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Gives a version traffic as the challenger of the version in production: the prediction"
            + " service scores each request with it after the answer (shadow), or also answers a"
            + " share of the requests with it (canary). The version must reproduce its golden rows,"
            + " answer the same classes from the same columns, and not be barred. Run again with"
            + " another fraction to change the share.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default-0123456789ab --fraction 0.1 --reason newer",
    work = Work.MODEL)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class StartChallenger implements Step<StartChallenger.Input, StartChallenger.Output> {
  private static final Logger LOGGER = System.getLogger(StartChallenger.class.getName());

  public record Input(
      @Field(value = "the version", positional = true) String modelId,
      @Field(
              value =
                  "share of the requests that it answers; 0 answers none and scores all (shadow)",
              byDefault = "0",
              min = 0,
              max = 0.5)
          double fraction,
      @Field(value = "the reason, for the record", byDefault = "no reason given") String reason,
      @Field("who starts it; by default whoever started the run (RETUNE_STARTED_BY)")
          @Nullable String by) {}

  public record Output(
      @Field("the model's name") String model,
      @Field("the challenger") @Nullable String modelId,
      @Field("shadow or canary") @Nullable String mode,
      @Field("share of the requests that it answers") double fraction,
      @Field("whether anything was changed") boolean changed,
      @Field("what was done, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    String model = new ModelStore(context).get(input.modelId()).modelName();
    TrafficControl.Done done =
        new TrafficControl(context, model)
            .start(
                input.modelId(),
                input.fraction(),
                Production.by(input.by(), context),
                Production.clause(input.reason()));
    LOGGER.log(Level.INFO, done.message());
    return new Output(
        model,
        done.modelId(),
        done.mode() == null ? null : done.mode().id(),
        done.fraction(),
        done.changed(),
        done.message());
  }
}
