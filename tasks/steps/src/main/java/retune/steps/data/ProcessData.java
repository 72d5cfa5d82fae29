package retune.steps.data;

import com.google.auto.service.AutoService;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.core.preprocessing.Preprocessing;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.runtime.store.RawBatches;
import retune.runtime.store.RawBatches.RawBatch;

@About(
    value =
        "Turns a day's raw rows into features, by the preprocessing that the model in production"
            + " was trained with. Rows that cannot be read are left out and counted.",
    pipeline = Pipeline.DATA,
    example = "--model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ProcessData implements Step<ProcessData.Input, ProcessData.Output> {
  public record Input(
      @Field("the model's name") String model,
      @Field("the day whose raw rows are processed") LocalDate logicalDate,
      @Field(
              value = "whether the rows are written as documents, too, for people's queries",
              byDefault = "true")
          boolean rowDocuments) {}

  public record Output(
      @Field("the processed batch: model/date") String dataPath,
      @Field("raw rows") int rowsIn,
      @Field("rows of features") int rowsOut,
      @Field("rows of features with a label") int labelled,
      @Field("rows left out, by rule.column") Map<String, Integer> rejected,
      @Field("values that met a rule of the preprocessing, by rule.column")
          Map<String, Integer> outcomes,
      @Field("names the content: raw rows, preprocessing and target") String contentHash,
      @Field("false where the same content was there already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) {
    RawBatches rawBatches = context.store().rawBatches();
    ProcessedBatches batches = context.store().processedBatches();
    RawBatch raw = rawBatch(input, rawBatches);
    ModelVersion champion = champion(input.model(), context);
    Preprocessing preprocessing = champion.preprocessing();
    String contentHash = Processing.contentHash(raw, preprocessing, champion.target());
    Processing processing = new Processing(preprocessing, champion.target(), rawBatches.read(raw));
    Optional<ProcessedBatch> known =
        batches
            .find(raw.batchId())
            .filter(processed -> processed.contentHash().equals(contentHash));
    // The counts stand before the rows, so a new batch's features are held; they are small beside
    // its raw rows, of which one chunk is held at a time.
    Iterator<Rows> rows =
        known.isEmpty() ? processAll(processing, raw, context).iterator() : processing;
    ProcessedBatch batch = known.orElseGet(() -> processing.describe(raw, context.run().runId()));
    boolean changed = batches.write(batch, rows, input.rowDocuments());
    return new Output(
        batch.batchId(),
        batch.rowsIn(),
        batch.rows(),
        batch.labelled(),
        batch.rejected(),
        batch.outcomes(),
        contentHash,
        changed);
  }

  private static List<Rows> processAll(Processing processing, RawBatch raw, StepContext context) {
    List<Rows> rows = new ArrayList<>();
    while (processing.hasNext()) {
      rows.add(processing.next());
      context.progress("rows processed", processing.rowsIn(), raw.rows());
    }
    return rows;
  }

  private static RawBatch rawBatch(Input input, RawBatches rawBatches) {
    return rawBatches
        .find(RawBatches.batchId(input.model(), input.logicalDate()))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is no raw batch of '"
                        + input.model()
                        + "' for "
                        + input.logicalDate()
                        + "; run generate_data for that date first."));
  }

  private static ModelVersion champion(String model, StepContext context) {
    return new Champions(context.store())
        .find(model)
        .map(champion -> new ModelStore(context.store()).get(champion.modelId()))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "No version of '"
                        + model
                        + "' is in production; register one with register_model --champion."));
  }
}
