package retune.learning.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import retune.core.data.Features;
import retune.learning.training.ContrastiveTraining.Outcome;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.runtime.StepContext;

/**
 * Settings for pre-training an encoder; {@link ContrastiveTraining} describes them.
 *
 * @param name the model's name
 * @param seed random seed for the initial weights, corruption and shuffling
 */
public record Pretraining(
    String name,
    Architecture architecture,
    int epochs,
    double learningRate,
    int batchSize,
    double temperature,
    double corruption,
    int seed) {
  private static final Logger LOGGER = System.getLogger(Pretraining.class.getName());

  /** The default settings of {@code pretrain_model}. */
  public static Pretraining byDefault(String name, int epochs, int seed) {
    return new Pretraining(
        name, ArchitectureChoice.TAB_TRANSFORMER.architecture(), epochs, 1e-3, 128, 0.5, 0.3, seed);
  }

  /** Trains an encoder and returns it as a version that is not registered yet. */
  public ModelFolder.Content run(TrainingTable table, StepContext context) {
    Features features = table.unlabelled();
    Outcome outcome =
        new ContrastiveTraining(
                epochs,
                learningRate,
                batchSize,
                (float) temperature,
                corruption,
                Seeds.of("pretrain", name, seed))
            .run(architecture, features, context::progress, line -> LOGGER.log(Level.INFO, line));
    ModelVersion version =
        ModelVersion.of(
            name,
            context.clock().instant(),
            new ModelVersion.Design(architecture, table.preprocessing(), table.target()),
            new Lineage(
                null,
                "contrastive",
                epochs,
                learningRate,
                table.fileHash(),
                Map.of(
                    "batch_size", (double) batchSize,
                    "temperature", temperature,
                    "corruption", corruption,
                    "seed", (double) seed,
                    "training_rows", (double) features.rows()),
                outcome.history()),
            outcome.encoder());
    return new ModelFolder.Content(version, outcome.encoder());
  }
}
