package retune.core.triggers;

import org.jspecify.annotations.Nullable;

/** Whether a retraining starts. */
public sealed interface Decision {
  /** The reason, as sentences. */
  String reason();

  /** Whether a retraining is due by age and number of rows, whatever the loop's triggers are. */
  String recommendation();

  /** What to do about drift that starts no retraining; null without such drift. */
  @Nullable String advice();

  /**
   * A retraining starts.
   *
   * @param cause the name in retraining events: {@code schedule_weekly}
   */
  record Fire(String cause, String reason, String recommendation, @Nullable String advice)
      implements Decision {}

  /**
   * Nothing starts.
   *
   * @param missingSamples new labelled rows that are missing
   * @param missingDays days after which age alone makes a retraining due
   */
  record NotYet(
      String reason,
      String recommendation,
      @Nullable String advice,
      long missingSamples,
      long missingDays)
      implements Decision {}
}
