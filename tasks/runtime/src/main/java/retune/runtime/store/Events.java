package retune.runtime.store;

import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Clock;
import java.util.Optional;
import org.bson.Document;

/**
 * Records of what happened. The id of an event is derived from its subject, so that a step that
 * runs again overwrites its own event.
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

  /** Returns the event of that id. */
  public Optional<Document> find(String collection, String id) {
    return Optional.ofNullable(database.getCollection(collection).find(Filters.eq(id)).first());
  }
}
