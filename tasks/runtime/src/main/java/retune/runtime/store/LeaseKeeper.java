package retune.runtime.store;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import retune.runtime.store.Lease.Held;

/** Extends a lease again and again while its holder works, until it is closed. */
public final class LeaseKeeper implements AutoCloseable {
  private static final Logger LOG = System.getLogger(LeaseKeeper.class.getName());

  /** How long a lease outlives a holder that is killed. */
  public static final Duration DURATION = Duration.ofMinutes(2);

  private static final Duration BETWEEN = Duration.ofSeconds(30);

  private final Supplier<Lease> lease;
  private final String holder;
  private final Clock clock;
  private final Duration between;
  private boolean isClosed;

  private LeaseKeeper(Supplier<Lease> lease, String holder, Clock clock, Duration between) {
    this.lease = lease;
    this.holder = holder;
    this.clock = clock;
    this.between = between;
  }

  /**
   * Extends a lease from now on. A store that fails for a moment is asked again; a lease that
   * another holder has taken is left to it.
   *
   * @param lease asked for on another thread
   */
  public static LeaseKeeper start(Supplier<Lease> lease, String holder, Clock clock) {
    return start(lease, holder, clock, BETWEEN);
  }

  static LeaseKeeper start(Supplier<Lease> lease, String holder, Clock clock, Duration between) {
    LeaseKeeper keeper = new LeaseKeeper(lease, holder, clock, between);
    Thread.ofVirtual().name("lease of " + holder).start(keeper::keep);
    return keeper;
  }

  private synchronized void keep() {
    try {
      while (!isClosed && extend()) {
        wait(between.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether the holder has the lease, as far as is known. */
  private boolean extend() {
    try {
      Optional<Held> other = lease.get().take(holder, clock.instant(), DURATION);
      other.ifPresent(
          held ->
              LOG.log(
                  Level.WARNING,
                  "{0} could not extend its lease, and {1} has it now.",
                  holder,
                  held.holder()));
      return other.isEmpty();
    } catch (RuntimeException e) {
      LOG.log(Level.DEBUG, "The lease of {0} is not extended now: {1}", holder, e.getMessage());
      return true;
    }
  }

  /** Stops extending it: once this returns, the store is not asked any more. */
  @Override
  public synchronized void close() {
    isClosed = true;
    notifyAll();
  }
}
