package retune.control;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;
import retune.runtime.store.Lease;
import retune.runtime.store.LeaseKeeper;

/**
 * Keeps the services of one store from running a model twice at a time. The run's steps extend the
 * lease, too, so that other services wait for a run whose service has died.
 */
final class RunLease implements AutoCloseable {
  private static final Logger LOG = System.getLogger(RunLease.class.getName());

  private final Lease lease;
  private final String holder;
  private final LeaseKeeper keeper;

  private RunLease(Lease lease, String holder, LeaseKeeper keeper) {
    this.lease = lease;
    this.holder = holder;
    this.keeper = keeper;
  }

  /** The name of a run as a holder: the schedules of two services give a run the same id. */
  static String holder(Changes.Request request, String service) {
    return "%s (service %s)".formatted(request.id(), service);
  }

  /**
   * Takes the lease of the request's model.
   *
   * @throws Refusal 409 if the run of another service has it
   */
  static RunLease take(StepContext context, Changes.Request request, String service) {
    Lease lease = Lease.toRun(context.store(), request.model());
    String holder = holder(request, service);
    Optional<Lease.Held> other;
    try {
      other = lease.take(holder, context.clock().instant(), LeaseKeeper.DURATION);
    } catch (RuntimeException e) {
      release(lease, holder); // the store may have given it, and the answer is lost
      throw e;
    }
    if (other.isPresent()) {
      String run = other.get().holder();
      throw new Refusal(
          409,
          "%s of %s runs; another control service started it, or this one before a restart. Wait for its end; if it was killed, try again after %s."
              .formatted(
                  run.substring(0, run.indexOf(' ')),
                  request.model(),
                  other.get().expiresAt().truncatedTo(ChronoUnit.SECONDS)));
    }
    return new RunLease(lease, holder, LeaseKeeper.start(() -> lease, holder, context.clock()));
  }

  /** Gives the lease back. */
  @Override
  public void close() {
    keeper.close();
    release(lease, holder);
  }

  private static void release(Lease lease, String holder) {
    try {
      lease.release(holder);
    } catch (RuntimeException e) {
      LOG.log(Level.WARNING, "The lease of {0} expires by itself: {1}", holder, e.getMessage());
    }
  }
}
