package retune.core.judgement;

import retune.core.metrics.Metric;

/** What a {@link Gate} says of a model, with the numbers it looked at. */
public sealed interface Verdict {
  Metric metric();

  /** The model's value of the metric. */
  double value();

  /** The least value that is good enough. */
  double threshold();

  /** One sentence for a person. */
  String reason();

  /** Good enough for production. */
  record Approved(Metric metric, double value, double threshold, String reason)
      implements Verdict {}

  /** The model in production falls short and is to be fine-tuned. */
  record NeedsRetraining(Metric metric, double value, double threshold, String reason)
      implements Verdict {}

  /**
   * A candidate that must not take the champion's place.
   *
   * @param champion the champion's value on the same rows
   */
  record Rejected(Metric metric, double value, double threshold, double champion, String reason)
      implements Verdict {}
}
