package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.data.Shard;
import retune.core.data.Table;

/**
 * Raw rows as they arrived, one batch per model and logical date, as columns for steps ({@code
 * raw_columns}) and as row documents for people ({@code raw_data}). The marker of a batch is
 * written last, so that readers see either the old batch or the new one.
 */
public final class RawBatches {
  /**
   * The metadata of a complete batch.
   *
   * @param batchId {@code model/date}
   * @param contentHash hash of column names and rows
   * @param key the column that names each row, so that labels can follow; null without one
   */
  public record RawBatch(
      String batchId,
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      String contentHash,
      int rows,
      @Nullable String key) {
    /** A batch without a key. */
    public RawBatch(
        String batchId,
        String model,
        LocalDate logicalDate,
        String datasetName,
        String runId,
        String contentHash,
        int rows) {
      this(batchId, model, logicalDate, datasetName, runId, contentHash, rows, null);
    }
  }

  /** The batch that was written, and whether that changed anything. */
  public record Written(RawBatch batch, boolean changed) {}

  /**
   * A batch whose shards are written by several processes.
   *
   * @param recipe identifies how the rows are generated; only shards of the same recipe form a
   *     batch
   * @param rowDocuments whether to write {@code raw_data} too
   */
  public record Sharded(
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      String recipe,
      int shards,
      boolean rowDocuments) {
    public String batchId() {
      return RawBatches.batchId(model, logicalDate);
    }
  }

  /**
   * The default limit of rows up to which a batch gets row documents: writing them takes the
   * embedded store over twenty times as long as columns.
   */
  public static final int ROW_DOCUMENTS_UP_TO = 100_000;

  static final String ROWS = "raw_data";

  private static final String KEY = "key";

  private static final String COLUMNS = "columns";

  private final MongoCollection<Document> columns;
  private final MongoCollection<Document> rows;
  private final Markers markers;
  private final RawParts parts;
  private final Clock clock;

  RawBatches(MongoDatabase database, Clock clock) {
    this.columns = database.getCollection("raw_columns");
    this.rows = database.getCollection(ROWS);
    this.markers = new Markers(database, "raw_batches", Documents.removal(this.columns, this.rows));
    this.parts = new RawParts(database, clock);
    this.clock = clock;
  }

  public static String batchId(String model, LocalDate logicalDate) {
    return model + "/" + logicalDate;
  }

  /** Stores a batch, with row documents up to {@link #ROW_DOCUMENTS_UP_TO} rows. */
  public Written write(
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      Iterator<Table> chunks) {
    return write(model, logicalDate, datasetName, runId, chunks, ROW_DOCUMENTS_UP_TO);
  }

  /** Stores a batch without a key. */
  public Written write(
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      Iterator<Table> chunks,
      int rowDocumentsUpTo) {
    return write(model, logicalDate, datasetName, runId, chunks, rowDocumentsUpTo, null);
  }

  /**
   * Stores the chunks, which must have the same columns, as the model's batch of that date. Storing
   * the same rows again changes nothing, whatever the chunks. Holds one chunk in memory at a time.
   *
   * @param rowDocumentsUpTo the number of rows up to which the batch gets row documents
   * @param key the column that names each row; null without one
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public Written write(
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      Iterator<Table> chunks,
      int rowDocumentsUpTo,
      @Nullable String key) {
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
        throw new IllegalArgumentException("Chunk has other columns: " + table.names());
      }
      for (int[] slice : Chunk.slices(table.rows())) {
        Table part = table.select(slice);
        byte[] bytes = RawRows.bytes(part);
        content.update(bytes);
        Chunk chunk = Chunk.of(Hashing.sha256(bytes), count, part.rows());
        if (!there.contains(chunk)) {
          markers.note(batchId, chunk);
          insertColumns(part, chunk, batchId);
        }
        written.add(chunk);
        count += part.rows();
      }
    }
    boolean rowDocuments = count <= rowDocumentsUpTo;
    RawBatch batch =
        new RawBatch(
            batchId,
            model,
            logicalDate,
            datasetName,
            runId,
            HexFormat.of().formatHex(content.digest()),
            count,
            key);
    Optional<Written> same =
        same(before, batch.contentHash(), rowDocuments)
            .filter(found -> Objects.equals(key, found.batch().key()));
    if (same.isPresent()) {
      return same.get();
    }
    // The number of rows is known only now.
    if (rowDocuments) {
      written.replaceAll(Chunk::withDocuments);
      Document common = common(batchId, logicalDate, datasetName, runId);
      Set<Chunk> documented = new HashSet<>(chunksBefore);
      for (Chunk chunk : written) {
        if (!documented.contains(chunk)) {
          markers.note(batchId, chunk);
          insertDocuments(read(batchId, chunk), chunk, common);
        }
      }
    }
    parts.removeFrom(batchId, 0);
    return publish(batch, written);
  }

  /**
   * Stores the rows of one shard, for {@link #seal}. Holds one chunk in memory at a time.
   *
   * @param first position of the shard's first row in the batch
   * @return false if the shard existed already, and nothing was read from {@code chunks}
   */
  public boolean writeShard(Sharded batch, Shard shard, int first, Iterator<Table> chunks) {
    String batchId = batch.batchId();
    if (isThere(batch, shard)) {
      return false;
    }
    Document common = common(batchId, batch.logicalDate(), batch.datasetName(), batch.runId());
    String header = "";
    List<Chunk> written = new ArrayList<>();
    int next = first;
    while (chunks.hasNext()) {
      Table table = chunks.next();
      header = RawRows.header(table);
      for (int[] slice : Chunk.slices(table.rows())) {
        Table rows = table.select(slice);
        Chunk columnsAlone = Chunk.of(Hashing.sha256(RawRows.bytes(rows)), next, rows.rows());
        Chunk chunk = batch.rowDocuments() ? columnsAlone.withDocuments() : columnsAlone;
        markers.note(batchId, chunk);
        insertColumns(rows, chunk, batchId);
        if (batch.rowDocuments()) {
          insertDocuments(rows, chunk, common);
        }
        written.add(chunk);
        next += rows.rows();
      }
    }
    parts.put(batch, shard, new RawParts.Part(header, written));
    return true;
  }

