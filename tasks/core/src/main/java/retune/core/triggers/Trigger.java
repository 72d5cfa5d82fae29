package retune.core.triggers;

import java.util.Locale;
import java.util.stream.Stream;

/** What may start a retraining. A loop names the ones that it wants. */
public enum Trigger {
  /**
   * The model in production is harmful: below the gate by the evidence over days, or by the last
   * day's value where the loop decides by points.
   */
  HARM("harm"),
  /** Its ROC AUC is below a limit. */
  LOW_AUC("low_auc"),
  /** The inputs have drifted; see {@link OnDrift} for what follows. */
  DRIFT("drift"),
  /** Enough new labelled rows, or enough days with some. */
  ADAPTIVE("adaptive"),
  /** Every Sunday at 03:00 UTC. */
  WEEKLY("schedule_weekly"),
  /** Every first day of a month at 02:00 UTC. */
  MONTHLY("schedule_monthly"),
  /** The last training is long ago. */
  AGE("age"),
  /** A large number of new labelled rows. */
  VOLUME("volume");

  private final String eventName;

  Trigger(String eventName) {
    this.eventName = eventName;
  }

  /**
   * Whether a retraining is to mend something, so that a version which is only as good helps
   * nobody. The others are to make the model fresh, and so is a retraining that people ask for.
   *
   * @param cause the name in retraining events
   */
  public static boolean mends(String cause) {
    return Stream.of(HARM, LOW_AUC, DRIFT).anyMatch(trigger -> trigger.eventName.equals(cause));
  }

  /** The name in a loop file: {@code weekly}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The name in retraining events: {@code schedule_weekly}. */
  public String eventName() {
    return eventName;
  }
}
