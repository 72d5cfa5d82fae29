package retune.runtime.store;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoWriteException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.bson.Document;

/**
 * The right to do something to a model, which one holder has at a time. A collection holds it under
 * the model's name and changes it by compare-and-set. A holder that dies keeps it until it expires,
 * or takes it up again where it goes on under the same name.
 */
public final class Lease {
  private static final String HOLDER = "holder";
  private static final String TAKEN_AT = "taken_at";
  private static final String EXPIRES_AT = "expires_at";
  private static final String REVISION = "revision";

  private final MongoCollection<Document> leases;
  private final String model;

  private Lease(DocumentStore store, String collection, String model) {
    this.leases = store.collection(collection);
    this.model = model;
  }

  /** The right to retrain a model; its holders are retrainings. */
  public static Lease toRetrain(DocumentStore store, String model) {
    return new Lease(store, "retraining_leases", model);
  }

  /** The right to keep a model's schedule without Airflow; its holders are control services. */
  public static Lease toSchedule(DocumentStore store, String model) {
    return new Lease(store, "schedule_leases", model);
  }

  /** The right to run a model's loop without Airflow; its holders are runs of control services. */
  public static Lease toRun(DocumentStore store, String model) {
    return new Lease(store, "run_leases", model);
  }

  /** The right to change what a model does; its holders are calls of the control API. */
  public static Lease toChange(DocumentStore store, String model) {
    return new Lease(store, "control_turns", model);
  }

  /** Who has the lease. */
  public record Held(String holder, Instant takenAt, Instant expiresAt) {}

  /**
   * Takes the lease, or extends it where the holder has it.
   *
   * @return who has it instead; empty if the holder has it now
   */
  public Optional<Held> take(String holder, Instant now, Duration duration) {
    while (true) {
      Document current = leases.find(Filters.eq(model)).first();
      if (current == null) {
        if (insert(lease(holder, now, duration, 1))) {
          return Optional.empty();
        }
        continue;
      }
      Held held = held(current);
      if (!held.holder.equals(holder) && held.expiresAt.isAfter(now)) {
        return Optional.of(held);
      }
      if (replace(current, lease(holder, now, duration, current.getLong(REVISION) + 1))) {
        return Optional.empty();
      }
    }
  }

  /** Who has it, or had it last; empty if nobody ever had. */
  public Optional<Held> find() {
    return Optional.ofNullable(leases.find(Filters.eq(model)).first()).map(Lease::held);
  }

  /** Whether the holder has it; where it has expired, as long as no other took it. */
  public boolean isOf(String holder) {
    return find().filter(held -> held.holder.equals(holder)).isPresent();
  }

  /**
   * Gives it back at once, also for those whose clocks are behind; does nothing where another has
   * it.
   */
  public void release(String holder) {
    Document current = leases.find(Filters.eq(model)).first();
    if (current != null && held(current).holder.equals(holder)) {
      replace(
          current,
          new Document(current)
              .append(EXPIRES_AT, Instant.EPOCH.toString())
              .append(REVISION, current.getLong(REVISION) + 1));
    }
  }

  private Document lease(String holder, Instant now, Duration duration, long revision) {
    return new Document("_id", model)
        .append(HOLDER, holder)
        .append(TAKEN_AT, now.toString())
        .append(EXPIRES_AT, now.plus(duration).toString())
        .append(REVISION, revision);
  }

  private boolean insert(Document lease) {
    try {
      leases.insertOne(lease);
      return true;
    } catch (MongoWriteException e) {
      if (e.getError().getCategory() != ErrorCategory.DUPLICATE_KEY) {
        throw e;
      }
      return false;
    }
  }

  private boolean replace(Document expected, Document lease) {
    return leases
            .replaceOne(
                Filters.and(Filters.eq(model), Filters.eq(REVISION, expected.getLong(REVISION))),
                lease)
            .getMatchedCount()
        == 1;
  }

  private static Held held(Document lease) {
    return new Held(
        lease.getString(HOLDER),
        Instant.parse(lease.getString(TAKEN_AT)),
        Instant.parse(lease.getString(EXPIRES_AT)));
  }
}
