package retune.steps.data;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvChunks;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvSurvey;
import retune.runtime.csv.CsvTables;
import retune.runtime.store.RawBatches;
import retune.runtime.store.RawBatches.RawBatch;
import retune.runtime.store.RawBatches.Written;

@About(
    value =
        "Takes a day's real rows: from a CSV file or address, or from a collection of a MongoDB."
            + " They become the day's raw batch, in the place of generated rows; taking the same"
            + " rows again changes nothing. Rows without a column that the model in production"
            + " needs are refused. A day that is not there yet is tried again later.",
    pipeline = Pipeline.DATA,
    example = "--data /data/{date}.csv --model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Ingest implements Step<Ingest.Input, Ingest.Output> {
  private static final Logger LOGGER = System.getLogger(Ingest.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the day that the rows are for; {date} stands for it in the other inputs")
          LocalDate logicalDate,
      @Field("CSV file with a header, as a path or an http or https address") @Nullable String data,
      @Field("instead of data: a collection of the MongoDB that RETUNE_DATA_MONGO_URI names")
          @Nullable String collection,
      @Field("which documents of the collection, as a query in JSON; all if left out")
          @Nullable String filter,
      @Field(
              value =
                  "a batch of up to so many rows is also kept as a document a row, for people's"
                      + " queries; 0 for none",
              byDefault = "" + RawBatches.ROW_DOCUMENTS_UP_TO,
              min = 0)
          int rowDocumentsUpTo) {}

  public record Output(
      @Field("the raw batch: model/date") String dataPath,
      @Field("the day that the rows are for") LocalDate logicalDate,
      @Field("where the rows come from: csv or mongo") String datasetName,
      @Field("rows of the batch") int rows,
      @Field("rows without a label; null where no version is in production, which names it")
          @Nullable Integer unlabelled,
      @Field("names the rows: the same rows have the same") String contentHash,
      @Field("false where the same rows were there already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    if ((input.data() == null) == (input.collection() == null)) {
      throw new InvalidInputException(
          "ingest takes rows from one place: give either 'data' or 'collection'.");
    }
    String date = input.logicalDate().toString();
    return input.data() != null
        ? fromFile(input, dated(input.data(), date), context)
        : fromCollection(input, filter(input, date), context);
  }

  private static Output fromFile(Input input, String data, StepContext context) throws IOException {
    try (DayFile file = DayFile.open(data)) {
      try {
        Optional<ModelVersion> champion = champion(input, context);
        CsvOptions options =
            CsvOptions.as(champion.map(version -> version.preprocessing().notation()).orElse(null));
        CsvSurvey survey = CsvTables.survey(file.path(), options);
        LOGGER.log(Level.INFO, "''{0}'' has {1}", file.name(), survey.description());
        try (CsvChunks chunks = CsvTables.stream(file.path(), options, survey)) {
          Iterator<Table> rows = Reported.rows(chunks, survey.rows(), context);
          return write(input, "csv", survey.columns(), rows, champion, context);
        }
      } catch (InvalidInputException e) {
        throw file.named(e);
      }
    }
  }

  private static Output fromCollection(Input input, String filter, StepContext context) {
    try (DayQuery query = DayQuery.open(String.valueOf(input.collection()), filter, context)) {
      Iterator<Table> rows = Reported.rows(query.tables(), query.rows(), context);
      return write(input, "mongo", query.columns(), rows, champion(input, context), context);
    }
  }

  private static Optional<ModelVersion> champion(Input input, StepContext context) {
    return new Champions(context.store())
        .find(input.model())
        .map(champion -> new ModelStore(context.store()).get(champion.modelId()));
  }

  private static Output write(
      Input input,
      String source,
      List<String> columns,
      Iterator<Table> tables,
      Optional<ModelVersion> champion,
      StepContext context) {
    champion.ifPresent(version -> version.preprocessing().requireColumns(columns));
    Optional<LabelCount> labels =
        champion.map(version -> new LabelCount(tables, version.target().column()));
    Written written =
        context
            .store()
            .rawBatches()
            .write(
                input.model(),
                input.logicalDate(),
                source,
                context.run().runId(),
                labels.<Iterator<Table>>map(counted -> counted).orElse(tables),
                input.rowDocumentsUpTo());
    RawBatch batch = written.batch();
    return new Output(
        batch.batchId(),
        batch.logicalDate(),
        batch.datasetName(),
        batch.rows(),
        labels.map(LabelCount::unlabelled).orElse(null),
        batch.contentHash(),
        written.changed());
  }

  private static String filter(Input input, String date) {
    return input.filter() == null ? "" : dated(input.filter(), date);
  }

  private static String dated(String pattern, String date) {
    return pattern.replace("{date}", date);
  }
}
