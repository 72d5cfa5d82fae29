package retune.runtime.store;

import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Clock;
import java.util.Optional;
import org.bson.Document;

/**
 * What happened, append-only: an event's id comes from what it tells of, so that a step that is
 * tried again overwrites its own.
 */
public final class Events {
  private final MongoDatabase database;
  private final Clock clock;

  Events(MongoDatabase database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * Writes the event under the id, replacing one that an earlier try of the same task wrote; adds
   * {@code timestamp}. The document passed is left as it is.
   */
  public void record(String collection, String id, Document event) {
    Document stamped = new Document(event).append("timestamp", Documents.timestamp(clock));
    Documents.put(database.getCollection(collection), id, stamped);
  }

  public Optional<Document> find(String collection, String id) {
    return Optional.ofNullable(database.getCollection(collection).find(Filters.eq(id)).first());
  }
}
