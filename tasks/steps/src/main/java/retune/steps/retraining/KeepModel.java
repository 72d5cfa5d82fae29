package retune.steps.retraining;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Keeps the version in production after a retraining, rejects the retrained version, or"
            + " leaves it a challenger where the comparison is undecided, and tells people.",
    pipeline = Pipeline.RETRAINING,
    work = Work.METADATA,
    example =
        "--model credit-default --retraining-id retraining-0123456789ab --model-id"
            + " credit-default-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class KeepModel implements Step<KeepModel.Input, KeepModel.Output> {
  private static final Logger LOGGER = System.getLogger(KeepModel.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the retraining, as check_retraining_trigger returns it") String retrainingId,
      @Field("the retrained version; none if the training found nothing better")
          @Nullable String modelId) {}

  public record Output(
      @Field("the version that stays in production") String modelId,
      @Field("the retraining") String retrainingId,
      @Field("what happened, as sentences") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    Conclusion conclusion = new Conclusion(context, input.model(), input.retrainingId());
    RetrainingOutcome outcome =
        conclusion.earlier().orElseGet(() -> conclude(input, context, conclusion));
    LOGGER.log(Level.INFO, outcome.message());
    return new Output(outcome.modelId(), input.retrainingId(), outcome.message());
  }

  private static RetrainingOutcome conclude(
      Input input, StepContext context, Conclusion conclusion) {
    String championId = conclusion.champion().modelId();
    Optional<RetrainingJudgement> judgement =
        RetrainingJudgement.last(context, input.model(), input.retrainingId());
    String reason =
        judgement
            .map(RetrainingJudgement::reason)
            .orElse("The training found no version that is better on the validation rows.");
    return conclusion.keep(input.modelId(), judgement.orElse(null), championId, reason);
  }
}
