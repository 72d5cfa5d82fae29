package retune.steps.data;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.LabelMarks;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.NotReadyException;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.RawBatches;
import retune.runtime.store.RawBatches.RawBatch;
import retune.runtime.store.RawBatches.Written;
import retune.steps.data.LoggedDay.Reason;

@About(
    value =
        "Stores what users asked on a day, from the query log, as the day's raw batch. Labels"
            + " follow by the key of each row: by feedback or by ingest_labels. Collecting the same"
            + " queries again changes nothing; if more were logged since, they replace the batch."
            + " Ends with exit code 20 while the day is not over, and where nobody asked.",
    pipeline = Pipeline.DATA,
    example = "--model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class CollectQueries implements Step<CollectQueries.Input, CollectQueries.Output> {
  private static final Logger LOGGER = System.getLogger(CollectQueries.class.getName());

  /** The source of the rows, as their batch names it. */
  public static final String DATASET = "queries";

  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("day of the queries (UTC), by their arrival") LocalDate logicalDate,
      @Field(
              value =
                  "name of the column with each row's key, REQUEST_ID/ROW; choose another one if"
                      + " the model reads a column of this name",
              byDefault = "query_id")
          String key,
      @Field(
              value =
                  "least confidence with which the model's own answer becomes the row's label, for"
                      + " training alone and until a person's label comes; without it, answers are"
                      + " no labels",
              min = 0.5,
              max = 1)
          @Nullable Double ownLabels,
      @Field(
              value =
                  "largest batch, in rows, that is also stored as one document per row for ad-hoc"
                      + " queries; 0: never",
              byDefault = "" + RawBatches.ROW_DOCUMENTS_UP_TO,
              min = 0)
          int rowDocumentsUpTo) {}

  public record Output(
      @Field("id of the raw batch: model/date") String dataPath,
      @Field("day of the queries") LocalDate logicalDate,
      @Field("source of the rows: queries") String datasetName,
      @Field("rows of the day in the query log") int queries,
      @Field("number of rows of the batch") int rows,
      @Field("rows whose label is the model's own answer") int ownLabels,
      @Field("rows with the key of an earlier one; left out") int duplicates,
      @Field("rows without the shape of a query; left out") int malformed,
      @Field(
              "rows that a version answered which reads other columns than the one in production;"
                  + " left out")
          int otherColumns,
      @Field("rows that an unknown version answered; kept, but their answers are no labels")
          int unknownVersions,
      @Field("the first few of these, by reason: keys, blocks or versions")
          Map<String, List<String>> examples,
      @Field("hash of the rows; equal rows have equal hashes") String contentHash,
      @Field("false if the batch held the same rows already") boolean changed,
      @Field("what happened, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    requireOver(input.logicalDate(), context);
    ModelVersion champion =
        new ModelStore(context).get(new Champions(context.store()).get(input.model()).modelId());
    RowKeys.requireNoFeature(input.key(), champion);
    if (input.ownLabels() != null) {
      requireNoFeatures(champion);
    }
    LoggedDay day =
        LoggedDay.of(context, champion, input.logicalDate(), input.key(), input.ownLabels());
    Written written =
        context
            .store()
            .rawBatches()
            .write(
                input.model(),
                input.logicalDate(),
                DATASET,
                context.run().runId(),
                Reported.rows(day.tables(), day.rows(), context),
                input.rowDocumentsUpTo(),
                input.key());
    RawBatch batch = written.batch();
    String message = message(input, day);
    LOGGER.log(Level.INFO, message);
    return new Output(
        batch.batchId(),
        batch.logicalDate(),
        batch.datasetName(),
        day.queries(),
        batch.rows(),
        day.answersTaken(),
        day.named(Reason.DUPLICATES).rows(),
        day.named(Reason.MALFORMED).rows(),
        day.named(Reason.OTHER_COLUMNS).rows(),
        day.named(Reason.UNKNOWN_VERSIONS).rows(),
        day.examples(),
        batch.contentHash(),
        written.changed(),
        message);
  }

  private static void requireOver(LocalDate date, StepContext context) {
    LocalDate today = LocalDate.ofInstant(context.clock().instant(), ZoneOffset.UTC);
    if (!date.isBefore(today)) {
      throw new NotReadyException(
          "%s is not over (UTC); collect its queries from %s on."
              .formatted(date, date.plusDays(1)));
    }
  }

  /** The marks of a label that a model gave would be taken for features, and it for a person's. */
  private static void requireNoFeatures(ModelVersion champion) {
    for (String mark : List.of(LabelMarks.SOURCE, LabelMarks.CONFIDENCE)) {
      if (champion.preprocessing().rawColumns().contains(mark)) {
        throw new InvalidInputException(
            "'%s' reads a column '%s', which would say who gave a label; leave own_labels out."
                .formatted(champion.modelId(), mark));
      }
    }
  }

  private static String message(Input input, LoggedDay day) {
    String took =
        "%d of %d logged queries of %s were collected"
            .formatted(day.rows(), day.queries(), input.logicalDate());
    String own =
        input.ownLabels() == null
            ? ""
            : ", %d with the model's own answer as a label for training"
                .formatted(day.answersTaken());
    return took + own + "." + day.sentences();
  }
}
