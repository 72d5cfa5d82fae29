package retune.steps.prediction;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.model.AtomicFile;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.VersionChoice;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvChunks;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvSurvey;
import retune.runtime.csv.CsvTables;

@About(
    value =
        "Predicts each row of a table. Writes a CSV file with one line per row, in the table's"
            + " order: row (from 0), logit_0 …, probability_0 …, predicted. A row that cannot be"
            + " read has empty fields. A class that a spreadsheet would run as a formula has an"
            + " apostrophe in front.",
    pipeline = Pipeline.DEPLOYMENT,
    work = Work.MODEL,
    example = "--model credit-default --data new-customers.csv --output predictions.csv")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Predict implements Step<Predict.Input, Predict.Output> {
  public record Input(
      @Field("a model's name: its champion answers") @Nullable String model,
      @Field("a registered version's id") @Nullable String version,
      @Field("folder or zip with model.json and weights.safetensors") @Nullable String modelFile,
      @Field(
              value =
                  "permit the code of a version that contains TorchScript; it runs with all rights"
                      + " of this process, so give this only for a source that you trust",
              byDefault = "false")
          boolean trustCode,
      @Field("the table, a CSV file with a header") String data,
      @Field("the CSV file to write; replaced at once when all rows are done") String output) {}

  public record Output(
      @Field("the version that answered") String modelId,
      @Field("the file written") String output,
      @Field("rows in the table") long rows,
      @Field("rows answered") long predicted,
      @Field("rows by the class answered") Map<String, Long> classes,
      @Field("rows without an answer, by reason") Map<String, Long> rejected,
      @Field("number of values that preprocessing replaced, by rule.column")
          Map<String, Long> outcomes,
      @Field("the engine that answered: vector, plain or sparse") String engine,
      @Field("how long it took, in seconds") double seconds) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Instant start = context.clock().instant();
    ModelFolder.Content content =
        new VersionChoice(input.model(), input.version(), input.modelFile())
            .load(context, CodeTrust.of(input.trustCode()));
    ModelVersion version = content.version();
    version.requireHead();
    Path data = Path.of(input.data());
    Path output = AtomicFile.inFolder(input.output());
    CsvOptions options = CsvOptions.as(version.preprocessing().notation());
    CsvSurvey survey = CsvTables.survey(data, options);
    int expectedRows = (int) Math.min(survey.rows(), Integer.MAX_VALUE);
    try (Engine engine = Engines.open(version, content.weights(), expectedRows)) {
      PredictionsCsv predictions = new PredictionsCsv(version, engine);
      AtomicFile.write(
          output,
          stream -> {
            stream.write(predictions.header().getBytes(UTF_8));
            try (CsvChunks chunks = CsvTables.stream(data, options, survey)) {
              while (chunks.hasNext()) {
                Table rows = chunks.next().without(Set.of(version.target().column()));
                stream.write(predictions.lines(rows).getBytes(UTF_8));
                context.progress("Predicting rows", predictions.rows(), survey.rows());
              }
            }
          });
      return new Output(
          version.modelId(),
          output.toString(),
          predictions.rows(),
          predictions.predicted(),
          predictions.classes(),
          predictions.rejected(),
          predictions.outcomes(),
          engine.name(),
          Duration.between(start, context.clock().instant()).toMillis() / 1000.0);
    }
  }
}
