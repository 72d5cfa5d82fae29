package retune.runtime;

import java.util.Map;

/**
 * A sentence for the log, and fields that its JSON form has beside it. It is logged as the only
 * parameter of {@code {0}}.
 */
public record LogFields(String sentence, Map<String, Object> fields) {
  /** The pattern to log one with. */
  public static final String PATTERN = "{0}";

  @Override
  public String toString() {
    return sentence;
  }
}
