package retune.runtime.store;

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoServerException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.InsertManyOptions;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.ReplaceOptions;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.bson.Document;
import org.bson.conversions.Bson;

/** Idempotent writes, safe for several processes at once. */
final class Documents {
  private static final int DUPLICATE_KEY = 11_000;

  /** DocumentDB's code for a deadlock of two writers, one of which it ends. */
  private static final int DEADLOCK = 16_908_292;

  private static final int ATTEMPTS = 12;
  private static final int SHORTEST_PAUSE_MILLIS = 25;
  private static final int LONGEST_PAUSE_MILLIS = 2_000;

  /**
   * Ids per look-up. The embedded store finds the documents by index but compares each of them with
   * every id: 1,000 ids take 135 ms at once and 35 ms in groups of 64.
   */
  private static final int IDS_AT_ONCE = 64;

  private Documents() {}

  /** Writes the document under the id; replaces an older one. */
  static void put(MongoCollection<Document> collection, String id, Document document) {
    collection.replaceOne(Filters.eq(id), document, new ReplaceOptions().upsert(true));
  }

  /**
   * Writes the document that a unique key other than {@code _id} finds; replaces an older one.
   *
   * <p>On a real server, two writers of one key may both find nothing and insert, or wait for each
   * other's locks. One of them is refused then. It is done if the other has written the same, and
   * tries again if not.
   */
  static void putByUniqueKey(MongoCollection<Document> collection, Bson key, Document document) {
    for (int attempt = 1; ; attempt++) {
      try {
        collection.replaceOne(key, document, new ReplaceOptions().upsert(true));
        return;
      } catch (MongoServerException e) {
        boolean lostRace = e.getCode() == DUPLICATE_KEY || e.getCode() == DEADLOCK;
        if (lostRace && holds(collection, key, document)) {
          return;
        }
        if (!lostRace || attempt == ATTEMPTS) {
          throw e;
        }
        // Longer each time: many writers that try again at once lock each other out again.
        int pause = Math.min(SHORTEST_PAUSE_MILLIS << attempt, LONGEST_PAUSE_MILLIS);
        LockSupport.parkNanos(
            TimeUnit.MILLISECONDS.toNanos(ThreadLocalRandom.current().nextInt(pause)));
      }
    }
  }

  private static boolean holds(MongoCollection<Document> collection, Bson key, Document document) {
    Document held = collection.find(key).projection(Projections.excludeId()).first();
    return document.equals(held);
  }

  /** Inserts documents whose ids name their content; keeps those that exist already. */
  static void insertMissing(MongoCollection<Document> collection, List<Document> documents) {
    try {
      collection.insertMany(documents, new InsertManyOptions().ordered(false));
    } catch (MongoBulkWriteException e) {
      if (e.getWriteConcernError() != null
          || e.getWriteErrors().stream().anyMatch(error -> error.getCode() != DUPLICATE_KEY)) {
        throw e;
      }
    }
  }

  /** Counts the ids that exist. */
  static int count(MongoCollection<Document> collection, List<String> ids) {
    Bson idOnly = Projections.include("_id");
    List<Document> found = new ArrayList<>(ids.size());
    for (Bson some : slices(ids)) {
      collection.find(some).projection(idOnly).batchSize(IDS_AT_ONCE).into(found);
    }
    return found.size();
  }

  static void remove(MongoCollection<Document> collection, List<String> ids) {
    slices(ids).forEach(collection::deleteMany);
  }

  /** Removes a chunk's columns from one collection and its row documents from the other. */
  static Markers.Removal removal(
      MongoCollection<Document> columns, MongoCollection<Document> rows) {
    return new Markers.Removal() {
      @Override
      public void columns(String batchId, Chunk chunk) {
        columns.deleteOne(Filters.eq(chunk.id(batchId)));
      }

      @Override
      public void documents(String batchId, Chunk chunk) {
        remove(rows, chunk.rowIds(batchId));
      }
    };
  }

  private static List<Bson> slices(List<String> ids) {
    return IntStream.range(0, Math.ceilDiv(ids.size(), IDS_AT_ONCE))
        .mapToObj(slice -> slice * IDS_AT_ONCE)
        .map(from -> ids.subList(from, Math.min(from + IDS_AT_ONCE, ids.size())))
        .map(some -> Filters.in("_id", some))
        .toList();
  }

  /** The current time in ISO-8601, UTC, to the millisecond. */
  static String timestamp(Clock clock) {
    return Instant.now(clock).truncatedTo(ChronoUnit.MILLIS).toString();
  }
}
