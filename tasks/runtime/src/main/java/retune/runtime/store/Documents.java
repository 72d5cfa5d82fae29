package retune.runtime.store;

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoServerException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.InsertManyOptions;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.ObjectId;

/** Idempotent writes, safe for several processes at once. */
final class Documents {
  private static final int DUPLICATE_KEY = 11_000;

  /** A writer is refused again only if the document was removed meanwhile. */
  private static final int ATTEMPTS = 5;

  /**
   * Ids per look-up. The embedded store finds the documents by index but compares each of them with
   * every id: 1,000 ids take 135 ms at once and 35 ms in groups of 64.
   */
  private static final int IDS_AT_ONCE = 64;

  /** Documents of a megabyte or less, of which so many fit into one answer of a server. */
  private static final int LARGE_AT_ONCE = 16;

  private Documents() {}

  /** Writes the document under the id; replaces an older one. */
  static void put(MongoCollection<Document> collection, String id, Document document) {
    collection.replaceOne(Filters.eq(id), document, new ReplaceOptions().upsert(true));
  }

  /**
   * Changes the document that a unique key finds; inserts it under the id if there is none.
   *
   * <p>On a real server, of two writers that find none, one is refused; it then finds the other's.
   */
  static void set(MongoCollection<Document> collection, Bson key, ObjectId id, Bson change) {
    Bson update = Updates.combine(change, Updates.setOnInsert("_id", id));
    for (int attempt = 1; ; attempt++) {
      try {
        collection.updateOne(key, update, new UpdateOptions().upsert(true));
        return;
      } catch (MongoServerException e) {
        if (e.getCode() != DUPLICATE_KEY || attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /** Inserts documents whose ids name their content; keeps those that exist already. */
  static <T> void insertMissing(MongoCollection<T> collection, List<T> documents) {
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
    for (Bson some : slices(ids, IDS_AT_ONCE)) {
      collection.find(some).projection(idOnly).batchSize(IDS_AT_ONCE).into(found);
    }
    return found.size();
  }

  /**
   * Finds large documents, such as chunks, a few at a time; those that do not exist are left out.
   *
   * @return in any order
   */
  static Iterator<Document> find(
      MongoCollection<Document> collection, List<String> ids, Bson fields) {
    return slices(ids, LARGE_AT_ONCE).stream()
        .map(some -> collection.find(some).projection(fields).into(new ArrayList<>()))
        .flatMap(List::stream)
        .iterator();
  }

  static void remove(MongoCollection<Document> collection, List<String> ids) {
    slices(ids, IDS_AT_ONCE).forEach(collection::deleteMany);
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

  private static List<Bson> slices(List<String> ids, int size) {
    return IntStream.range(0, Math.ceilDiv(ids.size(), size))
        .mapToObj(slice -> slice * size)
        .map(from -> ids.subList(from, Math.min(from + size, ids.size())))
        .map(some -> Filters.in("_id", some))
        .toList();
  }

  /** The current time in ISO-8601, UTC, to the millisecond. */
  static String timestamp(Clock clock) {
    return Instant.now(clock).truncatedTo(ChronoUnit.MILLIS).toString();
  }
}
