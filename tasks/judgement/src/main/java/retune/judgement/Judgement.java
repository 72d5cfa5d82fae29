package retune.judgement;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * A verdict on a version in one run, kept under {@code BATCH/RUN/ATTEMPT} in the collection of
 * verdicts.
 *
 * @param attempt 0 for the champion on the whole batch, from 1 on for a candidate on the hold-out
 * @param championId the version in production; the judged one itself at attempt 0
 * @param metrics the judged version's, by name
 * @param championMetrics the champion's on the same rows, by name
 */
public record Judgement(
    int attempt,
    String modelId,
    String championId,
    Verdict verdict,
    Map<String, Double> metrics,
    Map<String, Double> championMetrics) {
  private static final String COLLECTION = "verdicts";

  /** What a stored verdict is called. */
  private static final String APPROVED = "approved";

  private static final String NEEDS_RETRAINING = "needs_retraining";
  private static final String REJECTED = "rejected";

  public boolean passed() {
    return verdict instanceof Verdict.Approved;
  }

  /** The verdict in a word: {@code approved}. */
  public String status() {
    return switch (verdict) {
      case Verdict.Approved approved -> APPROVED;
      case Verdict.NeedsRetraining needsRetraining -> NEEDS_RETRAINING;
      case Verdict.Rejected rejected -> REJECTED;
    };
  }

  /** Whether the verdict was made with this gate. */
  public boolean isOf(Gate gate) {
    return verdict.metric() == gate.metric() && verdict.threshold() == gate.threshold();
  }

  /** The F1 score, which documents show whatever the gate's metric is. */
  public double f1Score() {
    return f1Score(metrics);
  }

  public static double f1Score(Map<String, Double> metrics) {
    return metrics.getOrDefault(Metric.F1_SCORE.id(), 0.0);
  }

  public Document metricsDocument() {
    return new Document(new LinkedHashMap<>(metrics));
  }

  public void keep(StepContext context, ProcessedBatch batch) {
    Document document =
        new Document("status", status())
            .append("attempt", attempt)
            .append("model_id", modelId)
            .append("champion_id", championId)
            .append("data_path", batch.batchId())
            .append("content_hash", batch.contentHash())
            .append("metric", verdict.metric().id())
            .append("value", verdict.value())
            .append("threshold", verdict.threshold())
            .append("reason", verdict.reason())
            .append("metrics", metricsDocument())
            .append("champion_metrics", new Document(new LinkedHashMap<>(championMetrics)))
            .append("dag_id", context.run().dagId())
            .append("run_id", context.run().runId());
    context.store().events().record(COLLECTION, id(context, batch.batchId(), attempt), document);
  }

  public static Optional<Judgement> find(StepContext context, String batchId, int attempt) {
    return context
        .store()
        .events()
        .find(COLLECTION, id(context, batchId, attempt))
        .map(Judgement::ofDocument);
  }

  private static Judgement ofDocument(Document document) {
    Metric metric = Metric.ofId(document.getString("metric"));
    double value = document.getDouble("value");
    double threshold = document.getDouble("threshold");
    String reason = document.getString("reason");
    Map<String, Double> championMetrics = numbers(document.get("champion_metrics", Document.class));
    Verdict verdict =
        switch (document.getString("status")) {
          case APPROVED -> new Verdict.Approved(metric, value, threshold, reason);
          case NEEDS_RETRAINING -> new Verdict.NeedsRetraining(metric, value, threshold, reason);
          case REJECTED ->
              new Verdict.Rejected(
                  metric,
                  value,
                  threshold,
                  new Gate(metric, threshold).value(championMetrics),
                  reason);
          default -> throw new IllegalStateException("a verdict of no kind: " + document);
        };
    return new Judgement(
        document.getInteger("attempt"),
        document.getString("model_id"),
        document.getString("champion_id"),
        verdict,
        numbers(document.get("metrics", Document.class)),
        championMetrics);
  }

  /** The metrics of a stored report: its entries that are numbers with a fraction. */
  public static Map<String, Double> numbers(Document report) {
    Map<String, Double> metrics = new LinkedHashMap<>();
    report.forEach(
        (name, value) -> {
          if (value instanceof Double number) {
            metrics.put(name, number);
          }
        });
    return metrics;
  }

  private static String id(StepContext context, String batchId, int attempt) {
    return batchId + "/" + context.run().runId() + "/" + attempt;
  }
}
