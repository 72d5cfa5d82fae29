package retune.learning.training;

import java.util.Optional;
import retune.core.finetuning.Strategy;
import retune.core.metrics.DecisionThreshold;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.model.ModelVersion;
import retune.runtime.StepContext;

/**
 * The champion with another decision threshold. Nothing is trained, so that the training rows can
 * choose the threshold, and the validation rows tell whether it is better.
 */
public record ThresholdChoice() implements CandidateTraining {
  @Override
  public Strategy strategy() {
    return Strategy.THRESHOLD;
  }

  @Override
  public String description() {
    return "nothing, and chooses the decision threshold,";
  }

  @Override
  public Trained train(FinetuningStart start, StepContext context) {
    ModelVersion champion = start.champion();
    if (!champion.target().isBinary()) {
      return new Trained.Nothing(
          "a threshold decides between two classes, and the target has %d."
              .formatted(champion.target().classes().size()));
    }
    if (!start.metric().dependsOnAnswers()) {
      return new Trained.Nothing(
          "%s does not depend on the decision threshold.".formatted(start.metric().id()));
    }
    ChampionAnswers training = start.champion(Part.TRAINING, context);
    Optional<Trained.Nothing> oneClass = training.oneClass();
    if (oneClass.isPresent()) {
      return oneClass.get();
    }
    Predictions validation = start.champion(Part.VALIDATION, context).uncalibrated();
    double threshold = DecisionThreshold.best(start.metric(), training.uncalibrated()).threshold();
    return start.asItIs(validation.withThreshold(threshold), null);
  }
}
