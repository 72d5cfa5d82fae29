package retune.core.judgement;

import java.util.Locale;

/** What decides a question about a model. */
public enum Evidence {
  /** The value on the rows, however few they are. */
  POINT,
  /** A confidence bound; where it does not decide, the verdict is undecided. */
  INTERVAL;

  /** The name in documents and loop files: {@code interval}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The evidence of that {@link #id}. */
  public static Evidence ofId(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }
}
