package retune.serving.challenger;

import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** How a challenger does in this process, and when that is reason enough to stop it. */
final class Failures {
  /** From so many failures on, a challenger is stopped if they are {@link #MOST_SHARE} or more. */
  static final int MOST = 10;

  /** The largest share of failures that passes. */
  static final double MOST_SHARE = 0.05;

  /** So many calls that did not return stop it: each holds a thread. */
  static final int MOST_HUNG = 3;

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
  private final AtomicInteger failed = new AtomicInteger();
  private final AtomicInteger hung = new AtomicInteger();
  private final AtomicReference<@Nullable String> reason = new AtomicReference<>();

  /** Counts a call, before it is known how it ends. */
  void called() {
    calls.incrementAndGet();
  }

  /** Counts a call that failed. */
  void failed(Kind kind, String what) {
    int failures = failed.incrementAndGet();
    long all = calls.get();
    if (failures >= MOST && failures >= MOST_SHARE * all) {
      reason.compareAndSet(
          null,
          "%d of %d calls failed in one service, the last one (%s): %s"
              .formatted(failures, all, kind.id(), what));
    }
  }

  /** Counts a call that did not return, which is a failure, too. */
  void hung(String what) {
    if (hung.incrementAndGet() >= MOST_HUNG) {
      reason.compareAndSet(
          null, "%d calls did not return in one service: %s".formatted(hung.get(), what));
    }
    failed(Kind.SLOW, what);
  }

  /** Why the challenger is to be stopped, without a full stop; empty while it may go on. */
  Optional<String> reasonToStop() {
    return Optional.ofNullable(reason.get());
  }
}
