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
        "Stores a day's real rows as its raw batch, from a CSV file, a web address or a MongoDB"
            + " collection. Storing the same rows again changes nothing; other rows replace the"
            + " batch. Refuses rows that lack a column of the model in production. Ends with exit"
            + " code 20 while the day's rows do not exist yet.",
    pipeline = Pipeline.DATA,
    example = "--data /data/{date}.csv --model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Ingest implements Step<Ingest.Input, Ingest.Output> {
  private static final Logger LOGGER = System.getLogger(Ingest.class.getName());

  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("day of the rows; replaces {date} in the other inputs") LocalDate logicalDate,
      @Field(
              "path or http(s) address of a CSV file with a header; {RETUNE_DATA_…} inserts a"
                  + " secret from the environment, such as a token")
          @Nullable String data,
      @Field("instead of data: collection of the MongoDB that RETUNE_DATA_MONGO_URI names")
          @Nullable String collection,
      @Field("JSON query that selects documents of the collection; all of them by default")
          @Nullable String filter,
      @Field(
              "column that names each row, so that ingest_labels can bring its label later; every"
                  + " row needs a value of its own, and it is never a feature")
          @Nullable String key,
      @Field(
              value =
                  "largest batch, in rows, that is also stored as one document per row for ad-hoc"
                      + " queries; 0: never",
              byDefault = "" + RawBatches.ROW_DOCUMENTS_UP_TO,
              min = 0)
          int rowDocumentsUpTo) {}

  public record Output(
      @Field("id of the raw batch: model/date") String dataPath,
      @Field("day of the rows") LocalDate logicalDate,
      @Field("source of the rows: csv or mongo") String datasetName,
      @Field("number of rows") int rows,
      @Field(
              "rows without a label that a person gave; null without a version in production, which"
                  + " names the label")
          @Nullable Integer unlabelled,
      @Field("hash of the rows; equal rows have equal hashes") String contentHash,
      @Field("false if the batch held the same rows already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    if ((input.data() == null) == (input.collection() == null)) {
      throw new InvalidInputException(
          "ingest reads one source: give either 'data' or 'collection'.");
    }
    String date = input.logicalDate().toString();
    return input.data() != null
        ? fromFile(input, DataSecrets.fill(dated(input.data(), date), context.settings()), context)
        : fromCollection(input, filter(input, date), context);
  }

  private static Output fromFile(Input input, String data, StepContext context) throws IOException {
    try (DayFile file = DayFile.open(data)) {
      try {
        Optional<ModelVersion> champion = champion(input, context);
        CsvOptions options =
            CsvOptions.as(champion.map(version -> version.preprocessing().notation()).orElse(null));
        CsvSurvey survey = keyed(input, CsvTables.survey(file.path(), options));
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
    try (DayQuery query =
        DayQuery.open(String.valueOf(input.collection()), filter, input.key(), context)) {
      Iterator<Table> rows = Reported.rows(query.tables(), query.rows(), context);
      return write(input, "mongo", query.columns(), rows, champion(input, context), context);
    }
  }

  /** An identifier is text: as a number, 007 would be 7. */
  private static CsvSurvey keyed(Input input, CsvSurvey survey) {
    return input.key() == null ? survey : survey.withText(input.key());
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
    Iterator<Table> checked = tables;
    String key = input.key();
    if (key != null) {
      champion.ifPresent(version -> RowKeys.requireNoFeature(key, version));
      checked = new RowKeys(key, columns, tables);
    }
    Iterator<Table> rows = checked;
    Optional<LabelCount> labels = champion.map(version -> new LabelCount(rows, version));
    Written written =
        context
            .store()
            .rawBatches()
            .write(
                input.model(),
                input.logicalDate(),
                source,
                context.run().runId(),
                labels.<Iterator<Table>>map(counted -> counted).orElse(rows),
                input.rowDocumentsUpTo(),
                key);
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
