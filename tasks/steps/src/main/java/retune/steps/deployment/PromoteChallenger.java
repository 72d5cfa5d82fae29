package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;
import retune.judgement.ChallengerPromotion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Approves the challenger that has traffic to follow the version in production. The"
            + " deployment does the rest, with its checks: model_deployment_pipeline takes the"
            + " promotion as its partition. The challenger keeps its traffic until then.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default --reason better",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class PromoteChallenger
    implements Step<PromoteChallenger.Input, PromoteChallenger.Output> {
  private static final Logger LOGGER = System.getLogger(PromoteChallenger.class.getName());

  public record Input(
      @Field(value = "the model's name", positional = true) String model,
      @Field("the challenger; refused if another version has the traffic") @Nullable String modelId,
      @Field(value = "the reason, for the record", byDefault = "no reason given") String reason,
      @Field("who approves it; by default whoever started the run (RETUNE_STARTED_BY)")
          @Nullable String by) {}

  public record Output(
      @Field("the approved version") String modelId,
      @Field("the version in production that it is to follow") String championId,
      @Field("the promotion, which a deployment takes instead of a day") String promotionId,
      @Field("whether anything was changed") boolean changed,
      @Field("what was done, as a sentence") String message,
      @Field("command that deploys the approved version without Airflow") String nextCommand) {}

  @Override
  public Output run(Input input, StepContext context) {
    ChallengerPromotion.Approved approved =
        ChallengerPromotion.approve(
            context,
            input.model(),
            input.modelId(),
            Production.by(input.by(), context),
            Production.clause(input.reason()));
    ChallengerPromotion promotion = approved.promotion();
    String message =
        approved.changed() ? promotion.message() : promotion.message() + " Nothing changed.";
    LOGGER.log(Level.INFO, message);
    return new Output(
        promotion.modelId(),
        promotion.championId(),
        promotion.promotionId(),
        approved.changed(),
        message,
        "./retune deploy_model --model %s --model-id %s --retraining %s"
            .formatted(promotion.model(), promotion.modelId(), promotion.promotionId()));
  }
}
