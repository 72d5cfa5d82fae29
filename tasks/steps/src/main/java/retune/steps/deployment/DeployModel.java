package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.time.LocalDate;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus.Event;
import retune.judgement.Anchor;
import retune.judgement.ChallengerPromotion;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

/**
 * The order makes a step that was killed anywhere come to the same end when it runs again: the
 * weights are read (damage shows before anything moves), the pointer moves by compare-and-set, and
 * {@link Production#complete} does the rest.
 */
@About(
    value =
        "Puts an approved version into production: moves the champion's pointer, exports the"
            + " version's files if RETUNE_DEPLOYMENT_DIR is set, and records the event. A version"
            + " that is deployed already stays as it is.",
    pipeline = Pipeline.DEPLOYMENT,
    example =
        "--model credit-default --model-id credit-default-0123456789ab --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class DeployModel implements Step<DeployModel.Input, DeployModel.Output> {
  public record Input(
      @Field("the model's name") String model,
      @Field("the version to deploy") String modelId,
      @Field("the day whose evaluation approved it; refused if the champion has changed since")
          @Nullable LocalDate logicalDate,
      @Field("the retraining or the promotion of a challenger that approved it, instead of a day")
          @Nullable String retraining) {}

  public record Output(
      @Field("the version in production") String modelId,
      @Field("time of its creation, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("its exported folder, or the id of its weights in the store") String deploymentPath,
      @Field("time of the deployment, ISO-8601 UTC") String deploymentTimestamp,
      @Field("the version that it replaced") @Nullable String previousModelId,
      @Field("whether anything was changed") boolean changed,
      @Field("what was done, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Production production = new Production(context, input.model());
    ModelFolder.Content content = production.content(input.modelId());
    ModelVersion version = content.version();
    Champions.requireNotBarred(production.champion(), input.modelId());
    production.models.status(input.modelId()).after(Event.DEPLOY, input.modelId());

    Champion champion = promote(input, context, production);
    Production.Completed completed =
        production.complete(
            champion, content, path -> record(input, context, production, champion, version, path));
    return new Output(
        version.modelId(),
        version.modelVersion(),
        completed.path(),
        completed.deployedAt(),
        champion.previousModelId(),
        completed.changed(),
        version.modelId()
            + (completed.changed() ? " is deployed." : " was deployed before; nothing changed."));
  }

  /** The champion, which is the version from here on. */
  private static Champion promote(Input input, StepContext context, Production production) {
    Champion champion = production.champion();
    if (champion.modelId().equals(input.modelId())) {
      return champion;
    }
    requireJudgedAgainst(champion, input, context);
    String best = Anchor.after(context, champion, input.modelId());
    if (production.champions.promote(champion, input.modelId(), best)) {
      return champion.followedBy(input.modelId(), best);
    }
    Champion now = production.champion();
    if (!now.modelId().equals(input.modelId())) {
      throw Production.overtaken(now);
    }
    return now;
  }

  private static void requireJudgedAgainst(Champion champion, Input input, StepContext context) {
    if (input.logicalDate() == null && input.retraining() == null) {
      return;
    }
    DeployableOutcome outcome =
        outcome(input, context)
            .filter(found -> found.approves() && found.modelId().equals(input.modelId()))
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "The %s of %s for %s did not approve %s; deploy the version that wait_for_model_ready names."
                            .formatted(
                                input.retraining() == null
                                    ? "evaluation"
                                    : isPromotion(input.retraining()) ? "promotion" : "retraining",
                                input.model(),
                                input.retraining() == null
                                    ? input.logicalDate()
                                    : input.retraining(),
                                input.modelId())));
    if (!outcome.championId().equals(champion.modelId())) {
      throw new InvalidInputException(outcome.overtaken(champion));
    }
  }

  private static boolean isPromotion(String retraining) {
    return retraining.startsWith(ChallengerPromotion.PREFIX);
  }

  private static Optional<DeployableOutcome> outcome(Input input, StepContext context) {
    return DeployableOutcome.find(
        context.store(), input.model(), input.logicalDate(), input.retraining());
  }

  private static void record(
      Input input,
      StepContext context,
      Production production,
      Champion champion,
      ModelVersion version,
      String path) {
    LocalDate date = input.logicalDate();
    Document event =
        new Document("event_type", "model_deployed")
            .append("model", input.model())
            .append("model_id", version.modelId())
            .append("model_version", version.modelVersion())
            .append("previous_model_id", champion.previousModelId())
            .append("deployment_path", path)
            .append("status", "deployed")
            .append("revision", champion.revision());
    String cause = input.retraining();
    if (cause != null) {
      event.append(isPromotion(cause) ? "promotion_id" : "retraining_id", cause);
    } else if (date != null) {
      event.append("logical_date", date.toString());
      cause = date.toString();
    }
    if (cause != null) {
      outcome(input, context).ifPresent(outcome -> event.append("reason", outcome.message()));
    }
    production.record(
        "deployment/%s/%s/%s"
            .formatted(input.model(), cause == null ? "undated" : cause, context.run().runId()),
        event);
  }
}
