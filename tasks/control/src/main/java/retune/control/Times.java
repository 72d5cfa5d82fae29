package retune.control;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Times as answers have them: ISO 8601, UTC, to the millisecond. */
final class Times {
  private Times() {}

  static Instant cut(Instant time) {
    return time.truncatedTo(ChronoUnit.MILLIS);
  }

  static String text(Instant time) {
    return cut(time).toString();
  }
}
