package retune.model.batch;

import java.util.Comparator;
import java.util.List;
import org.bson.Document;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * An attempt at fine-tuning. The run that made it stores it in the collection {@code attempts},
 * under {@code BATCH/RUN/ATTEMPT}.
 *
 * @param number counted from 1
 * @param modelId the version that the attempt made
 * @param metric the metric by which the epoch was chosen
 * @param value the metric on the validation rows
 * @param lowerBound the one-sided 95 % confidence bound of the value; 0 for fewer than two rows
 */
public record TrainedAttempt(
    int number, String modelId, Metric metric, double value, double lowerBound) {
  private static final String COLLECTION = "attempts";

  /** Coverage of the two-sided interval whose lower end is the bound. */
  private static final double COVERAGE = 0.9;

  /**
   * An attempt with its value and bound.
   *
   * @param validation the version's predictions for the validation rows
   */
  public static TrainedAttempt of(
      int number, String modelId, Metric metric, Predictions validation) {
    double value = metric.of(validation);
    double low = Influence.of(metric, validation).interval(value, COVERAGE).low();
    return new TrainedAttempt(number, modelId, metric, value, low > 0 ? low : 0);
  }

  public void keep(StepContext context, ProcessedBatch batch) {
    Document document =
        toDocument()
            .append("data_path", batch.batchId())
            .append("content_hash", batch.contentHash());
    document.putAll(Provenance.of(context));
    context.store().events().record(COLLECTION, prefix(context, batch) + number, document);
  }

  /** This run's attempts on the current content of the batch with this metric, in order. */
  public static List<TrainedAttempt> ofRun(
      StepContext context, ProcessedBatch batch, Metric metric) {
    return context.store().events().startingWith(COLLECTION, prefix(context, batch)).stream()
        .filter(attempt -> attempt.getString("content_hash").equals(batch.contentHash()))
        .filter(attempt -> attempt.getString("metric").equals(metric.id()))
        .map(TrainedAttempt::of)
        .sorted(Comparator.comparingInt(TrainedAttempt::number))
        .toList();
  }

  public Document toDocument() {
    return new Document("attempt", number)
        .append("model_id", modelId)
        .append("metric", metric.id())
        .append("validation_value", value)
        .append("validation_lower_bound", lowerBound);
  }

  /** The attempt that {@link #toDocument} describes. */
  public static TrainedAttempt of(Document document) {
    return new TrainedAttempt(
        document.getInteger("attempt"),
        document.getString("model_id"),
        Metric.ofId(document.getString("metric")),
        document.getDouble("validation_value"),
        document.getDouble("validation_lower_bound"));
  }

  private static String prefix(StepContext context, ProcessedBatch batch) {
    return batch.batchId() + "/" + context.run().runId() + "/";
  }
}
