package retune.learning.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import retune.core.calibration.CalibrationFit;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.finetuning.Schedule;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.learning.torch.GoldenRows;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.learning.torch.TorchEngine;
import retune.learning.torch.TorchModule;
import retune.learning.training.ClassifierTraining.Outcome;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.model.Weights;
import retune.runtime.StepContext;

/**
 * Settings for training a model on a table, all layers at once. {@link ClassifierTraining}
 * describes the settings that are not described here.
 *
 * @param name the model's name
 * @param epochs greatest number of epochs; null for as many steps as improve the validation metric,
 *     within the limits of {@link Schedule.Rounds#ofTable}
 * @param patience number of consecutive epochs, or rounds, without a better validation metric after
 *     which training stops; null for all epochs, or for the patience of the rounds
 * @param metric selects the best epoch and the decision threshold on the validation rows
 * @param seed random seed for the initial weights, shuffling and dropout
 */
public record Training(
    String name,
    @Nullable Integer epochs,
    @Nullable Integer patience,
    double learningRate,
    int batchSize,
    boolean classWeights,
    Metric metric,
    int seed) {
  private static final Logger LOGGER = System.getLogger(Training.class.getName());

  /**
   * A trained model.
   *
   * @param epochs number of epochs or rounds trained
   * @param bestEpoch the epoch or round whose weights were kept, from 1
   * @param isStillImproving whether the last epoch or round that was allowed is the best one
   * @param validation measured on the rows that selected the epoch and the threshold
   * @param test measured on the hold-out rows, which are not used for any choice
   */
  public record Trained(
      ModelFolder.Content content,
      int epochs,
      int bestEpoch,
      boolean isStillImproving,
      Evaluation validation,
      Evaluation test) {}

  /** The default settings of {@code train_model}. */
  public static Training byDefault(String name, Metric metric, int seed) {
    return new Training(name, null, null, 3e-4, 256, true, metric, seed);
  }

  /** The same settings with at most so many epochs, and early stopping. */
  public Training withEpochs(int most, int patience) {
    return new Training(name, most, patience, learningRate, batchSize, classWeights, metric, seed);
  }

  /** Trains a model and returns it as a version that is not registered yet. */
  public Trained run(StartingPoint start, TrainingTable table, StepContext context) {
    Schedule schedule = schedule(table);
    Outcome outcome = train(start, table, schedule, context);
    boolean isStillImproving = outcome.bestEpoch() == schedule.most();
    if (isStillImproving) {
      LOGGER.log(
          Level.INFO,
          "{0} still improved when training ended; more --epochs may give a better model.",
          metric.id());
    }
    CalibrationFit calibration = CalibrationFit.of(outcome.answers());
    Evaluation validation = Evaluation.of(calibration.predictions());
    Evaluation test =
        Evaluation.of(calibration.calibrated(answers(start.architecture(), table, outcome)));
    LOGGER.log(Level.INFO, calibration.sentence());
    LOGGER.log(Level.INFO, TrainingLog.evaluation(test, metric));
    ModelVersion version =
        version(start, table, schedule, outcome, context)
            .withMetrics(Map.of("validation", validation.toMap(), "test", test.toMap()))
            .withCalibration(calibration, table.fileHash());
    return new Trained(
        new ModelFolder.Content(version, outcome.weights()),
        outcome.history().size(),
        outcome.bestEpoch(),
        isStillImproving,
        validation,
        test);
  }

  private Schedule schedule(TrainingTable table) {
    if (epochs != null) {
      return new Schedule.Epochs(epochs, patience == null ? epochs : patience);
    }
    int rows = table.labels(Part.TRAINING).length;
    return Schedule.Rounds.ofTable(Math.max(1, Math.ceilDiv(rows, batchSize)), patience);
  }

  private Outcome train(
      StartingPoint start, TrainingTable table, Schedule schedule, StepContext context) {
    LOGGER.log(Level.INFO, "Training lasts {0}.", schedule.words());
    long mixed = Seeds.of("train", name, seed);
    FeatureSchema schema = table.preprocessing().schema();
    Weights initial =
        start.weights(schema, table.target().classes().size(), new SplittableRandom(mixed));
    ClassifierTraining training =
        new ClassifierTraining(
            table.target(), null, metric, classWeights, schedule, learningRate, batchSize, mixed);
    try (TorchModule module = new TorchModule(start.architecture(), schema, initial)) {
      return training.run(
          module,
          trainable(start, module, table.part(Part.TRAINING)),
          trainable(start, module, table.part(Part.VALIDATION)),
          context::progress,
          line -> LOGGER.log(Level.INFO, line));
    }
  }

  /** Rows as training sees them: encoded already where the encoder cannot be trained. */
  private static LabelledRows trainable(
      StartingPoint start, TorchModule module, LabelledRows rows) {
    if (!(start.architecture() instanceof Architecture.Fixed architecture)) {
      return rows;
    }
    float[] encoded = TorchEngine.run(module, TorchModule.Method.ENCODE, rows.input());
    return new LabelledRows(new EncodedRows(encoded, architecture.encodedSize()), rows.labels());
  }

  /** The uncalibrated predictions on the hold-out rows. */
  private static Predictions answers(
      Architecture architecture, TrainingTable table, Outcome outcome) {
    try (TorchModule module =
        new TorchModule(architecture, table.preprocessing().schema(), outcome.weights())) {
      return table
          .part(Part.HOLDOUT)
          .predictions(module, table.target(), outcome.decisionThreshold());
    }
  }

  private ModelVersion version(
      StartingPoint start,
      TrainingTable table,
      Schedule schedule,
      Outcome outcome,
      StepContext context) {
    Features validation = table.features(Part.VALIDATION);
    return ModelVersion.of(
            name,
            context.clock().instant(),
            new ModelVersion.Design(start.architecture(), table.preprocessing(), table.target()),
            new Lineage(
                start.modelId(),
                start.architecture() instanceof Architecture.Fixed ? "head" : "full",
                outcome.history().size(),
                learningRate,
                table.fileHash(),
                settings(table, schedule, outcome),
                outcome.history()),
            outcome.weights())
        .withDecisionThreshold(outcome.decisionThreshold())
        .withGolden(GoldenRows.of(start.architecture(), outcome.weights(), validation));
  }

  private Map<String, Double> settings(TrainingTable table, Schedule schedule, Outcome outcome) {
    Map<String, Double> settings = new TreeMap<>();
    settings.put("batch_size", (double) batchSize);
    settings.put("class_weights", classWeights ? 1.0 : 0.0);
    settings.put("seed", (double) seed);
    settings.put("training_rows", (double) table.labels(Part.TRAINING).length);
    settings.put("validation_rows", (double) table.labels(Part.VALIDATION).length);
    settings.put("test_rows", (double) table.labels(Part.HOLDOUT).length);
    settings.put("trainable_share", outcome.trainedShare());
    settings.put("best_epoch", (double) outcome.bestEpoch());
    if (schedule instanceof Schedule.Rounds rounds) {
      settings.put("round_steps", (double) rounds.steps());
    }
    return settings;
  }
}
