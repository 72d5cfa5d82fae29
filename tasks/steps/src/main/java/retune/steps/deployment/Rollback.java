package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.RunIdentity;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.deployment.Production.RolledBack;

@About(
    value =
        "Takes a promotion back: puts an earlier version into production again, once it has passed"
            + " the checks of validate_model, records why and who, and tells people. The version"
            + " that it replaces is barred from production until release_version releases it.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default --reason slow",
    work = Work.MODEL)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Rollback implements Step<Rollback.Input, Rollback.Output> {
  private static final Logger LOGGER = System.getLogger(Rollback.class.getName());

  public record Input(
      @Field(value = "the model's name", positional = true) String model,
      @Field(
              "a version that was approved before, to put into production; by default"
                  + " the one before the version in production")
          @Nullable String to,
      @Field(
              value = "the reason, for the record and the notification",
              byDefault = "no reason given")
          String reason,
      @Field("who rolls back; by default whoever started the run (RETUNE_STARTED_BY)")
          @Nullable String by,
      @Field(
              "the version to take out of production; if another one is in production when the"
                  + " step runs, the step refuses and changes nothing. By default whichever version"
                  + " is in production")
          @Nullable String replaces) {}

  public record Output(
      @Field("the version in production") String modelId,
      @Field("time of its creation, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("its exported folder, or the id of its weights in the store") String deploymentPath,
      @Field("time of the deployment, ISO-8601 UTC") String deploymentTimestamp,
      @Field("the version that it replaced, which is barred") String barredModelId,
      @Field("whether anything was changed") boolean changed,
      @Field("what was done, as a sentence") String message,
      @Field(
              "result of each channel: sent, already sent, failed with the reason, or not"
                  + " configured")
          Map<String, String> delivered) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Production production = new Production(context, input.model());
    Champion champion = production.champion();
    Optional<Document> earlier = overtaken(production, champion, context.run());
    if (earlier.isPresent()) {
      return ofEarlier(earlier.get());
    }
    String target = target(input, champion, context);
    requireReplaced(input.replaces(), champion, target);
    if (!target.equals(champion.modelId())) {
      champion =
          production.rollBack(champion, target, Production.by(input.by(), context), input.reason());
    }
    Champion now = champion;
    Bar bar =
        now.rollback()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "%s is the version in production already; name an earlier one with --to."
                            .formatted(now.modelId())));
    RolledBack done = production.completeRollback(now, bar);
    LOGGER.log(Level.INFO, done.message());
    return new Output(
        now.modelId(),
        new ModelStore(context).get(now.modelId()).modelVersion(),
        done.completed().path(),
        done.completed().deployedAt(),
        bar.modelId(),
        done.completed().changed(),
        done.message(),
        done.delivered());
  }

  /**
   * The record of the rollback that this task has completed, if people have moved on since: the
   * version that it barred is released, or another one is in production.
   */
  private static Optional<Document> overtaken(
      Production production, Champion champion, RunIdentity run) {
    return production
        .rollbackBy(run)
        .filter(
            event ->
                champion.revision() != event.get("revision", Number.class).longValue()
                    || (champion.deployed() && champion.rollback().isEmpty()));
  }

  /** A task that runs again after that changes nothing. */
  private static Output ofEarlier(Document event) {
    String modelId = event.getString("model_id");
    String barred = event.getString("previous_model_id");
    String message =
        "This task rolled %s back from %s to %s at %s; nothing changed. To roll back again, start a new run."
            .formatted(event.getString("model"), barred, modelId, event.getString("timestamp"));
    LOGGER.log(Level.INFO, message);
    return new Output(
        modelId,
        event.getString("model_version"),
        event.getString("deployment_path"),
        event.getString("timestamp"),
        barred,
        false,
        message,
        Map.of());
  }

  /** Refuses what was meant for another version; not where this task has replaced it already. */
  private static void requireReplaced(@Nullable String replaces, Champion champion, String target) {
    boolean isReplaced =
        target.equals(champion.modelId())
            && champion.rollback().filter(bar -> bar.modelId().equals(replaces)).isPresent();
    if (replaces != null && !replaces.equals(champion.modelId()) && !isReplaced) {
      throw new InvalidInputException(
          "%s is in production now, not %s; nothing was rolled back."
              .formatted(champion.modelId(), replaces));
    }
  }

  /** The version to put back; the champion where a rollback of this task or of a dead one did. */
  private static String target(Input input, Champion champion, StepContext context) {
    if (input.to() != null) {
      return input.to();
    }
    boolean isDone =
        champion
            .rollback()
            .filter(bar -> !champion.deployed() || bar.task().equals(context.run().eventKey()))
            .isPresent();
    if (isDone) {
      return champion.modelId();
    }
    return Optional.ofNullable(champion.previousModelId())
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "%s has no earlier version: %s is its first."
                        .formatted(champion.model(), champion.modelId())));
  }
}
