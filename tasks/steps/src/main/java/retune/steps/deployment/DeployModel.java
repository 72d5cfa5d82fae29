package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus.Event;
import retune.judgement.DayOutcome;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.DeploymentFolder;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;

/**
 * The order makes a step that was killed anywhere come to the same end when it runs again: the
 * weights are read (damage shows before anything moves), the pointer moves by compare-and-set, the
 * statuses follow, the files are written and their marker flipped, the event is recorded, and last
 * the champion is marked as deployed. Until that mark, a second run does what is still missing.
 */
@About(
    value =
        "Puts an approved version into production: moves the champion's pointer, exports the"
            + " version's files if RETUNE_DEPLOYMENT_DIR is set, and records the event. A version that"
            + " is deployed already stays as it is.",
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
          @Nullable LocalDate logicalDate) {}

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
    ModelStore models = new ModelStore(context);
    Champions champions = new Champions(context.store());
    ModelVersion version = requireApproved(input, models);
    ModelFolder.Content content = new ModelFolder.Content(version, models.weights(version));

    Champion champion = promote(input, context, champions);
    if (!champion.deployed()) {
      setStatuses(champion, champions, models);
    }
    Optional<Path> folder = context.settings().deploymentFolder();
    boolean exported =
        folder.isPresent() && export(folder.get(), content, champion, champions, models);
    String path =
        folder.isPresent()
            ? new DeploymentFolder(folder.get(), input.model()).path(version).toString()
            : ModelStore.weightsId(version);
    boolean changed = exported || !champion.deployed();
    String timestamp = champion.deployedAt();
    if (timestamp == null) {
      timestamp = finish(input, context, champions, champion, version, path);
    }
    return new Output(
        version.modelId(),
        version.modelVersion(),
        path,
        timestamp,
        champion.previousModelId(),
        changed,
        version.modelId() + (changed ? " is deployed." : " was deployed before; nothing changed."));
  }

  private static ModelVersion requireApproved(Input input, ModelStore models) {
    ModelVersion version = models.get(input.modelId());
    if (!version.modelName().equals(input.model())) {
      throw new InvalidInputException(
          input.modelId()
              + " is a version of "
              + version.modelName()
              + ", not of "
              + input.model()
              + "; deploy a version of that model.");
    }
    models.status(input.modelId()).after(Event.DEPLOY, input.modelId());
    return version;
  }

  /** The champion, which is the version from here on. */
  private static Champion promote(Input input, StepContext context, Champions champions) {
    Champion champion =
        champions
            .find(input.model())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "There is no champion of '"
                            + input.model()
                            + "'; register the first with register_model --champion."));
    if (champion.modelId().equals(input.modelId())) {
      return champion;
    }
    requireJudgedAgainst(champion, input, context);
    // Judged against the champion on the same rows and not below it, so the best until now too.
    if (champions.promote(champion, input.modelId(), input.modelId())) {
      return champion.followedBy(input.modelId(), input.modelId());
    }
    Champion now = champions.find(input.model()).orElseThrow();
    if (!now.modelId().equals(input.modelId())) {
      throw lost(now);
    }
    return now;
  }

  private static void requireJudgedAgainst(Champion champion, Input input, StepContext context) {
    LocalDate date = input.logicalDate();
    if (date == null) {
      return;
    }
    DayOutcome outcome =
        DayOutcome.latest(context.store(), input.model(), date)
            .filter(found -> found.status().approves() && found.modelId().equals(input.modelId()))
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "The evaluation of "
                            + input.model()
                            + " for "
                            + date
                            + " did not approve "
                            + input.modelId()
                            + "; deploy the version that wait_for_model_ready names."));
    if (!outcome.championId().equals(champion.modelId())) {
      throw new InvalidInputException(outcome.overtaken(champion));
    }
  }

  /** Where another version was promoted while this ran, this one ends as retired. */
  private static void setStatuses(Champion champion, Champions champions, ModelStore models) {
    String previous = champion.previousModelId();
    if (previous != null) {
      models.move(previous, Event.RETIRE, "Followed by " + champion.modelId());
    }
    try {
      models.move(champion.modelId(), Event.DEPLOY, "In production");
    } catch (InvalidInputException refused) {
      requireUnmoved(champion, champions);
      throw refused;
    }
    Champion now = champions.find(champion.model()).orElseThrow();
    if (now.revision() != champion.revision()) {
      models.move(champion.modelId(), Event.RETIRE, "Followed by " + now.modelId());
      throw lost(now);
    }
  }

  private static void requireUnmoved(Champion champion, Champions champions) {
    Champion now = champions.find(champion.model()).orElseThrow();
    if (now.revision() != champion.revision()) {
      throw lost(now);
    }
  }

  /**
   * Writes the folder. Where the champion was followed while this ran, its follower's files may
   * have been put out of their place just now: then they are written again.
   */
  private static boolean export(
      Path folder,
      ModelFolder.Content content,
      Champion champion,
      Champions champions,
      ModelStore models)
      throws IOException {
    boolean changed = new DeploymentFolder(folder, champion.model()).export(content, champion);
    Champion now = champions.find(champion.model()).orElseThrow();
    if (now.revision() != champion.revision()) {
      ModelVersion follower = models.get(now.modelId());
      export(
          folder,
          new ModelFolder.Content(follower, models.weights(follower)),
          now,
          champions,
          models);
      throw lost(now);
    }
    return changed;
  }

  /** The event, then the mark that the deployment is finished; returns when it was. */
  private static String finish(
      Input input,
      StepContext context,
      Champions champions,
      Champion champion,
      ModelVersion version,
      String path) {
    Instant now = context.clock().instant().truncatedTo(ChronoUnit.MILLIS);
    LocalDate date = input.logicalDate();
    String id =
        "deployment/%s/%s/%s"
            .formatted(input.model(), date == null ? "undated" : date, context.run().runId());
    Document event =
        new Document("event_type", "model_deployed")
            .append("model", input.model())
            .append("model_id", version.modelId())
            .append("model_version", version.modelVersion())
            .append("previous_model_id", champion.previousModelId())
            .append("deployment_path", path)
            .append("status", "deployed")
            .append("revision", champion.revision());
    if (date != null) {
      event.append("logical_date", date.toString());
      DayOutcome.latest(context.store(), input.model(), date)
          .ifPresent(outcome -> event.append("reason", outcome.message()));
    }
    event.putAll(Provenance.of(context));
    context.store().events().record("deployment_events", id, event);
    if (!champions.markDeployed(champion, now)) {
      throw lost(champions.find(input.model()).orElseThrow());
    }
    return now.toString();
  }

  private static InvalidInputException lost(Champion champion) {
    return new InvalidInputException(
        champion.model()
            + " was promoted to "
            + champion.modelId()
            + " meanwhile; evaluate again before deploying another version.");
  }
}
