package retune.learning;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.learning.training.ArchitectureChoice;
import retune.learning.training.Pretraining;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.model.ModelVersion.Epoch;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Pre-trains an encoder on a table without its labels (contrastive learning): two corrupted"
            + " views of one row become similar, views of different rows do not. Writes a folder"
            + " that train_model can start from.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example =
        "--data credit.csv --target default --positive 1 --exclude ID --name credit-default"
            + " --output models/pretrained")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class PretrainModel implements Step<PretrainModel.Input, PretrainModel.Output> {
  public record Input(
      @Field("the table, a CSV file") String data,
      @Field("the column to predict later; not used as a feature") String target,
      @Field("the positive class; required for two classes") @Nullable String positive,
      @Field("columns other than the target that are not features") @Nullable List<String> exclude,
      @Field("columns to treat as categories, whatever their values are")
          @Nullable List<String> categorical,
      @Field("columns to treat as numbers, whatever their values are")
          @Nullable List<String> numeric,
      @Field("the model's name") String name,
      @Field(value = "the network's architecture", byDefault = "tab_transformer")
          ArchitectureChoice architecture,
      @Field(value = "number of passes over the rows", byDefault = "10", min = 1, max = 10_000)
          int epochs,
      @Field(value = "Adam's step size", byDefault = "1e-3", min = 1e-9, max = 1)
          double learningRate,
      @Field(
              value = "rows per step; each row is contrasted with all others of its step",
              byDefault = "128",
              min = 2,
              max = 65_536)
          int batchSize,
      @Field(
              value = "temperature of the loss; lower values weight the most similar rows more",
              byDefault = "0.5",
              min = 0.001,
              max = 100)
          double temperature,
      @Field(
              value = "share of a view's features that are replaced with another row's values",
              byDefault = "0.3",
              min = 0,
              max = 1)
          double corruption,
      @Field(
              value = "random seed for the split, the initial weights and shuffling",
              byDefault = "0")
          int seed,
      @Field("the folder to write the encoder to") String output) {}

  public record Output(
      @Field("id of the version") String modelId,
      @Field("the folder written") String path,
      @Field("number of rows used") int rows,
      @Field("number of epochs trained") int epochs,
      @Field("mean loss of the first epoch") double firstLoss,
      @Field("mean loss of the last epoch") double lastLoss) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    TrainingTable table =
        TrainingTable.read(
            TrainingTable.Source.of(
                input.data(),
                input.target(),
                input.positive(),
                input.exclude(),
                input.categorical(),
                input.numeric()),
            null,
            input.seed());
    ModelFolder.Content encoder =
        new Pretraining(
                input.name(),
                input.architecture().architecture(),
                input.epochs(),
                input.learningRate(),
                input.batchSize(),
                input.temperature(),
                input.corruption(),
                input.seed())
            .run(table, context);
    Path output = Path.of(input.output());
    ModelFolder.write(output, encoder);
    List<Epoch> history = encoder.version().lineage().history();
    return new Output(
        encoder.version().modelId(),
        output.toString(),
        table.unlabelled().rows(),
        input.epochs(),
        history.getFirst().loss(),
        history.getLast().loss());
  }
}
