package retune.serving.prediction;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The ids of requests: one that the caller chose, or a random one. */
public final class RequestId {
  /** The header of requests and responses. */
  public static final String HEADER = "X-Request-Id";

  /** What an id looks like. It is part of keys and of log lines, so it has no '/' and no space. */
  public static final String PATTERN = "^[A-Za-z0-9._:=+-]{1,100}$";

  private static final int MOST_CHARACTERS = 100;
  private static final int FIRST_BEYOND_ASCII = 128;

  private RequestId() {}

  /** The caller's id if it is one, else a new one. */
  public static String of(@Nullable String given) {
    return given != null && isValid(given) ? given : UUID.randomUUID().toString();
  }

  /** Whether a text is a possible id. */
  public static boolean isValid(String id) {
    return !id.isEmpty()
        && id.length() <= MOST_CHARACTERS
        && id.chars()
            .allMatch(
                c ->
                    (c < FIRST_BEYOND_ASCII && Character.isLetterOrDigit(c))
                        || "._:=+-".indexOf(c) >= 0);
  }
}
