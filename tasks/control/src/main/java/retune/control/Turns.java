package retune.control;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import retune.control.Changes.Action;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;
import retune.runtime.store.Lease;

/**
 * Of two calls that change one model at once, one goes on and the other is refused, whichever
 * services they came to. A service that dies loses its turn after {@link #LONGEST}.
 */
final class Turns {
  private static final Logger LOG = System.getLogger(Turns.class.getName());

  /** Longer than any call takes: an answer waits 50 s for a deployment or a roll-back. */
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private final StepContext context;

  Turns(StepContext context) {
    this.context = context;
  }

  /** The action, which is refused with 409 while another one changes the model. */
  Action oneAtATime(Action action) {
    return request -> {
      String holder = "%s (%s)".formatted(request.by(), request.id());
      Lease turn = Lease.toChange(context.store(), request.model());
      Optional<Lease.Held> other = turn.take(holder, now(), LONGEST);
      if (other.isPresent()) {
        throw new Refusal(
            409,
            "%s changes %s right now; look at what came of it, and try again."
                .formatted(other.get().holder(), request.model()));
      }
      try {
        return action.perform(request);
      } finally {
        release(turn, holder);
      }
    };
  }

  private void release(Lease turn, String holder) {
    try {
      turn.release(holder);
    } catch (RuntimeException e) {
      // What was done is done; the turn expires.
      LOG.log(Level.WARNING, "The turn of {0} stays taken: {1}", holder, e.getMessage());
    }
  }

  private Instant now() {
    return context.clock().instant();
  }
}
