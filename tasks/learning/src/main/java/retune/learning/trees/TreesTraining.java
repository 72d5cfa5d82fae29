package retune.learning.trees;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Map;
import retune.core.calibration.CalibrationFit;
import retune.core.data.Target;
import retune.core.finetuning.Growth;
import retune.core.finetuning.Strategy;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.learning.training.Seeds;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingLog;
import retune.learning.training.TrainingTable;
import retune.learning.trees.Boosting.Grown;
import retune.model.Architecture.Trees.Input;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.runtime.StepContext;

/**
 * Boosts trees on a table, for a first version. {@link Boosting} says how.
 *
 * @param name the model's name
 * @param metric chooses the decision threshold on the validation rows
 * @param seed of the draw of rows for each tree
 */
public record TreesTraining(String name, Metric metric, int seed) {
  private static final Logger LOGGER = System.getLogger(TreesTraining.class.getName());

  /** A table has more rows than a day, and more to learn from them. */
  private static final int MOST_ROUNDS = 500;

  /** Trees of all rounds together, unless the rounds of a day need more: each class has its own. */
  private static final int MOST_TREES = 2_000;

  /** Boosts trees and returns them as a version that is not registered yet. */
  public Trained run(TrainingTable table, StepContext context) {
    Target target = table.target();
    int classes = target.classes().size();
    int most = target.isBinary() ? MOST_ROUNDS : mostRounds(classes);
    List<Input> inputs = TreeColumns.of(table.preprocessing());
    Boosting boosting =
        new Boosting(
            inputs,
            table.preprocessing().schema(),
            target,
            !target.isBinary(),
            most,
            Growth.DEFAULT,
            Seeds.of("trees", name, seed));
    TreeRows training = rows(table, Part.TRAINING);
    TreeRows validation = rows(table, Part.VALIDATION);
    Grown grown =
        boosting.run(
            boosting.shares(List.of(training)), List.of(training), validation, context::progress);
    LOGGER.log(
        Level.INFO, "Boosting kept {0} of {1} rounds.", grown.bestRound(), grown.losses().size());
    GrownTrees model = new GrownTrees(inputs, target, grown);
    CalibrationFit calibration =
        CalibrationFit.of(GrownTrees.withBestThreshold(metric, model.answers(validation)));
    Evaluation ofValidation = Evaluation.of(calibration.predictions());
    Evaluation test =
        Evaluation.of(
            calibration.calibrated(
                model
                    .answers(rows(table, Part.HOLDOUT))
                    .withThreshold(calibration.uncalibrated().threshold())));
    LOGGER.log(Level.INFO, calibration.sentence());
    LOGGER.log(Level.INFO, TrainingLog.evaluation(test, metric));
    ModelVersion version =
        version(table, model, calibration.uncalibrated().threshold(), context)
            .withMetrics(Map.of("validation", ofValidation.toMap(), "test", test.toMap()))
            .withCalibration(calibration, table.fileHash());
    return new Trained(
        new ModelFolder.Content(version, model.weights()),
        grown.losses().size(),
        grown.bestRound(),
        grown.bestRound() == most,
        ofValidation,
        test);
  }

  private static int mostRounds(int classes) {
    return Math.clamp(MOST_TREES / classes, Boosting.MOST_ROUNDS, MOST_ROUNDS);
  }

  private static TreeRows rows(TrainingTable table, Part part) {
    return new TreeRows(table.features(), table.rows(part), table.labels());
  }

  private ModelVersion version(
      TrainingTable table, GrownTrees model, double threshold, StepContext context) {
    return ModelVersion.of(
            name,
            context.clock().instant(),
            new ModelVersion.Design(model.architecture(), table.preprocessing(), table.target()),
            new Lineage(
                null,
                Strategy.TREES.id(),
                model.grown().losses().size(),
                Growth.DEFAULT.step(),
                table.fileHash(),
                Map.of(
                    "seed", (double) seed,
                    "training_rows", (double) table.rows(Part.TRAINING).length,
                    "validation_rows", (double) table.rows(Part.VALIDATION).length,
                    "test_rows", (double) table.rows(Part.HOLDOUT).length,
                    "best_epoch", (double) model.grown().bestRound()),
                model.history()),
            model.weights())
        .withDecisionThreshold(threshold)
        .withGolden(model.golden(table.features(Part.VALIDATION)));
  }
}
