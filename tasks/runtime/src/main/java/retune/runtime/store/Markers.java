package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.FindOneAndReplaceOptions;
import com.mongodb.client.model.ReturnDocument;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.bson.Document;
import org.bson.conversions.Bson;
import retune.runtime.NotReadyException;

/**
 * The markers of one kind of batch. A marker lists the chunks of its batch; replacing that one
 * document replaces the batch atomically.
 *
 * <p>A chunk is noted in {@code batch_leftovers} before it is written and before it is replaced.
 * After the next marker, every noted chunk that no marker lists is removed, so that nothing remains
 * of a writer that was killed.
 */
final class Markers {
  /** Removes the documents of a chunk. */
  interface Removal {
    void columns(String batchId, Chunk chunk);

    void documents(String batchId, Chunk chunk);
  }

  private static final String CHUNKS = "chunks";
  private static final String BATCH = "batch";

  /**
   * A note is rewritten each time it grows, so one note for all rows would make the work quadratic.
   */
  private static final int ROWS_A_NOTE = 1_000_000;

  private final MongoCollection<Document> markers;
  private final MongoCollection<Document> leftovers;
  private final Removal removal;

  Markers(MongoDatabase database, String collection, Removal removal) {
    this.markers = database.getCollection(collection);
    this.leftovers = database.getCollection("batch_leftovers");
    this.removal = removal;
  }

  Optional<Document> find(String batchId) {
    return Optional.ofNullable(markers.find(Filters.eq(batchId)).first());
  }

  List<Document> find(Bson wanted) {
    return markers.find(wanted).into(new ArrayList<>());
  }

  /**
   * Returns the marker of the batch with that content.
   *
   * @throws NotReadyException if another run has replaced it
   */
  Document require(String batchId, String contentHash) {
    return find(batchId)
        .filter(marker -> hasContent(marker, contentHash))
        .orElseThrow(() -> replaced(batchId));
  }

  static boolean hasContent(Document marker, String contentHash) {
    return contentHash.equals(marker.getString("content_hash"));
  }

  static List<Chunk> chunks(Document marker) {
    return marker.getList(CHUNKS, String.class).stream().map(Chunk::parse).toList();
  }

  /** Call this before writing the chunk's columns or row documents. */
  void note(String batchId, Chunk chunk) {
    note(batchId, List.of(chunk));
  }

  /** Makes the chunks, which must all be written, the batch, and removes chunks it replaced. */
  void publish(String batchId, Document marker, List<Chunk> chunks) {
    find(batchId).ifPresent(current -> note(batchId, chunks(current)));
    Document previous =
        markers.findOneAndReplace(
            Filters.eq(batchId),
            new Document(marker)
                .append(CHUNKS, chunks.stream().map(Chunk::name).toList())
                .append("status", "complete"),
            new FindOneAndReplaceOptions().upsert(true).returnDocument(ReturnDocument.BEFORE));
    if (previous != null) {
      note(batchId, chunks(previous));
    }
    removeLeftovers(batchId);
  }

  void removeLeftovers(String batchId) {
    // Few batches have notes at any time, so a scan is cheap.
    List<Document> notes = leftovers.find(Filters.eq(BATCH, key(batchId))).into(new ArrayList<>());
    if (notes.isEmpty()) {
      return;
    }
    Set<Chunk> documents = new HashSet<>();
    Set<Chunk> columns = new HashSet<>();
    for (Chunk chunk : find(batchId).map(Markers::chunks).orElse(List.of())) {
      columns.add(chunk.withoutDocuments());
      if (chunk.documents()) {
        documents.add(chunk);
      }
    }
    for (Document note : notes) {
      List<String> noted = note.getList(CHUNKS, String.class);
      for (String name : noted) {
        Chunk chunk = Chunk.parse(name);
        if (chunk.documents() && !documents.contains(chunk)) {
          removal.documents(batchId, chunk);
        }
        if (!columns.contains(chunk.withoutDocuments())) {
          removal.columns(batchId, chunk);
        }
      }
      // Keeps what another writer noted meanwhile.
      String key = note.getString("_id");
      leftovers.updateOne(Filters.eq(key), Updates.pullAll(CHUNKS, noted));
      leftovers.deleteOne(Filters.and(Filters.eq(key), Filters.size(CHUNKS, 0)));
    }
  }

  static NotReadyException replaced(String batchId) {
    return new NotReadyException(
        "The batch '" + batchId + "' is being replaced by another run; try again.");
  }

  private void note(String batchId, Collection<Chunk> chunks) {
    String key = key(batchId);
    chunks.stream()
        .collect(Collectors.groupingBy(chunk -> chunk.first() / ROWS_A_NOTE))
        .forEach(
            (note, noted) ->
                leftovers.updateOne(
                    Filters.eq(key + "/" + note),
                    Updates.combine(
                        Updates.setOnInsert(BATCH, key),
                        Updates.addEachToSet(CHUNKS, noted.stream().map(Chunk::name).toList())),
                    new UpdateOptions().upsert(true)));
  }

  private String key(String batchId) {
    return markers.getNamespace().getCollectionName() + "/" + batchId;
  }
}
