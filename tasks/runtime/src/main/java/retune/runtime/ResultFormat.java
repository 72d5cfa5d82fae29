package retune.runtime;

import java.util.Locale;
import retune.core.InvalidInputException;

/** How a step's result is printed on standard output. */
enum ResultFormat {
  JSON,
  /** The result's {@link Page}. */
  TEXT;

  /**
   * The format of that name.
   *
   * @param source the flag or setting that has the name, for the message
   */
  static ResultFormat ofId(String id, String source) {
    for (ResultFormat format : values()) {
      if (format.name().toLowerCase(Locale.ROOT).equals(id)) {
        return format;
      }
    }
    throw new InvalidInputException("%s is '%s'; give text or json.".formatted(source, id));
  }
}
