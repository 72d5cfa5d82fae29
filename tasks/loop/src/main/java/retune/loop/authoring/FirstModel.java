package retune.loop.authoring;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.learning.text.TextTraining;
import retune.learning.training.Pretraining;
import retune.learning.training.StartingPoint;
import retune.learning.training.Training;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingTable;
import retune.learning.trees.LogisticRegression;
import retune.learning.trees.TreesTraining;
import retune.model.ModelFolder;
import retune.runtime.StepContext;
import retune.steps.authoring.LearnedTable;

/**
 * All that is learned from the table of a new loop.
 *
 * @param learned the distribution that days are generated from; null for texts, which have none
 * @param encoder the pre-trained encoder; null where no network was trained
 * @param contenders the models that were trained, at least one
 * @param choice which of them is better; null where there is one only
 * @param champion the one that goes into production
 * @param linear a logistic regression, to compare them with; null where XGBoost is not to be had
 * @param importance of the columns for the champion; null where measuring it takes too long
 * @param generated the champion's answers for rows drawn from the learned distribution; null
 *     without one
 */
record FirstModel(
    TrainingTable training,
    @Nullable LearnedTable learned,
    ModelFolder.@Nullable Content encoder,
    List<Contender> contenders,
    @Nullable Choice choice,
    Contender champion,
    @Nullable Measured linear,
    @Nullable Importance importance,
    @Nullable Predictions generated,
    GateProposal gate) {
  private static final Logger LOGGER = System.getLogger(FirstModel.class.getName());

  /** Pre-training sees about so many rows, within limits. */
  private static final int PRETRAINING_ROWS = 100_000;

  private static final int LEAST_PRETRAINING_EPOCHS = 5;
  private static final int MOST_PRETRAINING_EPOCHS = 50;

  /** Epochs, where a number is asked for, without a better validation metric: training stops. */
  private static final int PATIENCE = 5;

  private static final int MANY_FEATURES = 200;

  /** What is given, for a model of each family. */
  private record Making(
      String name,
      TrainingTable training,
      NewLoop.Input input,
      Phases phases,
      StepContext context) {

    ModelFolder.Content encoder() throws IOException {
      int rows = Math.max(1, training.rows(Part.TRAINING).length);
      int epochs =
          Objects.requireNonNullElse(
              input.pretrainingEpochs(),
              Math.clamp(
                  PRETRAINING_ROWS / rows, LEAST_PRETRAINING_EPOCHS, MOST_PRETRAINING_EPOCHS));
      return phases.timed(
          "pre-training",
          () -> Pretraining.byDefault(name, epochs, input.seed()).run(training, context));
    }

    Contender network(ModelFolder.Content encoder) throws IOException {
      Training settings = Training.byDefault(name, Choice.METRIC, input.seed());
      Training asked =
          input.epochs() == null ? settings : settings.withEpochs(input.epochs(), PATIENCE);
      Trained trained =
          phases.timed(
              "training", () -> asked.run(new StartingPoint.Encoder(encoder), training, context));
      return measured(
          ModelFamily.NETWORK, trained, phases.of("pre-training") + phases.of("training"));
    }

    Contender trees() throws IOException {
      Trained trained =
          phases.timed(
              "trees",
              () -> new TreesTraining(name, Choice.METRIC, input.seed()).run(training, context));
      return measured(ModelFamily.TREES, trained, phases.of("trees"));
    }

    Contender text() throws IOException {
      TextTraining.Fitted fitted =
          phases.timed(
              "training",
              () ->
                  new TextTraining(name, Choice.METRIC, input.seed())
                      .run(training, context.clock().instant(), context::progress));
      Contender contender = measured(ModelFamily.TEXT, fitted.trained(), phases.of("training"));
      // The version has learnt the validation rows, too: what it answers there proves nothing.
      return contender.withValidation(fitted.validation());
    }

    Optional<Measured> linear() {
      try {
        LogisticRegression.Answers answers =
            new LogisticRegression(Choice.METRIC).fit(training, context::progress);
        return Optional.of(new Measured(answers.validation(), answers.holdout()));
      } catch (InvalidInputException withoutXgboost) {
        LOGGER.log(
            Level.WARNING,
            "The report has no logistic regression: {0}",
            withoutXgboost.getMessage());
        return Optional.empty();
      }
    }

    private Contender measured(ModelFamily family, Trained trained, double seconds)
        throws IOException {
      Measured measured =
          phases.timed("evaluation", () -> Measured.of(trained.content(), training));
      return new Contender(family, trained, measured, seconds);
    }
  }

  /** Learns, trains and measures; nothing is stored. */
  static FirstModel make(
      String name,
      SourceTable source,
      Set<ModelFamily> families,
      NewLoop.Input input,
      Phases phases,
      StepContext context)
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
    LearnedTable learned =
        source.isText() ? null : phases.timed("distribution", () -> source.learnDistribution(seed));
    Making making = new Making(name, training, input, phases, context);
    ModelFolder.Content encoder = null;
    List<Contender> contenders = new ArrayList<>();
    if (families.contains(ModelFamily.TEXT)) {
      contenders.add(making.text());
    }
    if (families.contains(ModelFamily.TREES)) {
      contenders.add(making.trees());
    }
    if (families.contains(ModelFamily.NETWORK)) {
      warnOfManyFeatures(training.preprocessing().schema().size());
      encoder = making.encoder();
      contenders.add(making.network(encoder));
    }
    Choice choice =
        contenders.size() == 1
            ? null
            : phases.timed(
                "evaluation", () -> Choice.of(contenders.getFirst(), contenders.getLast(), seed));
    if (choice != null) {
      LOGGER.log(Level.INFO, choice.sentence());
    }
    Contender champion = choice == null ? contenders.getFirst() : choice.chosen();
    Predictions generated =
        learned == null
            ? null
            : phases.timed(
                "evaluation",
                () -> Measured.ofRows(champion.trained().content(), learned.generated()));
    Measured linear =
        source.isText() ? null : phases.timed("logistic regression", making::linear).orElse(null);
    Importance importance =
        phases
            .timed("importance of columns", () -> Importance.of(champion, training, seed, context))
            .orElse(null);
    GateProposal gate = GateProposal.of(champion.measured().validation(), generated);
    LOGGER.log(Level.INFO, gate.reason());
    return new FirstModel(
        training,
        learned,
        encoder,
        contenders,
        choice,
        champion,
        linear,
        importance,
        generated,
        gate);
  }

  /** A network has a token for each feature, and each attends to all others. */
  private static void warnOfManyFeatures(int features) {
    if (features > MANY_FEATURES) {
      LOGGER.log(
          Level.WARNING,
          "A network of {0} features trains for a long time; --models trees takes seconds.",
          features);
    }
  }

  String modelId() {
    return champion.version().modelId();
  }

  @Nullable String encoderId() {
    return encoder == null ? null : encoder.version().modelId();
  }

  /** Everything that is to be registered: the encoder, if there is one, and all models. */
  List<ModelFolder.Content> contents() {
    return Stream.concat(
            Optional.ofNullable(encoder).stream(),
            contenders.stream().map(contender -> contender.trained().content()))
        .toList();
  }

  /** The model of that family, if one was trained. */
  Optional<Contender> contender(ModelFamily family) {
    return contenders.stream().filter(contender -> contender.family() == family).findFirst();
  }
}
