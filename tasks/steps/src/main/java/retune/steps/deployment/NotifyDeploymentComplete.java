package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.util.Map;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.core.judgement.Verdict;
import retune.judgement.Judgement;
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
import retune.steps.notification.Notification;
import retune.steps.notification.Notification.Severity;
import retune.steps.notification.Notifier;

@About(
    value =
        "Sends one notification that a version is in production. It is critical, like an alert, and"
            + " gives the verdict, if the version was promoted below the gate.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "--model credit-default --model-id credit-default-0123456789ab",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class NotifyDeploymentComplete
    implements Step<NotifyDeploymentComplete.Input, NotifyDeploymentComplete.Output> {
  public record Input(
      @Field("the model's name") String model,
      @Field("the version that was deployed") String modelId) {}

  public record Output(
      @Field("the notification's id") String notificationId,
      @Field("the text of the notification") String message,
      @Field(
              "result of each channel: sent, already sent, failed with the reason, or not"
                  + " configured")
          Map<String, String> delivered) {}

  @Override
  public Output run(Input input, StepContext context) {
    Champion champion =
        new Champions(context.store())
            .find(input.model())
            .filter(found -> found.modelId().equals(input.modelId()) && found.deployed())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        input.modelId()
                            + " is not in production for "
                            + input.model()
                            + "; run deploy_model first."));
    ModelVersion version = new ModelStore(context.store()).get(input.modelId());
    String id = "deployment/%s/%d".formatted(input.model(), champion.revision());
    Optional<Verdict> below =
        Judgement.lastAsCandidate(context, version.modelId())
            .map(Judgement::verdict)
            .filter(verdict -> verdict.value() < verdict.threshold());
    String message =
        "Model %s deployed successfully".formatted(version.modelVersion())
            + below.map(verdict -> ", and is still below the gate: " + verdict.reason()).orElse("");
    Notification notification =
        new Notification(
            id,
            "deployment_complete",
            below.isPresent() ? Severity.CRITICAL : Severity.INFO,
            context.clock().instant(),
            version.modelId(),
            version.modelVersion(),
            message,
            Map.of("model", input.model()));
    return new Output(id, message, new Notifier(context).send(notification));
  }
}
