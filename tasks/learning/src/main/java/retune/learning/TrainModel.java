package retune.learning;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.learning.ClassifierTraining.Outcome;
import retune.learning.NetworkInput.EncodedRows;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Lineage;
import retune.model.Weights;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Trains a model on a table: 70 % of its rows fit preprocessing and weights, 15 % choose the"
            + " epoch and the decision threshold, 15 % measure the result. Writes the model as a"
            + " folder, for register_model.",
    pipeline = Pipeline.AUTHORING,
    example =
        "--data credit.csv --target default --positive 1 --exclude ID --name credit-default"
            + " --metric f1_macro --output models/finetuned")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class TrainModel implements Step<TrainModel.Input, TrainModel.Output> {
  private static final Logger LOGGER = System.getLogger(TrainModel.class.getName());

  public record Input(
      @Field("the table, a CSV file") String data,
      @Field("the column to predict") String target,
      @Field("the class whose probability is the score; needed where there are two classes")
          @Nullable String positive,
      @Field("columns that are no features, beside the target") @Nullable List<String> exclude,
      @Field("columns that are categories whatever they look like")
          @Nullable List<String> categorical,
      @Field("columns that are quantities whatever they look like") @Nullable List<String> numeric,
      @Field("the model's name") String name,
      @Field(
              "folder of a pre-trained version to start from; its architecture and preprocessing"
                  + " are taken over")
          @Nullable String encoder,
      @Field(value = "the network, without an encoder to start from", byDefault = "tab_transformer")
          ArchitectureChoice architecture,
      @Field(value = "passes over the training rows", byDefault = "10", min = 1, max = 10_000)
          int epochs,
      @Field(value = "Adam's step size", byDefault = "3e-4", min = 1e-9, max = 1)
          double learningRate,
      @Field(value = "rows a step", byDefault = "256", min = 1, max = 65_536) int batchSize,
      @Field(
              value = "whether each class has the same say in the loss, however rare it is",
              byDefault = "true")
          boolean classWeights,
      @Field(
              value = "what the best epoch and the decision threshold are chosen by",
              byDefault = "f1_score")
          Metric metric,
      @Field(value = "another seed splits, starts and shuffles otherwise", byDefault = "0")
          int seed,
      @Field("the folder to write the model to") String output) {}

  public record Output(
      @Field("the version made") String modelId,
      @Field("the folder it is in") String path,
      @Field("metrics on the validation rows, by name") Map<String, Double> validationMetrics,
      @Field("metrics on the test rows, by name") Map<String, Double> testMetrics,
      @Field("two classes: the positive one is predicted from this probability on")
          double decisionThreshold,
      @Field("the epoch kept, from 1") int bestEpoch) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    StartingPoint start =
        input.encoder() == null
            ? new StartingPoint.Scratch(input.architecture().architecture())
            : StartingPoint.Encoder.read(Path.of(input.encoder()));
    TrainingTable table =
        TrainingTable.read(
            TrainingTable.Source.of(
                input.data(),
                input.target(),
                input.positive(),
                input.exclude(),
                input.categorical(),
                input.numeric()),
            start.preprocessing(),
            input.seed());
    Outcome outcome = train(input, context, start, table);
    Evaluation test = test(start.architecture(), table, outcome);
    LOGGER.log(Level.INFO, TrainingLog.evaluation(test));
    ModelVersion version = version(input, context, start, table, outcome, test);
    Path output = Path.of(input.output());
    ModelFolder.write(output, new ModelFolder.Content(version, outcome.weights()));
    return new Output(
        version.modelId(),
        output.toString(),
        outcome.validation().toMap(),
        test.toMap(),
        outcome.decisionThreshold(),
        outcome.bestEpoch());
  }

  private static Outcome train(
      Input input, StepContext context, StartingPoint start, TrainingTable table) {
    long seed = Seeds.of("train", input.name(), input.seed());
    FeatureSchema schema = table.preprocessing().schema();
    Weights initial =
        start.weights(schema, table.target().classes().size(), new SplittableRandom(seed));
    ClassifierTraining training =
        new ClassifierTraining(
            table.target(),
            null,
            input.metric(),
            input.classWeights(),
            input.epochs(),
            input.learningRate(),
            input.batchSize(),
            seed);
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
  private static Labelled trainable(StartingPoint start, TorchModule module, Labelled rows) {
    if (!(start.architecture() instanceof Architecture.TorchScript architecture)) {
      return rows;
    }
    float[] encoded = TorchEngine.run(module, TorchModule.Method.ENCODE, rows.input());
    return new Labelled(new EncodedRows(encoded, architecture.encodedSize()), rows.labels());
  }

  private static Evaluation test(Architecture architecture, TrainingTable table, Outcome outcome) {
    try (TorchModule module =
        new TorchModule(architecture, table.preprocessing().schema(), outcome.weights())) {
      return Evaluation.of(
          Answers.of(
              module, table.part(Part.HOLDOUT), table.target(), outcome.decisionThreshold()));
    }
  }

  private static ModelVersion version(
      Input input,
      StepContext context,
      StartingPoint start,
      TrainingTable table,
      Outcome outcome,
      Evaluation test) {
    Features validation = table.features(Part.VALIDATION);
    return ModelVersion.of(
        input.name(),
        context.clock().instant(),
        start.architecture(),
        table.preprocessing(),
        table.target(),
        outcome.decisionThreshold(),
        new Lineage(
            start.modelId(),
            start.architecture() instanceof Architecture.TorchScript ? "head" : "full",
            input.epochs(),
            input.learningRate(),
            table.fileHash(),
            Map.of(
                "batch_size", (double) input.batchSize(),
                "class_weights", input.classWeights() ? 1.0 : 0.0,
                "seed", (double) input.seed(),
                "training_rows", (double) table.features(Part.TRAINING).rows(),
                "validation_rows", (double) validation.rows(),
                "test_rows", (double) test.rows(),
                "trainable_share", outcome.trainedShare(),
                "best_epoch", (double) outcome.bestEpoch()),
            outcome.history()),
        Map.of("validation", outcome.validation().toMap(), "test", test.toMap()),
        GoldenRows.of(start.architecture(), outcome.weights(), validation),
        outcome.weights());
  }
}
