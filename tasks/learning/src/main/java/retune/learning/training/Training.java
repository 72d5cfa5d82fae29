package retune.learning.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.SplittableRandom;
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
 * @param metric selects the best epoch and the decision threshold on the validation rows
 * @param seed random seed for the initial weights, shuffling and dropout
 */
public record Training(
    String name,
    int epochs,
    int patience,
    double learningRate,
    int batchSize,
    boolean classWeights,
    Metric metric,
    int seed) {
  private static final Logger LOGGER = System.getLogger(Training.class.getName());

  /**
   * A trained model.
   *
   * @param epochs number of epochs trained: fewer than the maximum if training stopped early
   * @param bestEpoch the epoch whose weights were kept, from 1; equal to {@code epochs} if the
   *     validation metric was still improving when the maximum was reached
   * @param validation measured on the rows that selected the epoch and the threshold
   * @param test measured on the hold-out rows, which are not used for any choice
   */
  public record Trained(
      ModelFolder.Content content,
      int epochs,
      int bestEpoch,
      Evaluation validation,
      Evaluation test) {}

  /** The default settings of {@code train_model}, without early stopping. */
  public static Training byDefault(String name, int epochs, Metric metric, int seed) {
    return new Training(name, epochs, epochs, 3e-4, 256, true, metric, seed);
  }

  /**
   * The same settings with early stopping.
   *
   * @param patience see {@link ClassifierTraining}
   */
  public Training withPatience(int patience) {
    return new Training(
        name, epochs, patience, learningRate, batchSize, classWeights, metric, seed);
  }

  /** Trains a model and returns it as a version that is not registered yet. */
  public Trained run(StartingPoint start, TrainingTable table, StepContext context) {
    Outcome outcome = train(start, table, context);
    CalibrationFit calibration = CalibrationFit.of(outcome.answers());
    Evaluation validation = Evaluation.of(calibration.predictions());
    Evaluation test =
        Evaluation.of(calibration.calibrated(answers(start.architecture(), table, outcome)));
    LOGGER.log(Level.INFO, calibration.sentence());
    LOGGER.log(Level.INFO, TrainingLog.evaluation(test, metric));
    ModelVersion version =
        version(start, table, outcome, context)
            .withMetrics(Map.of("validation", validation.toMap(), "test", test.toMap()))
            .withCalibration(calibration, table.fileHash());
    return new Trained(
        new ModelFolder.Content(version, outcome.weights()),
        outcome.history().size(),
        outcome.bestEpoch(),
        validation,
        test);
  }

  private Outcome train(StartingPoint start, TrainingTable table, StepContext context) {
    long mixed = Seeds.of("train", name, seed);
    FeatureSchema schema = table.preprocessing().schema();
    Weights initial =
        start.weights(schema, table.target().classes().size(), new SplittableRandom(mixed));
    ClassifierTraining training =
        new ClassifierTraining(
            table.target(),
            null,
            metric,
            classWeights,
            new Schedule.Epochs(epochs, patience),
            learningRate,
            batchSize,
            mixed);
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
      StartingPoint start, TrainingTable table, Outcome outcome, StepContext context) {
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
                Map.of(
                    "batch_size", (double) batchSize,
                    "class_weights", classWeights ? 1.0 : 0.0,
                    "seed", (double) seed,
                    "training_rows", (double) table.features(Part.TRAINING).rows(),
                    "validation_rows", (double) validation.rows(),
                    "test_rows", (double) table.features(Part.HOLDOUT).rows(),
                    "trainable_share", outcome.trainedShare(),
                    "best_epoch", (double) outcome.bestEpoch()),
                outcome.history()),
            outcome.weights())
        .withDecisionThreshold(outcome.decisionThreshold())
        .withGolden(GoldenRows.of(start.architecture(), outcome.weights(), validation));
  }
}
