package retune.steps.data;

import com.google.auto.service.AutoService;
import java.time.LocalDate;
import java.util.Iterator;
import java.util.Map;
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
import retune.runtime.store.ProcessedBatches.Written;
import retune.runtime.store.RawBatches;
import retune.runtime.store.RawBatches.RawBatch;

@About(
    value =
        "Turns a day's raw rows into features with the preprocessing of the model in production."
            + " Rows that the preprocessing rejects are left out and counted.",
    pipeline = Pipeline.DATA,
    example = "--model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ProcessData implements Step<ProcessData.Input, ProcessData.Output> {
  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("day of the raw rows") LocalDate logicalDate,
      @Field(
              value =
                  "largest raw batch, in rows, whose features are also stored as one document per"
                      + " row for ad-hoc queries; 0: never",
              byDefault = "" + RawBatches.ROW_DOCUMENTS_UP_TO,
              min = 0)
          int rowDocumentsUpTo) {}

  public record Output(
      @Field("id of the processed batch: model/date") String dataPath,
      @Field("number of raw rows") int rowsIn,
      @Field("number of rows with features") int rowsOut,
      @Field("number of those rows that have a label") int labelled,
      @Field("number of rejected rows, by rule.column") Map<String, Integer> rejected,
      @Field("number of values that preprocessing replaced, by rule.column")
          Map<String, Integer> outcomes,
      @Field("hash of raw rows, late labels, preprocessing and target") String contentHash,
      @Field("false if the batch held the same content already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) {
    RawBatches rawBatches = context.store().rawBatches();
    ProcessedBatches batches = context.store().processedBatches();
    RawBatch raw = rawBatch(input, rawBatches);
    String modelId = new Champions(context.store()).get(input.model()).modelId();
    ModelVersion champion = new ModelStore(context.store()).get(modelId);
    Preprocessing preprocessing = champion.preprocessing();
    LabelsOfDay late = LabelsOfDay.of(context, raw);
    late.requireNoFeature(champion);
    String contentHash = Processing.contentHash(raw, preprocessing, champion.target(), late);
    Processing processing =
        new Processing(preprocessing, champion.target(), rawBatches.read(raw), late);
    Written written =
        batches.write(
            new ProcessedBatches.Name(raw.batchId(), contentHash, raw.datasetName()),
            reporting(processing, raw, context),
            () -> processing.describe(raw, context.run().runId()),
            raw.rows() <= input.rowDocumentsUpTo());
    ProcessedBatch batch = written.batch();
    return new Output(
        batch.batchId(),
        batch.rowsIn(),
        batch.rows(),
        batch.labelled(),
        batch.rejected(),
        batch.outcomes(),
        contentHash,
        written.changed());
  }

  /** The same rows, telling how many raw rows were read so far. */
  private static Iterator<Rows> reporting(
      Processing processing, RawBatch raw, StepContext context) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return processing.hasNext();
      }

      @Override
      public Rows next() {
        Rows rows = processing.next();
        context.progress("rows processed", processing.rowsIn(), raw.rows());
        return rows;
      }
    };
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
                        + "; run generate_data, ingest or collect_queries for that day first."));
  }
}
