package retune.runtime.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.io.ByteArrayOutputStream;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;
import java.util.Optional;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.Binary;
import org.bson.types.ObjectId;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;

/**
 * Bytes by name, each with its SHA-256: weights and cached features.
 *
 * <p>The layout is that of GridFS, so that any driver can read it. Retune reads and writes it
 * itself, because the driver finds chunks by range, for which the embedded store scans the chunks
 * of all files.
 */
public final class Blobs {
  /** Stored bytes no longer have the SHA-256 that they were stored with. */
  public static final class DamagedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DamagedException(String message) {
      super(message);
    }
  }

  static final String CHUNKS = "fs.chunks";

  /** Bytes per chunk: below the limit of 16 MB per document, and few round trips for a model. */
  static final int CHUNK_SIZE = 4 << 20;

  private static final int OBJECT_ID_LENGTH = 12;

  private final MongoCollection<Document> files;
  private final MongoCollection<Document> chunks;
  private final Clock clock;

  Blobs(MongoDatabase database, Clock clock) {
    this.files = database.getCollection("fs.files");
    this.chunks = database.getCollection(CHUNKS);
    this.clock = clock;
  }

  /**
   * Stores the bytes under the id, replaces older ones, and returns their SHA-256. Writes the
   * chunks first and the file's document last: a reader meanwhile gets the old bytes, nothing, or a
   * {@link DamagedException}, but never a mixture.
   */
  public String put(String id, byte[] bytes) {
    String sha256 = Hashing.sha256(bytes);
    Document previous = files.find(Filters.eq(id)).first();
    int count = chunkCount(bytes.length);
    for (int n = 0; n < count; n++) {
      int from = n * CHUNK_SIZE;
      byte[] part = Arrays.copyOfRange(bytes, from, Math.min(from + CHUNK_SIZE, bytes.length));
      Documents.set(chunks, chunk(id, n), chunkId(id, n), Updates.set("data", new Binary(part)));
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

  /**
   * Returns the bytes, or empty if there are none.
   *
   * @throws DamagedException if they are not the bytes that were stored
   */
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

  /**
   * Removes the bytes, if there are any: the chunks first and the file's document last, so that
   * what a killed removal leaves can be found and removed.
   */
  public void remove(String id) {
    Document file = files.find(Filters.eq(id)).first();
    for (int n = 0; file != null && n < chunkCount(length(file)); n++) {
      chunks.deleteOne(chunk(id, n));
    }
    files.deleteOne(Filters.eq(id));
  }

  private static Bson chunk(String id, int n) {
    return Filters.and(Filters.eq("files_id", id), Filters.eq("n", n));
  }

  /**
   * The id of a new chunk. A random one would do for GridFS, but two writers of one chunk then meet
   * at the index over its number, where DocumentDB lets them wait for each other; at an equal id
   * the second waits for the first.
   */
  private static ObjectId chunkId(String id, int n) {
    byte[] hash = HexFormat.of().parseHex(Hashing.sha256((n + "/" + id).getBytes(UTF_8)));
    return new ObjectId(Arrays.copyOf(hash, OBJECT_ID_LENGTH));
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
        "The stored file '" + id + "' is damaged: its SHA-256 does not match its content.");
  }
}
