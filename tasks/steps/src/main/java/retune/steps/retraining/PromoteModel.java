package retune.steps.retraining;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import retune.core.InvalidInputException;
import retune.model.Champions.Champion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Approves a retrained version that passed its comparison, for the deployment. If another"
            + " version went into production meanwhile, it compares again with that one, by the"
            + " same rules, and keeps it where the retrained version does not pass.",
    pipeline = Pipeline.RETRAINING,
    work = Work.MODEL,
    example = "--model credit-default --retraining-id retraining-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class PromoteModel implements Step<PromoteModel.Input, PromoteModel.Output> {
  private static final Logger LOGGER = System.getLogger(PromoteModel.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the retraining, as check_retraining_trigger returns it") String retrainingId) {}

  public record Output(
      @Field("whether the version is approved for the deployment") boolean promoted,
      @Field("the version that is to be in production") String modelId,
      @Field("the version that it was compared with") String championId,
      @Field("the retraining, whose outcome the deployment reads") String retrainingId,
      @Field("what happened, as sentences") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    Conclusion conclusion = new Conclusion(context, input.model(), input.retrainingId());
    RetrainingOutcome outcome =
        conclusion.earlier().orElseGet(() -> conclude(input, context, conclusion));
    LOGGER.log(Level.INFO, outcome.message());
    return new Output(
        outcome.approved(),
        outcome.modelId(),
        outcome.championId(),
        input.retrainingId(),
        outcome.message());
  }

  private static RetrainingOutcome conclude(
      Input input, StepContext context, Conclusion conclusion) {
    conclusion.requireLease();
    Champion champion = conclusion.champion();
    RetrainingJudgement judgement =
        RetrainingJudgement.last(context, input.model(), input.retrainingId())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "'%s' has no comparison; run compare_retrained_model for it first."
                            .formatted(input.retrainingId())))
            .beside(
                context,
                TrainingSet.get(context, input.model(), input.retrainingId()),
                champion.modelId());
    return judgement.passed()
        ? conclusion.promote(judgement, champion)
        : conclusion.keep(judgement.modelId(), judgement, champion.modelId(), judgement.reason());
  }
}
