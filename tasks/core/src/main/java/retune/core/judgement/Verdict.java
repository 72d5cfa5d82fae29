package retune.core.judgement;

import retune.core.metrics.Metric;

/** The decision of a {@link Gate} on a model, with the numbers behind it. */
public sealed interface Verdict {
  Metric metric();

  /** The model's value of the metric. */
  double value();

  /** The least value that passes. */
  double threshold();

  /** The reason, as a sentence. */
  String reason();

  /** The model passes. */
  record Approved(Metric metric, double value, double threshold, String reason)
      implements Verdict {}

  /** The model in production fails and must be fine-tuned. */
  record NeedsRetraining(Metric metric, double value, double threshold, String reason)
      implements Verdict {}

  /**
   * The candidate must not replace the champion.
   *
   * @param champion the champion's value on the same rows
   */
  record Rejected(Metric metric, double value, double threshold, double champion, String reason)
      implements Verdict {}
}
