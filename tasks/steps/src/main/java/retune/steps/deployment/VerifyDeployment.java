package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.DeploymentFolder;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.notification.Notification.Severity;

@About(
    value =
        "Checks the version in production where it is used: its weights in the store and in the"
            + " deployment folder, its golden rows, and, if RETUNE_SERVING_URL is set, that the"
            + " service answers with it. If a check fails, the version before it is put back into"
            + " production, the failed one is barred, people are told, and the step fails.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "--model credit-default --model-id credit-default-0123456789ab",
    work = Work.MODEL)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class VerifyDeployment
    implements Step<VerifyDeployment.Input, VerifyDeployment.Output> {
  private static final Logger LOGGER = System.getLogger(VerifyDeployment.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the version that was put into production") String modelId,
      @Field(
              value = "time to wait until the service answers with the version, in seconds",
              byDefault = "60",
              min = 0)
          int waitSeconds) {}

  public record Output(
      @Field("the version in production") String modelId,
      @Field("time of its creation, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("the checks that it passed, in order") List<String> checks) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException, InterruptedException {
    Production production = new Production(context, input.model());
    Optional<RunningService> service = RunningService.of(context.settings(), input.model());
    Champion champion = production.champion();
    Optional<Bar> rolledBack =
        champion.rollback().filter(bar -> bar.task().equals(context.run().eventKey()));
    if (rolledBack.isPresent()) { // by a try of this task that was killed
      throw failure(production, champion, rolledBack.get());
    }
    requireDeployed(champion, input.modelId());
    List<String> checks = new ArrayList<>();
    try {
      checks.addAll(
          new ValidateModel().run(new ValidateModel.Input(input.modelId()), context).checks());
      Optional<Path> folder = context.settings().deploymentFolder();
      if (folder.isPresent()) {
        new DeploymentFolder(folder.get(), input.model()).require(champion);
        checks.add("deployment_folder");
      }
      if (service.isPresent()) {
        service.get().awaitVersion(input.modelId(), input.waitSeconds());
        checks.add("service");
      }
    } catch (InvalidInputException failed) {
      throw rollBack(production, champion, String.valueOf(failed.getMessage()));
    }
    String passed = String.join(", ", checks);
    LOGGER.log(Level.INFO, "{0} is in production and passes: {1}.", input.modelId(), passed);
    return new Output(
        input.modelId(), production.models.get(input.modelId()).modelVersion(), checks);
  }

  private static void requireDeployed(Champion champion, String modelId) {
    if (!champion.modelId().equals(modelId)) {
      throw new InvalidInputException(
          "%s is not in production: %s.".formatted(modelId, champion.move()));
    }
    if (!champion.deployed()) {
      throw new InvalidInputException(
          modelId + " is not in production yet; run deploy_model first.");
    }
  }

  /** Rolls back and returns the failure that the step ends with. */
  private static InvalidInputException rollBack(
      Production production, Champion champion, String reason) throws IOException {
    try {
      String previous = champion.previousModelId();
      if (previous == null) {
        throw new InvalidInputException("There is no earlier version.");
      }
      Champion restored = production.rollBack(champion, previous, Production.VERIFICATION, reason);
      return failure(production, restored, restored.rollback().orElseThrow());
    } catch (InvalidInputException impossible) {
      String message =
          "%s fails in production and was not rolled back. %s %s"
              .formatted(champion.modelId(), reason, impossible.getMessage());
      production.tell(
          "verification/%s/%d".formatted(champion.model(), champion.revision()),
          Severity.CRITICAL,
          production.models.get(champion.modelId()),
          message);
      return new InvalidInputException(message, impossible);
    }
  }

  /** Completes a rollback and returns the failure that the step ends with. */
  private static InvalidInputException failure(Production production, Champion champion, Bar bar)
      throws IOException {
    return new InvalidInputException(production.completeRollback(champion, bar).message());
  }
}
