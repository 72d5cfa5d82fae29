package retune.judgement;

import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.runtime.Field;

/**
 * What fine-tuning did on a day. The scores of a day with a fine-tuned version are those of the
 * hold-out; the score of a day without is the last judged version's. The F1 score stands there
 * whatever the gate's metric is; the gate's own metric, value and threshold stand beside it.
 */
public record RetrainingInfo(
    @Field("whether a fine-tuned version passed") boolean wasRetrained,
    @Field("the version in production so far") @Nullable String originalModelId,
    @Field("its F1 score on the hold-out") @Nullable Double originalF1Score,
    @Field("the version that passed") @Nullable String finetunedModelId,
    @Field("its F1 score on the hold-out") @Nullable Double finetunedF1Score,
    @Field("how much greater its F1 score is") @Nullable Double improvement,
    @Field("the last judged version's F1 score, if no fine-tuned version passed")
        @Nullable Double f1Score,
    @Field("the gate's threshold, if no fine-tuned version passed") @Nullable Double f1Threshold,
    @Field("attempts at fine-tuning") int retryCount,
    @Field("the gate's metric") Metric metric,
    @Field(
            "the gate's metric of the version that was judged last; null while the day's labels"
                + " have not matured")
        @Nullable Double value,
    @Field("the least value that passes the gate") double threshold,
    @Field("the gate's metric of the version in production on the same rows")
        @Nullable Double championValue) {

  /**
   * No fine-tuned version passed.
   *
   * @param last the verdict whose numbers are told
   * @param attempts number of attempts that were made
   */
  public static RetrainingInfo without(Judgement last, int attempts) {
    return new RetrainingInfo(
        false,
        null,
        null,
        null,
        null,
        null,
        last.key().awaitsLabels() ? null : (Double) last.f1Score(),
        last.verdict().threshold(),
        attempts,
        last.verdict().metric(),
        last.value(),
        last.verdict().threshold(),
        last.key().awaitsLabels() ? null : (Double) last.championValue());
  }

  /**
   * A fine-tuned version passed.
   *
   * @param attempts number of attempts that were made
   */
  public static RetrainingInfo with(Judgement candidate, int attempts) {
    double original = Judgement.f1Score(candidate.championMetrics());
    return new RetrainingInfo(
        true,
        candidate.championId(),
        original,
        candidate.modelId(),
        candidate.f1Score(),
        candidate.f1Score() - original,
        null,
        null,
        attempts,
        candidate.verdict().metric(),
        candidate.verdict().value(),
        candidate.verdict().threshold(),
        candidate.championValue());
  }

  public Document toDocument() {
    Document document = new Document("was_retrained", wasRetrained);
    if (wasRetrained) {
      document
          .append("original_model_id", originalModelId)
          .append("original_f1_score", originalF1Score)
          .append("finetuned_model_id", finetunedModelId)
          .append("finetuned_f1_score", finetunedF1Score)
          .append("improvement", improvement);
    } else {
      document.append("f1_score", f1Score).append("f1_threshold", f1Threshold);
    }
    return document
        .append("retry_count", retryCount)
        .append("metric", metric.id())
        .append("value", value)
        .append("threshold", threshold)
        .append("champion_value", championValue);
  }

  static RetrainingInfo of(Document document) {
    return new RetrainingInfo(
        document.getBoolean("was_retrained"),
        document.getString("original_model_id"),
        document.getDouble("original_f1_score"),
        document.getString("finetuned_model_id"),
        document.getDouble("finetuned_f1_score"),
        document.getDouble("improvement"),
        document.getDouble("f1_score"),
        document.getDouble("f1_threshold"),
        document.getInteger("retry_count"),
        Metric.ofId(document.getString("metric")),
        document.getDouble("value"),
        document.getDouble("threshold"),
        document.getDouble("champion_value"));
  }
}
