package retune.control.dashboard;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** What a person can do on the pages. */
public enum Button {
  RETRAIN("Retrain", false),
  ROLL_BACK("Roll back", true),
  DEPLOY("Deploy", false),
  APPROVE("Approve", true),
  REJECT("Reject", true),
  PAUSE("Pause the schedule", false),
  RESUME("Resume the schedule", false),
  ACKNOWLEDGE("Acknowledge", true),
  TRY("Try on traffic", true),
  PROMOTE("Promote", true),
  ABORT("End its traffic", true);

  /** The field with the version, the question or the alert. */
  public static final String SUBJECT = "id";

  /** The field with the version in production that the page named. */
  public static final String CHAMPION = "champion";

  /** The field with the person's reason. */
  public static final String REASON = "reason";

  /** The field that says that a retraining starts without new rows, too. */
  public static final String FORCE = "force";

  /** The field with the share of the requests that a challenger answers. */
  public static final String FRACTION = "fraction";

  private final String label;
  private final boolean asksReason;

  Button(String label, boolean asksReason) {
    this.label = label;
    this.asksReason = asksReason;
  }

  /** The button of a path's word. */
  public static Optional<Button> of(String word) {
    return Stream.of(values()).filter(button -> button.word().equals(word)).findFirst();
  }

  /** Its name in paths: {@code roll-back}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** What stands on it. */
  public String label() {
    return label;
  }

  /** Whether the record keeps why it was pressed. */
  public boolean asksReason() {
    return asksReason;
  }

  /** A link to its page, for those who may steer. */
  Markup link(String model, String subject, Viewer viewer) {
    return viewer.can().steer()
        ? Markup.of(
            "<a class=\"button\" href=\"{}\">{} …</a> ", Paths.action(model, this, subject), label)
        : Markup.NONE;
  }
}
