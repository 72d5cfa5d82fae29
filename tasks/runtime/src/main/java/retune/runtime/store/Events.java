package retune.runtime.store;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoWriteException;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bson.Document;

/**
 * Records of what happened. The id of an event is derived from its subject, so that a step that
 * runs again overwrites its own event, or finds it where events are only appended.
 */
public final class Events {
  private final MongoDatabase database;
  private final Clock clock;

  Events(MongoDatabase database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * Writes a copy of the event with a {@code timestamp}; replaces the event that an earlier try of
   * the same task wrote.
   */
  public void record(String collection, String id, Document event) {
    Document stamped = new Document(event).append("timestamp", Documents.timestamp(clock));
    Documents.put(database.getCollection(collection), id, stamped);
  }

  /**
   * Adds a copy of the event with a {@code timestamp}; returns false, and changes nothing, if the
   * id is taken.
   */
  public boolean append(String collection, String id, Document event) {
    Document stamped = new Document(event).append("timestamp", Documents.timestamp(clock));
    try {
      database.getCollection(collection).insertOne(stamped.append("_id", id));
      return true;
    } catch (MongoWriteException e) {
      if (e.getError().getCategory() != ErrorCategory.DUPLICATE_KEY) {
        throw e;
      }
      return false;
    }
  }

  /** Returns the events whose ids start with the prefix, in no particular order. */
  public List<Document> startingWith(String collection, String prefix) {
    return database
        .getCollection(collection)
        .find(Filters.and(Filters.gte("_id", prefix), Filters.lt("_id", prefix + '\uffff')))
        .into(new ArrayList<>());
  }

  /** Returns the event of that id. */
  public Optional<Document> find(String collection, String id) {
    return Optional.ofNullable(database.getCollection(collection).find(Filters.eq(id)).first());
  }
}
