package retune.core.judgement;

import retune.core.judgement.Retention.OnConflict;

/**
 * What a loop asks of its models.
 *
 * @param maxAttempts attempts at fine-tuning before a day ends with an alert
 * @param selection how one of the attempts becomes the candidate
 * @param evidence what decides whether the gate is reached
 * @param policy what is asked of candidates beside the gate
 * @param belowGate what happens where no candidate reaches the gate
 */
public record Rules(
    Gate gate,
    int maxAttempts,
    Selection selection,
    Evidence evidence,
    PromotionPolicy policy,
    Retention retention,
    BelowGate belowGate) {
  /** What a loop that says nothing else asks, as earlier versions did. */
  public static Rules published(Gate gate, int maxAttempts) {
    return new Rules(
        gate,
        maxAttempts,
        Selection.FIRST_PASSING,
        Evidence.POINT,
        PromotionPolicy.FLOOR,
        new Retention(0.05, OnConflict.PROMOTE),
        BelowGate.ALERT);
  }

  /**
   * What happens where a version is below the gate. A later attempt may reach it, so that the best
   * of such candidates follows, or is asked about, only after the last attempt. Of versions of
   * earlier days only a challenger that is proved better may follow below the gate.
   *
   * @param attempt from 1; 0 for a version of an earlier day
   * @param isProved whether the evidence over days says that it is better than the champion
   */
  public BelowGate belowGateOf(int attempt, boolean isProved) {
    return attempt > 0 || isProved ? belowGate : BelowGate.ALERT;
  }

  /**
   * Whether an attempt's alternative is judged where its version does not pass: a loop that
   * promotes whatever is lost on ordinary rows has no use for it.
   */
  public boolean judgesAlternatives() {
    return retention.onConflict() != OnConflict.PROMOTE;
  }

  /**
   * The level at which one version of an attempt is judged: all verdicts that a hold-out gives a
   * run together are wrong no more often than {@link Comparison#ALPHA} (Bonferroni).
   *
   * @param hasAlternative whether the attempt made two versions that may be judged
   */
  public double alphaOfAttempt(boolean hasAlternative) {
    int versions = hasAlternative && judgesAlternatives() ? 2 : 1;
    return Comparison.ALPHA / selection.verdicts(maxAttempts) / versions;
  }
}
