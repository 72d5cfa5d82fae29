package retune.core.triggers;

import java.util.Locale;

/** Who asks for a retraining beside the rules. */
public enum Request {
  /** Nobody: the rules decide. */
  NONE,
  /** A person: the rules decide. */
  MANUAL,
  /** A program: fires if there are new labelled rows. */
  API,
  /** A person or a program that wants it in any case. */
  FORCED;

  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
