package retune.control;

import com.mongodb.client.model.Filters;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import org.bson.Document;
import retune.control.Changes.Action;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;

/**
 * Of two calls that change one model at once, one goes on and the other is refused, whichever
 * services they came to. The collection {@code control_turns} has a model's turn under its name; a
 * service that dies loses it after {@link #LONGEST}.
 */
final class Turns {
  private static final Logger LOG = System.getLogger(Turns.class.getName());

  /** A roll-back without Airflow waits for two steps, each of 50 s. */
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private static final String COLLECTION = "control_turns";
  private static final String RUN = "run_id";
  private static final String EXPIRES_AT = "expires_at";

  private final StepContext context;

  Turns(StepContext context) {
    this.context = context;
  }

  /** The action, which is refused with 409 while another one changes the model. */
  Action oneAtATime(Action action) {
    return request -> {
      take(request);
      try {
        return action.perform(request);
      } finally {
        release(request);
      }
    };
  }

  private void release(Changes.Request request) {
    try {
      remove(request.model(), request.id());
    } catch (RuntimeException e) {
      // What was done is done; the turn expires.
      LOG.log(Level.WARNING, "The turn of {0} stays taken: {1}", request.id(), e.getMessage());
    }
  }

  private void remove(String model, String run) {
    context
        .store()
        .collection(COLLECTION)
        .deleteOne(Filters.and(Filters.eq(model), Filters.eq(RUN, run)));
  }

  private void take(Changes.Request request) {
    Instant now = context.clock().instant();
    Document turn =
        new Document("by", request.by())
            .append(RUN, request.id())
            .append(EXPIRES_AT, Times.text(now.plus(LONGEST)));
    while (!context.store().events().append(COLLECTION, request.model(), turn)) {
      Document other = context.store().events().find(COLLECTION, request.model()).orElse(null);
      if (other == null) {
        continue; // its holder was done just now
      }
      if (now.isBefore(Instant.parse(other.getString(EXPIRES_AT)))) {
        throw new Refusal(
            409,
            "%s changes %s right now (%s); look at what came of it, and try again."
                .formatted(other.getString("by"), request.model(), other.getString(RUN)));
      }
      remove(request.model(), other.getString(RUN));
    }
  }
}
