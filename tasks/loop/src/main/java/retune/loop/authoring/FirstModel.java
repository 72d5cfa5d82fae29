package retune.loop.authoring;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Objects;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.learning.training.Pretraining;
import retune.learning.training.StartingPoint;
import retune.learning.training.Training;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.runtime.StepContext;
import retune.steps.authoring.LearnedTable;

/**
 * All that is learned from the table of a new loop.
 *
 * @param learned the distribution that days are generated from
 * @param encoder the pre-trained encoder
 * @param trained the first champion
 */
record FirstModel(
    TrainingTable training,
    LearnedTable learned,
    ModelFolder.Content encoder,
    Trained trained,
    Measured measured,
    GateProposal gate) {
  private static final Logger LOGGER = System.getLogger(FirstModel.class.getName());

  /** Pre-training sees about so many rows, within limits. */
  private static final int PRETRAINING_ROWS = 100_000;

  private static final int LEAST_PRETRAINING_EPOCHS = 5;
  private static final int MOST_PRETRAINING_EPOCHS = 50;

  /** Epochs, where a number is asked for, without a better validation metric: training stops. */
  private static final int PATIENCE = 5;

  /** Learns, trains and measures; nothing is stored. */
  static FirstModel make(
      String name, SourceTable source, NewLoop.Input input, Phases phases, StepContext context)
      throws IOException {
    int seed = input.seed();
    TrainingTable training =
        phases.timed(
            "preprocessing",
            () ->
                TrainingTable.of(
                    source.table(),
                    source.target(),
                    source.fitOptions(),
                    null,
                    seed,
                    source.hash()));
    LearnedTable learned = phases.timed("distribution", () -> source.learnDistribution(seed));
    int rows = Math.max(1, training.features(Part.TRAINING).rows());
    int pretrainingEpochs =
        Objects.requireNonNullElse(
            input.pretrainingEpochs(),
            Math.clamp(PRETRAINING_ROWS / rows, LEAST_PRETRAINING_EPOCHS, MOST_PRETRAINING_EPOCHS));
    ModelFolder.Content encoder =
        phases.timed(
            "pre-training",
            () -> Pretraining.byDefault(name, pretrainingEpochs, seed).run(training, context));
    Training settings = Training.byDefault(name, Metric.F1_MACRO, seed);
    Training asked =
        input.epochs() == null ? settings : settings.withEpochs(input.epochs(), PATIENCE);
    Trained trained =
        phases.timed(
            "training", () -> asked.run(new StartingPoint.Encoder(encoder), training, context));
    Measured measured =
        phases.timed(
            "evaluation", () -> Measured.of(trained.content(), training, learned.generated()));
    GateProposal gate = GateProposal.of(measured.validation(), measured.generated());
    LOGGER.log(Level.INFO, gate.reason());
    return new FirstModel(training, learned, encoder, trained, measured, gate);
  }

  String modelId() {
    return trained.content().version().modelId();
  }

  String encoderId() {
    return encoder.version().modelId();
  }
}
