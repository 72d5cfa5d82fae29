package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import retune.core.data.Hashing;
import retune.core.data.Table;

/**
 * Raw rows as they arrived, one batch a model and logical date: columns for steps ({@code
 * raw_columns}), rows for people ({@code raw_data}). Both are written under their content's name
 * first, the batch's marker last, so that readers see the old batch or the new one.
 */
public final class RawBatches {
  /**
   * A whole batch.
   *
   * @param batchId {@code model/date}
   * @param contentHash over all rows, column names included
   */
  public record RawBatch(
      String batchId,
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      String contentHash,
      int rows) {}

  /** What writing did: whether anything changed, and the batch. */
  public record Written(RawBatch batch, boolean changed) {}

  /**
   * Rows of the largest batch that is also kept as documents, unless told otherwise: documents take
   * the embedded store over twenty times the work of columns.
   */
  public static final int ROW_DOCUMENTS_UP_TO = 100_000;

  static final String ROWS = "raw_data";

  private static final String COLUMNS = "columns";

  private final MongoCollection<Document> columns;
  private final MongoCollection<Document> rows;
  private final Markers markers;
  private final Clock clock;

  RawBatches(MongoDatabase database, Clock clock) {
    this.columns = database.getCollection("raw_columns");
    this.rows = database.getCollection(ROWS);
    this.markers = new Markers(database, "raw_batches", Documents.removal(this.columns, this.rows));
    this.clock = clock;
  }

  public static String batchId(String model, LocalDate logicalDate) {
    return model + "/" + logicalDate;
  }

  /** Stores a batch with a document a row up to {@link #ROW_DOCUMENTS_UP_TO} rows. */
  public Written write(
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      Iterator<Table> chunks) {
    return write(model, logicalDate, datasetName, runId, chunks, ROW_DOCUMENTS_UP_TO);
  }

  /**
   * Stores the chunks, all with the same columns, as the model's batch of that date. The same rows
   * again change nothing, however they are cut into chunks. One chunk is in memory at a time.
   *
   * @param rowDocumentsUpTo a batch of more rows is kept as columns alone
   * @throws retune.runtime.NotReadyException where another run replaces the batch meanwhile
   */
  public Written write(
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      Iterator<Table> chunks,
      int rowDocumentsUpTo) {
    String batchId = batchId(model, logicalDate);
    Optional<Document> before = markers.find(batchId);
    List<Chunk> chunksBefore = before.map(Markers::chunks).orElse(List.of());
    Set<Chunk> there = new HashSet<>();
    chunksBefore.forEach(chunk -> there.add(chunk.withoutDocuments()));
    MessageDigest content = Hashing.sha256();
    String header = "";
    List<Chunk> written = new ArrayList<>();
    int count = 0;
    while (chunks.hasNext()) {
      Table table = chunks.next();
      if (header.isEmpty()) {
        header = RawRows.header(table);
        content.update(header.getBytes(StandardCharsets.UTF_8));
      } else if (!header.equals(RawRows.header(table))) {
        throw new IllegalArgumentException("a chunk with other columns: " + table.names());
      }
      for (int[] slice : Chunk.slices(table.rows())) {
        Table part = table.select(slice);
        byte[] bytes = RawRows.bytes(part);
        content.update(bytes);
        Chunk chunk = Chunk.of(Hashing.sha256(bytes), count, part.rows());
        if (!there.contains(chunk)) {
          markers.note(batchId, chunk);
          Documents.insertMissing(
              columns,
              List.of(
                  new Document("_id", chunk.id(batchId))
                      .append("batch_id", batchId)
                      .append("rows", part.rows())
                      .append(COLUMNS, RawRows.columns(part))));
        }
        written.add(chunk);
        count += part.rows();
      }
    }
    String contentHash = HexFormat.of().formatHex(content.digest());
    boolean rowDocuments = count <= rowDocumentsUpTo;
    if (before.isPresent()
        && Markers.hasContent(before.get(), contentHash)
        && (!rowDocuments || chunksBefore.stream().allMatch(Chunk::documents))) {
      markers.removeLeftovers(batchId);
      return new Written(batch(before.get()), false);
    }
    // Only now is the number of rows known.
    if (rowDocuments) {
      written.replaceAll(Chunk::withDocuments);
      Document common =
          new Document("batch_id", batchId)
              .append("logical_date", logicalDate.toString())
              .append("dataset_name", datasetName)
              .append("run_id", runId);
      Set<Chunk> documented = new HashSet<>(chunksBefore);
      for (Chunk chunk : written) {
        if (!documented.contains(chunk)) {
          markers.note(batchId, chunk);
          Documents.insertMissing(
              rows, RawRows.documents(read(batchId, chunk), chunk.rowIds(batchId), common));
        }
      }
    }
    List<String> ids = written.stream().map(chunk -> chunk.id(batchId)).toList();
    if (Documents.count(columns, ids) != ids.size()) {
      throw Markers.replaced(batchId);
    }
    RawBatch batch =
        new RawBatch(batchId, model, logicalDate, datasetName, runId, contentHash, count);
    markers.publish(batchId, marker(batch), written);
    return new Written(batch, true);
  }

  public Optional<RawBatch> find(String batchId) {
    return markers.find(batchId).map(RawBatches::batch);
  }

  /**
   * The batch's rows in order, in tables of up to 1,000 rows, each read when it is asked for.
   *
   * @throws retune.runtime.NotReadyException where another run replaces the batch meanwhile
   */
  public Iterator<Table> read(RawBatch batch) {
    Document marker = markers.require(batch.batchId(), batch.contentHash());
    return Markers.chunks(marker).stream().map(chunk -> read(batch.batchId(), chunk)).iterator();
  }

  private Table read(String batchId, Chunk chunk) {
    Document found = columns.find(Filters.eq(chunk.id(batchId))).first();
    if (found == null) {
      throw Markers.replaced(batchId);
    }
    return RawRows.table(found.getList(COLUMNS, Document.class));
  }

  private Document marker(RawBatch batch) {
    return new Document("model", batch.model())
        .append("logical_date", batch.logicalDate().toString())
        .append("dataset_name", batch.datasetName())
        .append("run_id", batch.runId())
        .append("content_hash", batch.contentHash())
        .append("rows", batch.rows())
        .append("timestamp", Documents.timestamp(clock));
  }

  private static RawBatch batch(Document marker) {
    return new RawBatch(
        marker.getString("_id"),
        marker.getString("model"),
        LocalDate.parse(marker.getString("logical_date")),
        marker.getString("dataset_name"),
        marker.getString("run_id"),
        marker.getString("content_hash"),
        marker.getInteger("rows"));
  }
}
