package retune.steps.retraining;

import org.jspecify.annotations.Nullable;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.PromotionPolicy;
import retune.core.metrics.Metric;

/** What a loop asks of a retrained version: the same as of a fine-tuned one. */
record RetrainingRules(Gate gate, Evidence evidence, PromotionPolicy policy, BelowGate belowGate) {
  /** From the inputs of a step; without a policy there is none but the gate. */
  static RetrainingRules of(
      Metric metric,
      double threshold,
      Evidence evidence,
      @Nullable String policy,
      BelowGate belowGate) {
    return new RetrainingRules(
        new Gate(metric, threshold),
        evidence,
        policy == null ? PromotionPolicy.FLOOR : PromotionPolicy.parse(policy),
        belowGate);
  }
}
