package retune.learning;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.calibration.CalibrationFit;
import retune.core.finetuning.HalfLife;
import retune.core.finetuning.NetworkPlan;
import retune.core.finetuning.Strategy;
import retune.core.finetuning.Tuning;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.learning.text.TextFinetuning;
import retune.learning.training.CandidateTraining;
import retune.learning.training.FinetuningData;
import retune.learning.training.FinetuningStart;
import retune.learning.training.NetworkFinetuning;
import retune.learning.training.PriorCorrection;
import retune.learning.training.Seeds;
import retune.learning.training.ThresholdChoice;
import retune.learning.training.Trained;
import retune.learning.training.TrainingLog;
import retune.learning.trees.TreesFinetuning;
import retune.model.Architecture;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.model.batch.Attempt;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Fine-tunes the champion on the training rows of a batch and registers what is best on the"
            + " validation rows as a candidate. If nothing is better than the champion there, it"
            + " registers nothing and says so. Each attempt starts from the champion.",
    pipeline = Pipeline.EVALUATION,
    work = Work.TRAINING,
    example =
        "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05 --attempt 1"
            + " --metric f1_macro")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class FinetuneModel implements Step<FinetuneModel.Input, FinetuneModel.Output> {
  private static final Logger LOGGER = System.getLogger(FinetuneModel.class.getName());
  private static final String VALIDATION = "validation";

  public record Input(
      @Field("id of the version to start from: the champion") String modelId,
      @Field("the processed batch: model/date") String dataPath,
      @Field(
              "id of the split into training, validation and hold-out rows; the batch's only split"
                  + " if left out")
          @Nullable String splitId,
      @Field(
              value = "number of the attempt in its run; each number has one result",
              byDefault = "1",
              min = 1,
              max = Strategy.MOST_ATTEMPTS)
          int attempt,
      @Field(
              "how to train: head trains the head with the encoder frozen; head_long the same for"
                  + " longer at 10 times the learning rate; full the whole network at 3"
                  + " times the learning rate, or as head_new if the encoder is a TorchScript"
                  + " archive or boosted trees; head_new a new head like head_long; scratch the"
                  + " whole network from random weights, for the rows of many days; trees boosts"
                  + " trees on the day's rows and as many of the last days that passed, or on the"
                  + " day's alone where these are surely better for it; trees_replay always on"
                  + " both; prior corrects the champion's probabilities for the shares of the"
                  + " classes and threshold chooses its decision threshold, without training. If"
                  + " left out, attempt 1 is head, 2 head_long, 3 full")
          @Nullable Strategy strategy,
      @Field(
              value =
                  "passes over the training rows; head_long and head_new make 4 times as many,"
                      + " scratch at most 4 times as many, with early stopping. If left out,"
                      + " training goes in rounds, whatever the number of rows, and stops when the"
                      + " validation metric no longer improves: 50 steps, at most 40 rounds; with"
                      + " full 25 steps, at most 20 rounds; with scratch 100 steps, at most 50"
                      + " rounds",
              min = 1,
              max = 1000)
          @Nullable Integer epochs,
      @Field(
              value =
                  "Adam's step size; head_long and head_new use 10 times as much, full and scratch"
                      + " 3 times",
              byDefault = "1e-4",
              min = 1e-9,
              max = 1)
          double learningRate,
      @Field(value = "rows per training step", byDefault = "64", min = 1, max = 65_536)
          int batchSize,
      @Field(value = "weight the loss by inverse class frequency", byDefault = "true")
          boolean classWeights,
      @Field(
              value =
                  "metric that selects the best epoch and, except with head, the decision"
                      + " threshold",
              byDefault = "f1_score")
          Metric metric,
      @Field(value = "random seed for shuffling and dropout", byDefault = "0") int seed) {}

  public record Output(
      @Field("id of the candidate; none if nothing is better than the champion")
          @Nullable String modelId,
      @Field("where the candidate's weights are in the store") @Nullable String modelPath,
      @Field(
              "id of a second version, which ordinary rows have trained, too; only with trees where"
                  + " the first is surely better on the day's validation rows. It is judged where"
                  + " the first does not pass, unless gate.on_conflict is promote")
          @Nullable String alternativeModelId,
      @Field("id of the version that the training started from") String finetunedFrom,
      @Field("the processed batch: model/date") String dataPath,
      @Field("the validation metrics, under the name that earlier readers know")
          Map<String, Double> testMetrics,
      @Field("the candidate's metrics on the validation rows, by name; empty without a candidate")
          Map<String, Double> validationMetrics,
      @Field("the metric on the validation rows") @Nullable Double validationValue,
      @Field("the one-sided 95 % confidence bound below that value")
          @Nullable Double validationLowerBound,
      @Field("the champion's metric on the same rows") double championValidationValue,
      @Field(
              "how the candidate was made: head, head_long, full, head_new, scratch, trees,"
                  + " trees_replay, prior or threshold")
          String strategy,
      @Field("epochs trained, or rounds if epochs is left out; 0 without training")
          @Nullable Integer epochs,
      @Field("step size used; 0 without training") @Nullable Double learningRate,
      @Field("share of the model's parameters that were trained, 0 to 1")
          @Nullable Double trainableShare,
      @Field("the epoch or round whose weights were kept, from 1; 0 without training")
          @Nullable Integer bestEpoch,
      @Field("false if the same candidate was registered before") boolean changed,
      @Field("why there is no candidate, as a sentence") @Nullable String reason) {}

  /**
   * An attempt with what was trained, also where it registers no candidate.
   *
   * @param trained null where nothing was trained that could be measured
   * @param trainingRows number of rows that trained it
   */
  record Attempted(
      Output output, Trained.@Nullable Candidate trained, int trainingRows, int validationRows) {}

  @Override
  public Output run(Input input, StepContext context) {
    return attempt(input, context, 0, Tuning.DEFAULT, null).output();
  }

  /**
   * Makes an attempt.
   *
   * @param mayLose a candidate is registered that is not further below the champion on the
   *     validation rows; 0 for one that is above it
   * @param halfLife by which the rows weigh in the loss; null where all weigh alike
   */
  static Attempted attempt(
      Input input,
      StepContext context,
      double mayLose,
      Tuning tuning,
      @Nullable HalfLife halfLife) {
    ModelStore models = new ModelStore(context);
    ModelVersion champion = models.get(input.modelId());
    champion.requireHead();
    CandidateTraining training = training(input, champion, tuning);
    FinetuningStart start =
        new FinetuningStart(
            champion,
            models.weights(champion),
            FinetuningData.load(context, champion, input.dataPath(), input.splitId(), halfLife),
            input.metric(),
            input.classWeights(),
            Seeds.of(champion.modelName(), input.dataPath(), input.attempt(), input.seed()));
    LOGGER.log(
        Level.INFO,
        "Attempt {0} trains {1} on {2} rows.",
        input.attempt(),
        training.description(),
        start.data().rows(Part.TRAINING).length);
    Trained trained = weighed(training.train(start, context), halfLife);
    double toBeat = input.metric().of(start.championOnValidation(context));
    String strategy = training.strategy().id();
    Output output =
        switch (trained) {
          case Trained.Nothing(String reason) ->
              withoutCandidate(input, context, start, strategy, toBeat, reason);
          case Trained.Candidate candidate -> {
            CalibrationFit fit = candidate.calibrated();
            Predictions answers = fit.calibrated(candidate.answers());
            double value = input.metric().of(answers);
            yield value > toBeat || (mayLose > 0 && value >= toBeat - mayLose)
                ? withCandidate(input, context, start, strategy, toBeat, candidate, fit, answers)
                : withoutCandidate(
                    input,
                    context,
                    start,
                    strategy,
                    toBeat,
                    notBetter(input.metric(), value, toBeat));
          }
        };
    return new Attempted(
        output,
        trained instanceof Trained.Candidate candidate ? candidate : null,
        start.data().rows(Part.TRAINING).length,
        start.data().rows(Part.VALIDATION).length);
  }

  /** States in the settings of what was trained by which half-life its rows weighed. */
  private static Trained weighed(Trained trained, @Nullable HalfLife halfLife) {
    return halfLife != null
            && trained instanceof Trained.Candidate candidate
            && candidate.epochs() > 0
        ? candidate.withSetting("half_life_days", halfLife.days())
        : trained;
  }

  private static CandidateTraining training(Input input, ModelVersion champion, Tuning tuning) {
    Strategy asked =
        input.strategy() == null ? Strategy.ofAttempt(input.attempt()) : input.strategy();
    Strategy strategy =
        asked == Strategy.FULL && isFixed(champion.architecture()) ? Strategy.HEAD_NEW : asked;
    boolean isText = champion.architecture() instanceof Architecture.Text;
    return switch (strategy) {
      case HEAD, HEAD_LONG, FULL, HEAD_NEW, SCRATCH -> {
        NetworkPlan plan =
            NetworkPlan.of(
                strategy, input.epochs(), input.learningRate() * tuning.learningRateFactor());
        int batchSize = Math.max(1, (int) Math.round(input.batchSize() * tuning.batchSizeFactor()));
        yield isText ? new TextFinetuning(plan, batchSize) : new NetworkFinetuning(plan, batchSize);
      }
      case TREES, TREES_REPLAY ->
          isText ? new NoTrees(strategy) : new TreesFinetuning(strategy, tuning.growth());
      case PRIOR -> new PriorCorrection();
      case THRESHOLD -> new ThresholdChoice();
    };
  }

  /** Whether training cannot change the encoder. */
  private static boolean isFixed(Architecture architecture) {
    return switch (architecture) {
      case Architecture.Fixed _, Architecture.Text _ -> true;
      case Architecture.TabTransformer _, Architecture.Mlp _ -> false;
    };
  }

  /** Boosted trees split columns, and a text has none. */
  private record NoTrees(Strategy strategy) implements CandidateTraining {
    @Override
    public String description() {
      return "nothing";
    }

    @Override
    public Trained train(FinetuningStart start, StepContext context) {
      return new Trained.Nothing(
          "boosted trees read columns, and %s reads texts; give the loop the attempts head and head_long."
              .formatted(start.champion().modelId()));
    }
  }

  private static String notBetter(Metric metric, double value, double toBeat) {
    return String.format(
        Locale.ROOT,
        "its %s on the validation rows is at best %.4f, the champion's %.4f.",
        metric.id(),
        value,
        toBeat);
  }

  private static Output withCandidate(
      Input input,
      StepContext context,
      FinetuningStart start,
      String strategy,
      double toBeat,
      Trained.Candidate trained,
      CalibrationFit calibration,
      Predictions answers) {
    Evaluation validation = Evaluation.of(answers);
    LOGGER.log(Level.INFO, calibration.sentence());
    LOGGER.log(Level.INFO, TrainingLog.evaluation(validation, input.metric()));
    ModelVersion candidate =
        version(input, context, start, strategy, trained, calibration, validation);
    boolean changed =
        new ModelStore(context).register(candidate, trained.weights(), VersionStatus.CANDIDATE);
    String alternative = alternative(input, context, start, strategy, toBeat, trained);
    Attempt.WithCandidate attempt =
        Attempt.WithCandidate.of(
                input.attempt(), strategy, candidate.modelId(), input.metric(), answers)
            .withAlternative(alternative);
    attempt.keep(context, start.data().batch().description());
    return new Output(
        candidate.modelId(),
        ModelStore.weightsId(candidate),
        alternative,
        start.champion().modelId(),
        input.dataPath(),
        validation.toMap(),
        validation.toMap(),
        attempt.value(),
        attempt.lowerBound(),
        toBeat,
        strategy,
        trained.epochs(),
        trained.learningRate(),
        trained.trainedShare(),
        trained.bestEpoch(),
        changed,
        null);
  }

  /** Registers the second model, if it is better than the champion, too; null if not. */
  private static @Nullable String alternative(
      Input input,
      StepContext context,
      FinetuningStart start,
      String strategy,
      double toBeat,
      Trained.Candidate trained) {
    Trained.Candidate other = trained.alternative();
    if (other == null) {
      return null;
    }
    CalibrationFit calibration = other.calibrated();
    Predictions answers = calibration.calibrated(other.answers());
    if (!(input.metric().of(answers) > toBeat)) {
      return null;
    }
    ModelVersion version =
        version(input, context, start, strategy, other, calibration, Evaluation.of(answers));
    new ModelStore(context).register(version, other.weights(), VersionStatus.CANDIDATE);
    LOGGER.log(
        Level.INFO,
        "{0}, which ordinary rows have trained, too, is registered as the alternative.",
        version.modelId());
    return version.modelId();
  }

  private static Output withoutCandidate(
      Input input,
      StepContext context,
      FinetuningStart start,
      String strategy,
      double toBeat,
      String why) {
    String reason =
        "Attempt %d (%s) registers no candidate: %s".formatted(input.attempt(), strategy, why);
    new Attempt.WithoutCandidate(input.attempt(), strategy, input.metric(), reason)
        .keep(context, start.data().batch().description());
    LOGGER.log(Level.INFO, reason);
    return new Output(
        null,
        null,
        null,
        start.champion().modelId(),
        input.dataPath(),
        Map.of(),
        Map.of(),
        null,
        null,
        toBeat,
        strategy,
        null,
        null,
        null,
        null,
        false,
        reason);
  }

  private static ModelVersion version(
      Input input,
      StepContext context,
      FinetuningStart start,
      String strategy,
      Trained.Candidate trained,
      CalibrationFit calibration,
      Evaluation validation) {
    ModelVersion champion = start.champion();
    FinetuningData data = start.data();
    Map<String, Double> settings = new LinkedHashMap<>(trained.settings());
    settings.put("attempt", (double) input.attempt());
    settings.put("class_weights", input.classWeights() ? 1.0 : 0.0);
    settings.put("seed", (double) input.seed());
    settings.put("training_rows", (double) data.rows(Part.TRAINING).length);
    settings.put("validation_rows", (double) data.rows(Part.VALIDATION).length);
    settings.put("trainable_share", trained.trainedShare());
    settings.put("best_epoch", (double) trained.bestEpoch());
    return ModelVersion.of(
            champion.modelName(),
            context.clock().instant(),
            new ModelVersion.Design(
                trained.architecture(), champion.preprocessing(), champion.target()),
            new Lineage(
                champion.modelId(),
                strategy,
                trained.epochs(),
                trained.learningRate(),
                data.batch().contentHash(),
                settings,
                trained.history(),
                trained.replayed()),
            trained.weights())
        .withDecisionThreshold(trained.answers().threshold())
        .withGolden(trained.golden())
        .withMetrics(Map.of(VALIDATION, validation.toMap()))
        .withCalibration(calibration, data.batch().contentHash());
  }
}
