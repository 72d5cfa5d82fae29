package retune.learning;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.finetuning.FinetuningStrategy;
import retune.core.finetuning.FinetuningStrategy.Kind;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.learning.torch.GoldenRows;
import retune.learning.torch.NetworkInput;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.TorchModule;
import retune.learning.training.ClassifierTraining;
import retune.learning.training.ClassifierTraining.Outcome;
import retune.learning.training.FinetuningData;
import retune.learning.training.InitialWeights;
import retune.learning.training.Seeds;
import retune.learning.training.TrainingLog;
import retune.model.Architecture;
import retune.model.Architecture.Fixed;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.model.Weights;
import retune.model.batch.FeatureCache;
import retune.model.batch.TrainedAttempt;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Fine-tunes the champion on the training rows of a batch and registers the epoch with the"
            + " best validation metric as a candidate. Attempts 1 and 2 train the head with the"
            + " encoder frozen. Attempt 3 trains the whole network, or a new head if the encoder is"
            + " a TorchScript archive or boosted trees. Each attempt starts from the champion.",
    pipeline = Pipeline.EVALUATION,
    work = Work.TRAINING,
    example =
        "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05 --attempt 1"
            + " --metric f1_macro")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class FinetuneModel implements Step<FinetuneModel.Input, FinetuneModel.Output> {
  private static final Logger LOGGER = System.getLogger(FinetuneModel.class.getName());

  /** Smallest hidden size of a new head; a head that corrects logits has fewer units. */
  private static final int LEAST_NEW_HEAD = Architecture.TabTransformer.DEFAULT.headHidden();

  private static final String VALIDATION = "validation";

  public record Input(
      @Field("id of the version to start from: the champion") String modelId,
      @Field("the processed batch: model/date") String dataPath,
      @Field(
              "id of the split into training, validation and hold-out rows; the batch's only split"
                  + " if left out")
          @Nullable String splitId,
      @Field(
              value = "number of the attempt; a later one changes more of the network",
              byDefault = "1",
              min = 1,
              max = FinetuningStrategy.ATTEMPTS)
          int attempt,
      @Field(
              value = "passes over the training rows, before they are multiplied by epochs_factor",
              byDefault = "5",
              min = 1,
              max = 1000)
          int epochs,
      @Field(
              value =
                  "multiplies the epochs; if left out, 4 in attempt 2 and for a new head in attempt"
                      + " 3, otherwise 1",
              min = 1,
              max = 100)
          @Nullable Integer epochsFactor,
      @Field(
              value = "Adam's step size, before it is multiplied by learning_rate_factor",
              byDefault = "1e-4",
              min = 1e-9,
              max = 1)
          double learningRate,
      @Field(
              value =
                  "multiplies the learning rate; if left out, 10 in attempt 2 and for a new head in"
                      + " attempt 3, 3 in attempt 3 otherwise, 1 in attempt 1",
              min = 0.001,
              max = 1000)
          @Nullable Double learningRateFactor,
      @Field(value = "rows per training step", byDefault = "64", min = 1, max = 65_536)
          int batchSize,
      @Field(value = "weight the loss by inverse class frequency", byDefault = "true")
          boolean classWeights,
      @Field(
              value =
                  "metric that selects the best epoch and, from attempt 2 on, the decision"
                      + " threshold",
              byDefault = "f1_score")
          Metric metric,
      @Field(value = "random seed for shuffling and dropout", byDefault = "0") int seed) {}

  public record Output(
      @Field("id of the candidate") String modelId,
      @Field("where the candidate's weights are in the store") String modelPath,
      @Field("id of the version that the candidate was trained from") String finetunedFrom,
      @Field("the processed batch: model/date") String dataPath,
      @Field("the validation metrics, under the name that earlier readers know")
          Map<String, Double> testMetrics,
      @Field("metrics on the validation rows, by name") Map<String, Double> validationMetrics,
      @Field("the metric on the validation rows") double validationValue,
      @Field("the one-sided 95 % confidence bound below that value") double validationLowerBound,
      @Field("how the candidate was trained: head, head_long, full or head_new") String strategy,
      @Field("epochs trained: epochs times their factor") int epochs,
      @Field("step size used: learning_rate times its factor") double learningRate,
      @Field("share of the network's parameters that were trained, 0 to 1") double trainableShare,
      @Field("the epoch whose weights were kept, from 1") int bestEpoch,
      @Field("false if the same candidate was registered before") boolean changed) {}

  /** The network that an attempt starts from: the champion, or its encoder with a new head. */
  private record Start(Architecture architecture, Weights weights) {
    static Start of(FinetuningStrategy strategy, ModelVersion parent, Weights weights, long seed) {
      if (!strategy.drawsHead() || !(parent.architecture() instanceof Fixed fixed)) {
        return new Start(parent.architecture(), weights);
      }
      Fixed wider = fixed.withHead(Math.max(fixed.headHidden(), LEAST_NEW_HEAD));
      return new Start(
          wider,
          InitialWeights.withHead(
              weights,
              wider,
              parent.preprocessing().schema(),
              parent.target().classes().size(),
              new SplittableRandom(seed)));
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    ModelStore models = new ModelStore(context);
    ModelVersion parent = models.get(input.modelId());
    if (parent.kind() == ModelVersion.Kind.PRETRAINED) {
      throw new InvalidInputException(
          "'"
              + parent.modelId()
              + "' is an encoder without a head; train_model makes a version with a head from it.");
    }
    FinetuningStrategy strategy =
        FinetuningStrategy.of(
            Kind.ofAttempt(input.attempt(), !(parent.architecture() instanceof Fixed)),
            input.epochs(),
            input.epochsFactor(),
            input.learningRate(),
            input.learningRateFactor());
    FinetuningData data = FinetuningData.load(context, parent, input.dataPath(), input.splitId());
    Weights weights = models.weights(parent);
    LOGGER.log(
        Level.INFO,
        "Attempt {0} trains {1} on {2} rows.",
        input.attempt(),
        strategy.description(),
        data.rows(Part.TRAINING).length);
    long seed = Seeds.of(parent.modelName(), input.dataPath(), input.attempt(), input.seed());
    Start start = Start.of(strategy, parent, weights, seed);
    Outcome outcome = train(input, context, strategy, parent, start, data, seed);
    LOGGER.log(Level.INFO, TrainingLog.evaluation(outcome.validation(), input.metric()));
    ModelVersion candidate =
        version(input, context, strategy, parent, start.architecture, data, outcome);
    boolean changed = models.register(candidate, outcome.weights(), VersionStatus.CANDIDATE);
    TrainedAttempt attempt =
        TrainedAttempt.of(input.attempt(), candidate.modelId(), input.metric(), outcome.answers());
    attempt.keep(context, data.batch().description());
    return new Output(
        candidate.modelId(),
        ModelStore.weightsId(candidate),
        parent.modelId(),
        input.dataPath(),
        outcome.validation().toMap(),
        outcome.validation().toMap(),
        attempt.value(),
        attempt.lowerBound(),
        strategy.id(),
        strategy.epochs(),
        strategy.learningRate(),
        outcome.trainedShare(),
        outcome.bestEpoch(),
        changed);
  }

  private static Outcome train(
      Input input,
      StepContext context,
      FinetuningStrategy strategy,
      ModelVersion parent,
      Start start,
      FinetuningData data,
      long seed) {
    NetworkInput rows =
        strategy.trainsEncoder()
            ? new FeatureRows(data.features())
            : encode(context, parent, start.weights, data);
    ClassifierTraining training =
        new ClassifierTraining(
            parent.target(),
            strategy.calibratesThreshold() ? null : parent.decisionThreshold(),
            input.metric(),
            input.classWeights(),
            strategy.epochs(),
            strategy.epochs(),
            strategy.learningRate(),
            input.batchSize(),
            seed);
    try (TorchModule module =
        new TorchModule(start.architecture, parent.preprocessing().schema(), start.weights)) {
      return training.run(
          module,
          data.part(rows, Part.TRAINING),
          data.part(rows, Part.VALIDATION),
          context::progress,
          line -> LOGGER.log(Level.INFO, line));
    }
  }

  private static EncodedRows encode(
      StepContext context, ModelVersion parent, Weights weights, FinetuningData data) {
    try (Engine engine = Engines.open(parent, weights, data.batch().description().rows())) {
      FeatureCache.Encoded encoded = new FeatureCache(context).all(parent, engine, data.batch());
      LOGGER.log(Level.INFO, "The encoded features are {0}.", encoded.source().words());
      return new EncodedRows(encoded.values(), parent.architecture().encodedSize());
    }
  }

  private static ModelVersion version(
      Input input,
      StepContext context,
      FinetuningStrategy strategy,
      ModelVersion parent,
      Architecture architecture,
      FinetuningData data,
      Outcome outcome) {
    Features validation = data.features().select(data.rows(Part.VALIDATION));
    return ModelVersion.of(
            parent.modelName(),
            context.clock().instant(),
            new ModelVersion.Design(architecture, parent.preprocessing(), parent.target()),
            new Lineage(
                parent.modelId(),
                strategy.id(),
                strategy.epochs(),
                strategy.learningRate(),
                data.batch().contentHash(),
                Map.of(
                    "attempt", (double) input.attempt(),
                    "batch_size", (double) input.batchSize(),
                    "class_weights", input.classWeights() ? 1.0 : 0.0,
                    "seed", (double) input.seed(),
                    "training_rows", (double) data.rows(Part.TRAINING).length,
                    "validation_rows", (double) validation.rows(),
                    "trainable_share", outcome.trainedShare(),
                    "best_epoch", (double) outcome.bestEpoch()),
                outcome.history()),
            outcome.weights())
        .withDecisionThreshold(outcome.decisionThreshold())
        .withMetrics(Map.of(VALIDATION, outcome.validation().toMap()))
        .withGolden(GoldenRows.of(architecture, outcome.weights(), validation));
  }
}
