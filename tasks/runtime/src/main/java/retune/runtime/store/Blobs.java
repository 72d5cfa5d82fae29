package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.ReplaceOptions;
import java.io.ByteArrayOutputStream;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.Date;
import java.util.Optional;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.Binary;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;

/**
 * Bytes by name, in GridFS, each with its SHA-256: weights and cached features.
 *
 * <p>The layout is GridFS's, so that any driver reads it. The reads and writes are our own: the
 * driver looks chunks up by range, which the embedded store answers by reading all chunks of all
 * files.
 */
public final class Blobs {
  /** Thrown where stored bytes no longer have the SHA-256 that they were stored with. */
  public static final class DamagedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DamagedException(String message) {
      super(message);
    }
  }

  static final String CHUNKS = "fs.chunks";

  /** Bytes a chunk: below a document's limit of 16 MB, and few round trips for a model. */
  static final int CHUNK_SIZE = 4 << 20;

  private final MongoCollection<Document> files;
  private final MongoCollection<Document> chunks;
  private final Clock clock;

  Blobs(MongoDatabase database, Clock clock) {
    this.files = database.getCollection("fs.files");
    this.chunks = database.getCollection(CHUNKS);
    this.clock = clock;
  }

  /**
   * Stores the bytes under the id, replacing what was there; returns their SHA-256. The chunks come
   * first and the file's own document last: a reader in between finds the old bytes, nothing, or a
   * {@link DamagedException}, never a mixture.
   */
  public String put(String id, byte[] bytes) {
    String sha256 = Hashing.sha256(bytes);
    Document previous = files.find(Filters.eq(id)).first();
    int count = chunkCount(bytes.length);
    for (int n = 0; n < count; n++) {
      int from = n * CHUNK_SIZE;
      byte[] part = Arrays.copyOfRange(bytes, from, Math.min(from + CHUNK_SIZE, bytes.length));
      chunks.replaceOne(
          chunk(id, n),
          new Document("files_id", id).append("n", n).append("data", new Binary(part)),
          new ReplaceOptions().upsert(true));
    }
    Documents.put(
        files,
        id,
        new Document("length", (long) bytes.length)
            .append("chunkSize", CHUNK_SIZE)
            .append("uploadDate", Date.from(Instant.now(clock)))
            .append("filename", id)
            .append("metadata", new Document("sha256", sha256)));
    for (int n = count; previous != null && n < chunkCount(length(previous)); n++) {
      chunks.deleteOne(chunk(id, n));
    }
    return sha256;
  }

  /** The bytes; empty where there are none; {@link DamagedException} where they changed. */
  public Optional<byte[]> get(String id) {
    Document file = files.find(Filters.eq(id)).first();
    if (file == null) {
      return Optional.empty();
    }
    int length = length(file);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(length);
    for (int n = 0; n < chunkCount(length); n++) {
      Document chunk = chunks.find(chunk(id, n)).first();
      if (chunk == null) {
        throw damaged(id);
      }
      bytes.writeBytes(chunk.get("data", Binary.class).getData());
    }
    byte[] read = bytes.toByteArray();
    if (!Hashing.sha256(read).equals(sha256(file))) {
      throw damaged(id);
    }
    return Optional.of(read);
  }

  /** Removes the bytes where there are any: the file's own document first. */
  public void remove(String id) {
    Document file = files.findOneAndDelete(Filters.eq(id));
    for (int n = 0; file != null && n < chunkCount(length(file)); n++) {
      chunks.deleteOne(chunk(id, n));
    }
  }

  private static Bson chunk(String id, int n) {
    return Filters.and(Filters.eq("files_id", id), Filters.eq("n", n));
  }

  private static int chunkCount(int length) {
    return Math.ceilDiv(length, CHUNK_SIZE);
  }

  private static int length(Document file) {
    return Math.toIntExact(file.get("length", Number.class).longValue());
  }

  private static @Nullable String sha256(Document file) {
    Document metadata = file.get("metadata", Document.class);
    return metadata == null ? null : metadata.getString("sha256");
  }

  private static DamagedException damaged(String id) {
    return new DamagedException(
        "The stored bytes of '" + id + "' are not those that were stored: their SHA-256 differs.");
  }
}
