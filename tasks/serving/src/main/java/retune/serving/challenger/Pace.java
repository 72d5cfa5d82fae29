package retune.serving.challenger;

import java.time.Duration;
import java.util.BitSet;

/**
 * How long the challenger takes for requests, beside what the champion took for the same rows. It
 * is stopped where most of its recent calls are slow: more than {@value #TIMES} times the
 * champion's time, and {@link #LONGER} longer. Most of them, and not their mean, because a pause of
 * the machine is no fault of a version; the second limit, because people feel an answer within a
 * tenth of a second as immediate.
 */
final class Pace {
  /** The last calls, on which the challenger is judged. */
  static final int RECENT = 100;

  /** From so many calls on it is judged. */
  static final int LEAST = 20;

  /** A slow call takes more than so many times the champion's time, and {@link #LONGER} longer. */
  static final int TIMES = 5;

  static final Duration LONGER = Duration.ofMillis(100);

  private final Failures failures;
  private final long longerNanos;

  /** Which of the last calls were slow; the oldest is overwritten next. */
  private final BitSet slow = new BitSet(RECENT);

  private long calls;

  /**
   * Watches calls.
   *
   * @param longer {@link #LONGER}, or a test's
   */
  Pace(Failures failures, Duration longer) {
    this.failures = failures;
    this.longerNanos = longer.toNanos();
  }

  /** Counts a call, and stops the challenger if most of the last ones were slow. */
  synchronized void took(long nanos, long championNanos) {
    slow.set(
        (int) (calls++ % RECENT),
        nanos > TIMES * championNanos && nanos > championNanos + longerNanos);
    int recent = (int) Math.min(calls, RECENT);
    int slowOnes = slow.cardinality();
    if (recent >= LEAST && slowOnes > recent / 2) {
      failures.stop(
          "%d of the last %d requests took it more than %d times as long as the version in production, and %d ms longer, in one service"
              .formatted(slowOnes, recent, TIMES, longerNanos / 1_000_000));
    }
  }
}
