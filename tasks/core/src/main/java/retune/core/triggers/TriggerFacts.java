package retune.core.triggers;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is known when a retraining is considered.
 *
 * @param now the time of the decision
 * @param lastTraining when the version in production was trained, or the last retraining ended,
 *     whatever came of it; the later of both
 * @param newSamples labelled rows of days after those that the last training knew
 * @param missingToJudge labelled rows that are missing until the hold-out of days that no
 *     retraining has judged on can tell two versions apart; 0 where none is
 * @param quality how good the model in production is; null if it was never evaluated
 * @param drift the last drift report; null without one
 */
public record TriggerFacts(
    Instant now,
    Instant lastTraining,
    long newSamples,
    long missingToJudge,
    @Nullable Quality quality,
    @Nullable Drift drift) {
  public TriggerFacts {
    if (newSamples < 0 || missingToJudge < 0) {
      throw new IllegalArgumentException(
          "a negative number of samples: %d, %d".formatted(newSamples, missingToJudge));
    }
  }

  /**
   * The last evaluation of the model in production.
   *
   * @param harmful whether it is below the gate, by what the loop takes for evidence
   * @param sentence why, or why not
   * @param rocAuc its ROC AUC; null if it is not defined
   */
  public record Quality(boolean harmful, String sentence, @Nullable Double rocAuc) {}

  /**
   * A drift report.
   *
   * @param report where it is
   * @param detected whether it alarms
   */
  public record Drift(String report, boolean detected) {}

  /** Whole days since the last training; 0 where the clock went back behind it. */
  public long days() {
    return Math.max(0, Duration.between(lastTraining, now).toDays());
  }
}
