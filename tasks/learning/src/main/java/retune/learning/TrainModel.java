package retune.learning;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.learning.training.ArchitectureChoice;
import retune.learning.training.StartingPoint;
import retune.learning.training.Training;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingTable;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Trains a model on a table. Fits preprocessing and weights on 70 % of the rows; selects the"
            + " epoch and the decision threshold on 15 % and calibrates the probabilities on the"
            + " same rows; measures the result on 15 %. Writes the model to a folder for"
            + " register_model, with these last rows, at most 10,000, as its reference.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example =
        "--data credit.csv --target default --positive 1 --exclude ID --name credit-default"
            + " --metric f1_macro --output models/finetuned")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class TrainModel implements Step<TrainModel.Input, TrainModel.Output> {
  public record Input(
      @Field("the table, a CSV file") String data,
      @Field("the column to predict") String target,
      @Field("the positive class; required for two classes") @Nullable String positive,
      @Field("columns other than the target that are not features") @Nullable List<String> exclude,
      @Field("columns to treat as categories, whatever their values are")
          @Nullable List<String> categorical,
      @Field("columns to treat as numbers, whatever their values are")
          @Nullable List<String> numeric,
      @Field("the model's name") String name,
      @Field(
              "folder of a pre-trained version to start from; the model gets its architecture and"
                  + " preprocessing")
          @Nullable String encoder,
      @Field(
              value =
                  "permit the code of a version that contains TorchScript; it runs with all rights"
                      + " of this process, so give this only for a source that you trust",
              byDefault = "false")
          boolean trustCode,
      @Field(
              value = "the network's architecture; ignored with --encoder",
              byDefault = "tab_transformer")
          ArchitectureChoice architecture,
      @Field(
              value =
                  "maximum number of passes over the training rows; if left out, rounds of half a"
                      + " pass and at least 20 steps, at most about 5,000 steps in all, that stop"
                      + " early",
              min = 1,
              max = 10_000)
          @Nullable Integer epochs,
      @Field(
              value =
                  "stop after this many consecutive epochs, or rounds, without a better validation"
                      + " metric; if left out, all epochs are trained, and rounds stop after 8",
              min = 1,
              max = 10_000)
          @Nullable Integer patience,
      @Field(value = "Adam's step size", byDefault = "3e-4", min = 1e-9, max = 1)
          double learningRate,
      @Field(value = "rows per training step", byDefault = "256", min = 1, max = 65_536)
          int batchSize,
      @Field(value = "weight the loss by inverse class frequency", byDefault = "true")
          boolean classWeights,
      @Field(
              value = "metric that selects the best epoch and the decision threshold",
              byDefault = "f1_score")
          Metric metric,
      @Field(
              value = "random seed for the split, the initial weights and shuffling",
              byDefault = "0")
          int seed,
      @Field("the folder to write the model to") String output) {}

  public record Output(
      @Field("id of the version") String modelId,
      @Field("the folder written") String path,
      @Field("metrics on the validation rows, by name") Map<String, Double> validationMetrics,
      @Field("metrics on the test rows, by name") Map<String, Double> testMetrics,
      @Field("two classes: the positive class is predicted from this probability on")
          double decisionThreshold,
      @Field("whether the probabilities are calibrated, and how well, as a sentence")
          String calibration,
      @Field("epochs trained, or rounds if epochs is left out") int epochs,
      @Field("the epoch or round whose weights were kept, from 1") int bestEpoch) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    StartingPoint start =
        input.encoder() == null
            ? new StartingPoint.Scratch(input.architecture().architecture())
            : StartingPoint.Encoder.read(Path.of(input.encoder()), CodeTrust.of(input.trustCode()));
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
    Trained trained =
        new Training(
                input.name(),
                input.epochs(),
                input.patience(),
                input.learningRate(),
                input.batchSize(),
                input.classWeights(),
                input.metric(),
                input.seed())
            .run(start, table, context);
    Path output = Path.of(input.output());
    table.copyHoldout(
        Path.of(input.data()),
        ModelFolder.MOST_REFERENCE_ROWS,
        Files.createDirectories(output).resolve(ModelFolder.REFERENCE));
    ModelFolder.write(output, trained.content());
    ModelVersion version = trained.content().version();
    return new Output(
        version.modelId(),
        output.toString(),
        trained.validation().toMap(),
        trained.test().toMap(),
        version.decisionThreshold(),
        version.calibrationSentence(),
        trained.epochs(),
        trained.bestEpoch());
  }
}