  /** The indexes of the shards that are missing. */
  public List<Integer> missingShards(Sharded batch) {
    return Shard.all(batch.shards()).stream()
        .filter(shard -> !isThere(batch, shard))
        .map(Shard::index)
        .toList();
  }

  /**
   * Makes the shards, which must all be written, the model's batch of that date. The batch equals
   * the one that {@link #write} makes of the same rows. Reads all columns for the content hash, one
   * chunk at a time.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public Written seal(Sharded sharded) {
    String batchId = sharded.batchId();
    MessageDigest content = Hashing.sha256();
    String header = "";
    List<Chunk> chunks = new ArrayList<>();
    int count = 0;
    for (Shard shard : Shard.all(sharded.shards())) {
      RawParts.Part part = parts.find(sharded, shard).orElseThrow(() -> Markers.replaced(batchId));
      if (header.isEmpty()) {
        header = part.header();
        content.update(header.getBytes(StandardCharsets.UTF_8));
      }
      for (Chunk chunk : part.chunks()) {
        content.update(RawRows.bytes(read(batchId, chunk)));
        chunks.add(chunk);
        count += chunk.rows();
      }
    }
    RawBatch batch =
        new RawBatch(
            batchId,
            sharded.model(),
            sharded.logicalDate(),
            sharded.datasetName(),
            sharded.runId(),
            HexFormat.of().formatHex(content.digest()),
            count);
    parts.removeFrom(batchId, sharded.shards());
    return same(markers.find(batchId), batch.contentHash(), sharded.rowDocuments())
        .orElseGet(() -> publish(batch, chunks));
  }

  /** Returns the metadata of a complete batch. */
  public Optional<RawBatch> find(String batchId) {
    return markers.find(batchId).map(RawBatches::batch);
  }

  /** Returns the metadata of a model's complete batches whose rows have keys, by date. */
  public List<RawBatch> keyed(String model) {
    return markers.find(Filters.and(Filters.eq("model", model), Filters.exists(KEY))).stream()
        .map(RawBatches::batch)
        .sorted(Comparator.comparing(RawBatch::logicalDate))
        .toList();
  }

  /**
   * Returns the rows in order, in tables of up to 1,000 rows; the iterator reads them lazily.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
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

  /** Whether the shard was written and no other batch has removed its rows since. */
  private boolean isThere(Sharded batch, Shard shard) {
    return parts
        .find(batch, shard)
        .filter(part -> isThere(batch.batchId(), part.chunks()))
        .isPresent();
  }

  private boolean isThere(String batchId, List<Chunk> chunks) {
    List<String> ids = chunks.stream().map(chunk -> chunk.id(batchId)).toList();
    return Documents.count(columns, ids) == ids.size();
  }

  private void insertColumns(Table rows, Chunk chunk, String batchId) {
    Documents.insertMissing(
        columns,
        List.of(
            new Document("_id", chunk.id(batchId))
                .append("batch_id", batchId)
                .append("rows", rows.rows())
                .append(COLUMNS, RawRows.columns(rows))));
  }

  private void insertDocuments(Table table, Chunk chunk, Document common) {
    String batchId = common.getString("batch_id");
    Documents.insertMissing(rows, RawRows.documents(table, chunk.rowIds(batchId), common));
  }

  /** The existing batch, if it has the same rows and the row documents asked for. */
  private Optional<Written> same(
      Optional<Document> before, String contentHash, boolean rowDocuments) {
    return before
        .filter(marker -> Markers.hasContent(marker, contentHash))
        .filter(
            marker -> !rowDocuments || Markers.chunks(marker).stream().allMatch(Chunk::documents))
        .map(
            marker -> {
              markers.removeLeftovers(marker.getString("_id"));
              return new Written(batch(marker), false);
            });
  }

  private Written publish(RawBatch batch, List<Chunk> chunks) {
    if (!isThere(batch.batchId(), chunks)) {
      throw Markers.replaced(batch.batchId());
    }
    markers.publish(batch.batchId(), marker(batch), chunks);
    return new Written(batch, true);
  }

  /** The fields that all row documents of a batch share. */
  private static Document common(
      String batchId, LocalDate logicalDate, String datasetName, String runId) {
    return new Document("batch_id", batchId)
        .append("logical_date", logicalDate.toString())
        .append("dataset_name", datasetName)
        .append("run_id", runId);
  }

  private Document marker(RawBatch batch) {
    Document marker =
        new Document("model", batch.model())
            .append("logical_date", batch.logicalDate().toString())
            .append("dataset_name", batch.datasetName())
            .append("run_id", batch.runId())
            .append("content_hash", batch.contentHash())
            .append("rows", batch.rows())
            .append("timestamp", Documents.timestamp(clock));
    return batch.key() == null ? marker : marker.append(KEY, batch.key());
  }

  private static RawBatch batch(Document marker) {
    return new RawBatch(
        marker.getString("_id"),
        marker.getString("model"),
        LocalDate.parse(marker.getString("logical_date")),
        marker.getString("dataset_name"),
        marker.getString("run_id"),
        marker.getString("content_hash"),
        marker.getInteger("rows"),
        marker.getString(KEY));
  }
}
