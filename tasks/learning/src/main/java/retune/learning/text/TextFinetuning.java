package retune.learning.text;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import retune.core.data.Features;
import retune.core.finetuning.NetworkPlan;
import retune.core.finetuning.Strategy;
import retune.core.split.Part;
import retune.learning.text.SoftmaxRegression.Outcome;
import retune.learning.training.CandidateTraining;
import retune.learning.training.FinetuningData;
import retune.learning.training.FinetuningStart;
import retune.learning.training.Trained;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.LinearHead;
import retune.runtime.StepContext;

/**
 * Trains the head of a model of texts, from the champion's weights or from zero. Its encoder stays.
 *
 * @param plan of a strategy that trains the head alone
 * @param batchSize texts that count as one step of the plan's schedule, at least 1
 */
public record TextFinetuning(NetworkPlan plan, int batchSize) implements CandidateTraining {
  private static final Logger LOGGER = System.getLogger(TextFinetuning.class.getName());

  /**
   * Steps of this head for one of a network's: its inputs are below 1, and each text has few of
   * them, so that a weight must be large to matter and is changed rarely.
   */
  private static final double STEPS = 1_000;

  @Override
  public Strategy strategy() {
    return plan.strategy();
  }

  @Override
  public String description() {
    return plan.description();
  }

  @Override
  public Trained train(FinetuningStart start, StepContext context) {
    ModelVersion champion = start.champion();
    Architecture.Text architecture = (Architecture.Text) champion.architecture();
    FinetuningData data = start.data();
    float[] encoded = start.encoded(context).values();
    EncodedTexts validation = texts(encoded, architecture, data, Part.VALIDATION);
    LinearHead before =
        plan.drawsHead() || plan.drawsNetwork()
            ? LinearHead.zero(architecture.terms(), champion.target().classes().size())
            : LinearHead.of(start.weights());
    Outcome outcome =
        new SoftmaxRegression(
                champion.target(),
                plan.choosesThreshold() ? null : champion.uncalibratedThreshold(),
                start.metric(),
                start.classWeights(),
                plan.schedule(),
                STEPS * plan.learningRate(),
                batchSize,
                start.seed())
            .run(
                before,
                texts(encoded, architecture, data, Part.TRAINING).weighing(data.weights()),
                validation,
                context::progress,
                line -> LOGGER.log(Level.INFO, line));
    Weights weights = TextTraining.withHead(start.weights(), outcome.head());
    Features features = data.features().select(data.rows(Part.VALIDATION));
    int ofHead = outcome.head().weights().length + outcome.head().bias().length;
    return new Trained.Candidate(
        architecture,
        weights,
        outcome.history().size(),
        plan.learningRate(),
        (double) ofHead / (ofHead + architecture.terms()),
        outcome.bestEpoch(),
        outcome.answers(),
        null,
        outcome.history(),
        TextTraining.golden(features, validation, outcome.head()),
        null,
        Map.of("batch_size", (double) batchSize),
        null);
  }

  private static EncodedTexts texts(
      float[] encoded, Architecture.Text architecture, FinetuningData data, Part part) {
    return EncodedTexts.select(
        encoded, architecture.encodedSize(), data.rows(part), data.batch().rows().trainingLabels());
  }
}
