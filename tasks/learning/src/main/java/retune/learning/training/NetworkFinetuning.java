package retune.learning.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import retune.core.finetuning.NetworkPlan;
import retune.core.finetuning.Schedule;
import retune.core.finetuning.Strategy;
import retune.core.split.Part;
import retune.learning.torch.GoldenRows;
import retune.learning.torch.NetworkInput;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.TorchModule;
import retune.learning.training.ClassifierTraining.Outcome;
import retune.model.Architecture;
import retune.model.Architecture.Fixed;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.runtime.StepContext;

/**
 * Trains the champion's head, a new head, the whole network, or a network from random weights.
 *
 * @param batchSize rows per step, at least 1
 */
public record NetworkFinetuning(NetworkPlan plan, int batchSize) implements CandidateTraining {
  private static final Logger LOGGER = System.getLogger(NetworkFinetuning.class.getName());

  /** Smallest hidden size of a new head; a head that corrects logits has fewer units. */
  private static final int LEAST_NEW_HEAD = Architecture.TabTransformer.DEFAULT.headHidden();

  /** The network that training starts from: the champion, or its encoder with a new head. */
  private record Network(Architecture architecture, Weights weights) {}

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
    FinetuningData data = start.data();
    Optional<Network> begin = network(start, context);
    if (begin.isEmpty()) {
      return new Trained.Nothing(
          "%s is %s, and no version that it was made from is a network that Retune can draw weights for. head_new trains a new head on it, trees boosts new trees."
              .formatted(
                  champion.modelId(),
                  champion.architecture() instanceof Architecture.Trees
                      ? "boosted trees"
                      : "a TorchScript archive"));
    }
    Network network = begin.get();
    NetworkInput rows =
        plan.trainsEncoder() ? new FeatureRows(data.features()) : start.encoded(context);
    ClassifierTraining training =
        new ClassifierTraining(
            champion.target(),
            plan.choosesThreshold() ? null : champion.uncalibratedThreshold(),
            start.metric(),
            start.classWeights(),
            plan.schedule(),
            plan.learningRate(),
            batchSize,
            start.seed());
    try (TorchModule module =
        new TorchModule(network.architecture, champion.preprocessing().schema(), network.weights)) {
      Outcome outcome =
          training.run(
              module,
              data.part(rows, Part.TRAINING),
              data.part(rows, Part.VALIDATION),
              context::progress,
              line -> LOGGER.log(Level.INFO, line));
      return new Trained.Candidate(
          network.architecture,
          outcome.weights(),
          outcome.history().size(),
          plan.learningRate(),
          outcome.trainedShare(),
          outcome.bestEpoch(),
          outcome.answers(),
          null,
          outcome.history(),
          GoldenRows.of(
              network.architecture,
              outcome.weights(),
              data.features().select(data.rows(Part.VALIDATION))),
          null,
          settings(),
          null);
    }
  }

  /** The batch size and, where a round is no epoch, the steps of a round. */
  private Map<String, Double> settings() {
    Map<String, Double> settings = new HashMap<>();
    settings.put("batch_size", (double) batchSize);
    if (plan.schedule() instanceof Schedule.Rounds rounds) {
      settings.put("round_steps", (double) rounds.steps());
    }
    return settings;
  }

  private Optional<Network> network(FinetuningStart start, StepContext context) {
    if (plan.drawsNetwork()) {
      return architecture(start.champion(), new ModelStore(context))
          .map(architecture -> drawn(architecture, start));
    }
    return Optional.of(
        plan.drawsHead()
            ? withNewHead(start)
            : new Network(start.champion().architecture(), start.weights()));
  }

  /**
   * The champion's architecture, or that of the nearest version which it was made from and whose
   * weights can be drawn: trees may have followed a network.
   */
  private static Optional<Architecture> architecture(ModelVersion champion, ModelStore models) {
    Optional<ModelVersion> next = Optional.of(champion);
    while (next.isPresent() && next.get().architecture() instanceof Fixed) {
      next = Optional.ofNullable(next.get().lineage().finetunedFrom()).flatMap(models::find);
    }
    return next.map(ModelVersion::architecture);
  }

  private static Network drawn(Architecture architecture, FinetuningStart start) {
    return new Network(
        architecture,
        InitialWeights.of(
            architecture,
            start.champion().preprocessing().schema(),
            start.champion().target().classes().size(),
            new SplittableRandom(start.seed())));
  }

  private static Network withNewHead(FinetuningStart start) {
    Architecture architecture = start.champion().architecture();
    Architecture wide =
        architecture instanceof Fixed fixed
            ? fixed.withHead(Math.max(fixed.headHidden(), LEAST_NEW_HEAD))
            : architecture;
    return new Network(
        wide,
        InitialWeights.withHead(
            start.weights(),
            wide,
            start.champion().preprocessing().schema(),
            start.champion().target().classes().size(),
            new SplittableRandom(start.seed())));
  }
}
