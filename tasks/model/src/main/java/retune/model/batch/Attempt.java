package retune.model.batch;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * An attempt at fine-tuning. The run that made it stores it in the collection {@code attempts},
 * under {@code BATCH/RUN/NUMBER}.
 */
public sealed interface Attempt {
  String COLLECTION = "attempts";

  /** Counted from 1. */
  int number();

  /** The name of the strategy. */
  String strategy();

  /** The metric that the validation rows are measured by. */
  Metric metric();

  Document toDocument();

  /**
   * An attempt that made a version.
   *
   * @param value the metric on the validation rows
   * @param lowerBound the one-sided 95 % confidence bound of the value; 0 for fewer than two rows
   * @param alternative a second version that ordinary rows have trained, too, where the first is
   *     surely better on the day; null if there is none
   */
  record WithCandidate(
      int number,
      String strategy,
      String modelId,
      Metric metric,
      double value,
      double lowerBound,
      @Nullable String alternative)
      implements Attempt {
    /** Coverage of the two-sided interval whose lower end is the bound. */
    private static final double COVERAGE = 0.9;

    /** Standard errors from the value to the bound: the normal quantile of 95 %. */
    private static final double ERRORS = 1.6448536269514722;

    /** The standard error of the value, from its bound. */
    public double standardError() {
      return (value - lowerBound) / ERRORS;
    }

    /**
     * An attempt with its value and bound.
     *
     * @param validation the version's predictions for the validation rows
     */
    public static WithCandidate of(
        int number, String strategy, String modelId, Metric metric, Predictions validation) {
      double value = metric.of(validation);
      double low = Influence.of(metric, validation).interval(value, COVERAGE).low();
      return new WithCandidate(number, strategy, modelId, metric, value, low > 0 ? low : 0, null);
    }

    /** The same with a second version. */
    public WithCandidate withAlternative(@Nullable String other) {
      return new WithCandidate(number, strategy, modelId, metric, value, lowerBound, other);
    }

    @Override
    public Document toDocument() {
      Document document =
          beginning(this, modelId)
              .append("validation_value", value)
              .append("validation_lower_bound", lowerBound);
      return alternative == null ? document : document.append("alternative_model_id", alternative);
    }
  }

  /**
   * An attempt that found nothing better than the champion, and made no version.
   *
   * @param reason a sentence for people
   */
  record WithoutCandidate(int number, String strategy, Metric metric, String reason)
      implements Attempt {
    @Override
    public Document toDocument() {
      return beginning(this, null)
          .append("validation_value", null)
          .append("validation_lower_bound", null)
          .append("reason", reason);
    }
  }

  /** Stores the attempt, and replaces what an earlier try of the task stored. */
  default void keep(StepContext context, ProcessedBatch batch) {
    Document document =
        toDocument()
            .append("data_path", batch.batchId())
            .append("content_hash", batch.contentHash());
    document.putAll(Provenance.of(context));
    context.store().events().record(COLLECTION, prefix(context, batch) + number(), document);
  }

  /** This run's attempts on the current content of the batch with this metric, in order. */
  static List<Attempt> ofRun(StepContext context, ProcessedBatch batch, Metric metric) {
    List<Attempt> attempts = new ArrayList<>();
    for (Document stored :
        context.store().events().startingWith(COLLECTION, prefix(context, batch))) {
      if (stored.getString("content_hash").equals(batch.contentHash())
          && stored.getString("metric").equals(metric.id())) {
        attempts.add(of(stored));
      }
    }
    attempts.sort(Comparator.comparingInt(Attempt::number));
    return List.copyOf(attempts);
  }

  /** The attempt that {@link #toDocument} describes. */
  static Attempt of(Document document) {
    int number = document.getInteger("attempt");
    String strategy = document.get("strategy", "");
    Metric metric = Metric.ofId(document.getString("metric"));
    String modelId = document.getString("model_id");
    return modelId == null
        ? new WithoutCandidate(number, strategy, metric, document.getString("reason"))
        : new WithCandidate(
            number,
            strategy,
            modelId,
            metric,
            document.getDouble("validation_value"),
            document.getDouble("validation_lower_bound"),
            document.getString("alternative_model_id"));
  }

  private static Document beginning(Attempt attempt, @Nullable String modelId) {
    return new Document("attempt", attempt.number())
        .append("strategy", attempt.strategy())
        .append("model_id", modelId)
        .append("metric", attempt.metric().id());
  }

  private static String prefix(StepContext context, ProcessedBatch batch) {
    return batch.batchId() + "/" + context.run().runId() + "/";
  }
}
