package retune.serving.challenger;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** How a challenger does in this process, and when that is reason enough to stop it. */
final class Failures {
  /** Calls that count, the last ones: a long good time before must not delay the stop. */
  static final int RECENT = 500;

  /** From so many recent failures on, a challenger is stopped if they are 5 % or more. */
  static final int MOST = 10;

  /** So many failures of {@link #RECENT} calls are 5 %. */
  static final int MOST_RECENT = RECENT / 20;

  /** So many calls that do not return stop it: each holds a thread. */
  static final int MOST_HANGING = 3;

  /** What goes wrong. */
  enum Kind {
    /** It threw an exception. */
    ERROR,
    /** It refused a row that the champion answered. */
    REFUSED,
    /** A probability is no finite number. */
    NOT_FINITE,
    /** It did not return in time. */
    SLOW;

    /** The name in metrics: {@code not_finite}. */
    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final AtomicLong calls = new AtomicLong();

  /** The numbers of the calls at which the last failures came, the oldest overwritten next. */
  private final long[] failed = new long[MOST_RECENT];

  private int next;
  private final AtomicInteger hanging = new AtomicInteger();
  private final AtomicReference<@Nullable String> reason = new AtomicReference<>();

  /** Counts a call, before it is known how it ends. */
  void called() {
    calls.incrementAndGet();
  }

  /** Counts a call that failed. */
  void failed(Kind kind, String what) {
    long now = calls.get();
    long recent = Math.min(now, RECENT);
    long failures = countFailure(now);
    if (failures >= MOST && 20 * failures >= recent) {
      stop(
          "%d of the last %d calls failed in one service, the last one (%s): %s"
              .formatted(failures, recent, kind.id(), what));
    }
  }

  /** Counts a failure, and returns the number of recent ones. */
  private synchronized long countFailure(long now) {
    failed[next] = now;
    next = (next + 1) % MOST_RECENT;
    return Arrays.stream(failed).filter(call -> call > Math.max(0, now - RECENT)).count();
  }

  /** Counts a call that does not return; {@link #failed(Kind, String)} counts its failure. */
  void hangs(String what) {
    int held = hanging.incrementAndGet();
    if (held >= MOST_HANGING) {
      stop("%d calls do not return in one service: %s".formatted(held, what));
    }
  }

  /** Records that a call which was given up has returned. */
  void returned() {
    hanging.decrementAndGet();
  }

  /**
   * Stops the challenger.
   *
   * @param why without a full stop; the first reason stands
   */
  void stop(String why) {
    reason.compareAndSet(null, why);
  }

  /** Why the challenger is to be stopped, without a full stop; empty while it may go on. */
  Optional<String> reasonToStop() {
    return Optional.ofNullable(reason.get());
  }
}
