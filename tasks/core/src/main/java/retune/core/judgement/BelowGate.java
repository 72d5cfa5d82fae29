package retune.core.judgement;

import java.util.Locale;

/** What happens where no candidate reaches the gate. */
public enum BelowGate {
  /** People are told, and the champion stays. */
  ALERT,
  /**
   * The best candidate is promoted if it is surely better than the champion, and the verdict says
   * so.
   */
  PROMOTE_IF_SUPERIOR,
  /** A person is asked whether a candidate that is surely better than the champion is promoted. */
  ASK;

  /** Whether a candidate may follow the champion although it is below the gate. */
  boolean mayFollow() {
    return this != ALERT;
  }

  /** The name in documents and loop files: {@code promote_if_superior}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The value of that {@link #id}. */
  public static BelowGate ofId(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }
}
