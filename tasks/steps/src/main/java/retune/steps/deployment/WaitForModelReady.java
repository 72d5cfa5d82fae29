package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.NotReadyException;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value = "Waits for a day's outcome and returns the version to deploy, if there is one.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "--model credit-default --logical-date 2026-11-05",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class WaitForModelReady
    implements Step<WaitForModelReady.Input, WaitForModelReady.Output> {
  private static final Logger LOGGER = System.getLogger(WaitForModelReady.class.getName());
  private static final long BETWEEN_LOOKS_MILLIS = 1_000;

  public record Input(
      @Field("the model's name") String model,
      @Field("the day whose outcome decides; needed unless retraining is given")
          @Nullable LocalDate logicalDate,
      @Field(
              "the retraining whose outcome decides, or the promotion of a challenger, instead of a"
                  + " day's")
          @Nullable String retraining,
      @Field(value = "time to wait for the outcome, in seconds", byDefault = "60", min = 0)
          int waitSeconds) {}

  public record Output(
      @Field("whether there is a version to deploy") boolean ready,
      @Field("the version to deploy") @Nullable String modelId,
      @Field("time of its creation, YYYYMMDD_HHMMSS") @Nullable String modelVersion,
      @Field("the reason, as a sentence") String reason) {}

  @Override
  public Output run(Input input, StepContext context) throws InterruptedException {
    Output output = decide(input, context);
    LOGGER.log(Level.INFO, output.reason);
    return output;
  }

  private static Output decide(Input input, StepContext context) throws InterruptedException {
    DeployableOutcome outcome = await(input, context);
    Optional<Champion> champion = new Champions(context.store()).find(input.model());
    Optional<String> obstacle = obstacle(outcome, champion);
    if (obstacle.isPresent()) {
      return new Output(false, null, null, obstacle.get());
    }
    String modelVersion = new ModelStore(context.store()).get(outcome.modelId()).modelVersion();
    return new Output(
        true, outcome.modelId(), modelVersion, outcome.modelId() + " is to be deployed.");
  }

  private static DeployableOutcome await(Input input, StepContext context)
      throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(input.waitSeconds());
    while (true) {
      Optional<DeployableOutcome> outcome =
          DeployableOutcome.find(
              context.store(), input.model(), input.logicalDate(), input.retraining());
      if (outcome.isPresent()) {
        return outcome.get();
      }
      if (System.nanoTime() >= end) {
        throw new NotReadyException(
            input.retraining() == null
                ? "The evaluation of %s for %s has no outcome after %d s; try again after model_evaluation_pipeline has run for that date."
                    .formatted(input.model(), input.logicalDate(), input.waitSeconds())
                : "%s of %s has no outcome after %d s; try again after model_retraining or promote_challenger has ended."
                    .formatted(input.retraining(), input.model(), input.waitSeconds()));
      }
      Thread.sleep(BETWEEN_LOOKS_MILLIS);
    }
  }

  /** Why there is nothing to deploy; empty where there is. */
  private static Optional<String> obstacle(DeployableOutcome outcome, Optional<Champion> champion) {
    if (!outcome.approves()) {
      return Optional.of(
          "Nothing was approved: the %s ended as %s.".formatted(outcome.of(), outcome.status()));
    }
    if (champion.isEmpty() || outcome.modelId().equals(champion.get().modelId())) {
      return champion
          .filter(Champion::deployed)
          .map(current -> current.modelId() + " is deployed already.");
    }
    if (!outcome.championId().equals(champion.get().modelId())) {
      return Optional.of(outcome.overtaken(champion.get()));
    }
    return champion.get().bar(outcome.modelId()).map(Bar::sentence);
  }
}
