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
        "Pre-trains an encoder on a table without looking at its labels: two views of a row shall"
            + " look alike, views of different rows shall not. Writes a folder, for train_model to"
            + " start from.",
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
      @Field("the column to predict later; no feature") String target,
      @Field("the class whose probability is the score; needed where there are two classes")
          @Nullable String positive,
      @Field("columns that are no features, beside the target") @Nullable List<String> exclude,
      @Field("columns that are categories whatever they look like")
          @Nullable List<String> categorical,
      @Field("columns that are quantities whatever they look like") @Nullable List<String> numeric,
      @Field("the model's name") String name,
      @Field(value = "the network", byDefault = "tab_transformer") ArchitectureChoice architecture,
      @Field(value = "passes over the rows", byDefault = "10", min = 1, max = 10_000) int epochs,
      @Field(value = "Adam's step size", byDefault = "1e-3", min = 1e-9, max = 1)
          double learningRate,
      @Field(
              value = "rows a step, each told apart from all others",
              byDefault = "128",
              min = 2,
              max = 65_536)
          int batchSize,
      @Field(
              value = "the smaller, the more the most similar rows count",
              byDefault = "0.5",
              min = 0.001,
              max = 100)
          double temperature,
      @Field(
              value = "share of a view's features that another row's values replace",
              byDefault = "0.3",
              min = 0,
              max = 1)
          double corruption,
      @Field(value = "another seed splits, starts and shuffles otherwise", byDefault = "0")
          int seed,
      @Field("the folder to write the encoder to") String output) {}

  public record Output(
      @Field("the version made") String modelId,
      @Field("the folder it is in") String path,
      @Field("rows learned from") int rows,
      @Field("passes over them") int epochs,
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
