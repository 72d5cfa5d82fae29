package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.split.ModelLabels;

/**
 * The features of batches, as columns for steps ({@code processed_columns}) and as row documents
 * for people ({@code processed_data}).
 */
public final class ProcessedBatches {
  /**
   * Rows of a batch.
   *
   * @param labels class index per row, as people gave it; {@link
   *     retune.core.data.Target#UNLABELLED} if unknown
   * @param rowHashes see {@link retune.core.data.Hashing#rows}
   * @param modelLabels null where no model gave a label
   */
  public record Rows(
      Features features, int[] labels, long[] rowHashes, @Nullable ModelLabels modelLabels) {
    public Rows(Features features, int[] labels, long[] rowHashes) {
      this(features, labels, rowHashes, null);
    }

    /** The selected rows, in that order. */
    public Rows select(int[] selected) {
      return ProcessedRows.select(this, selected);
    }

    /** The rows from position {@code from} (inclusive) to {@code to} (exclusive). */
    public Rows range(int from, int to) {
      return new Rows(
          features.range(from, to),
          Arrays.copyOfRange(labels, from, to),
          Arrays.copyOfRange(rowHashes, from, to),
          modelLabels == null ? null : modelLabels.select(IntStream.range(from, to).toArray()));
    }

    /** The labels to train with, of people and of models. */
    public int[] trainingLabels() {
      return modelLabels == null ? labels : modelLabels.besides(labels);
    }
  }

  /**
   * The metadata of a complete batch, from {@code processing_metadata}.
   *
   * @param batchId {@code model/date}, as of the raw batch
   * @param contentHash hash of raw content, preprocessing and target, which determine the features
   * @param rejected number of rows left out, by reason
   * @param outcomes number of values that a fitted rule changed (unseen category, imputed, …), by
   *     {@code rule.column}
   * @param lateLabels names the labels that came after the rows, see {@link LateLabels#stamp}; null
   *     where the rows have no key, so that none can come
   */
  public record ProcessedBatch(
      String batchId,
      String model,
      LocalDate logicalDate,
      String datasetName,
      String runId,
      String contentHash,
      String rawContentHash,
      String preprocessingHash,
      FeatureSchema schema,
      int rowsIn,
      int rows,
      int labelled,
      Map<String, Integer> rejected,
      Map<String, Integer> outcomes,
      @Nullable String lateLabels) {
    /** A batch whose rows have no key. */
    public ProcessedBatch(
        String batchId,
        String model,
        LocalDate logicalDate,
        String datasetName,
        String runId,
        String contentHash,
        String rawContentHash,
        String preprocessingHash,
        FeatureSchema schema,
        int rowsIn,
        int rows,
        int labelled,
        Map<String, Integer> rejected,
        Map<String, Integer> outcomes) {
      this(
          batchId,
          model,
          logicalDate,
          datasetName,
          runId,
          contentHash,
          rawContentHash,
          preprocessingHash,
          schema,
          rowsIn,
          rows,
          labelled,
          rejected,
          outcomes,
          null);
    }
  }

  static final String ROWS = "processed_data";

  private static final String COLUMNS = "processed_columns";
  private static final String LATE_LABELS = "late_labels";
  private static final String HAS_ROW_DOCUMENTS = "row_documents";
  private static final Bson ALL_FIELDS = new Document();

  private final MongoCollection<Document> columns;
  private final MongoCollection<Document> rows;
  private final Markers markers;
  private final Clock clock;

  ProcessedBatches(MongoDatabase database, Clock clock) {
    this.columns = database.getCollection(COLUMNS);
    this.rows = database.getCollection(ROWS);
    this.markers =
        new Markers(database, "processing_metadata", Documents.removal(this.columns, this.rows));
    this.clock = clock;
  }

  /**
   * The identity of a batch, known before its rows are counted.
   *
   * @param batchId {@code model/date}
   * @param contentHash see {@link ProcessedBatch}
   */
  public record Name(String batchId, String contentHash, String datasetName) {}

  /** The batch that was written, and whether that changed anything. */
  public record Written(ProcessedBatch batch, boolean changed) {}

  /** Writes a batch whose metadata is known beforehand; returns whether anything changed. */
  public boolean write(ProcessedBatch batch, Iterator<Rows> chunks, boolean rowDocuments) {
    Name name = new Name(batch.batchId(), batch.contentHash(), batch.datasetName());
    return write(name, chunks, () -> batch, rowDocuments).changed();
  }

  /**
   * Writes the rows, then the marker, then removes the rows that they replace. Holds one chunk in
   * memory at a time. Reads and changes nothing if the batch has that content already.
   *
   * @param description called after the last chunk; if it throws, the batch stays as it was
   * @param rowDocuments whether to write {@code processed_data} too
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public Written write(
      Name name,
      Iterator<Rows> chunks,
      Supplier<ProcessedBatch> description,
      boolean rowDocuments) {
    String batchId = name.batchId();
    Optional<Document> before =
        markers
            .find(batchId)
            .filter(marker -> Markers.hasContent(marker, name.contentHash()))
            .filter(marker -> marker.getBoolean(HAS_ROW_DOCUMENTS) || !rowDocuments);
    if (before.isPresent()) {
      markers.removeLeftovers(batchId);
      return new Written(batch(before.get()), false);
    }
    String timestamp = Documents.timestamp(clock);
    Document common =
        new Document("batch_id", batchId)
            .append("dataset_name", name.datasetName())
            .append("processing_timestamp", timestamp);
    List<Chunk> written = new ArrayList<>();
    int count = 0;
    while (chunks.hasNext()) {
      Rows given = chunks.next();
      for (int[] slice : Chunk.slices(given.features().rows())) {
        Rows part = ProcessedRows.select(given, slice);
        Chunk columnsAlone = Chunk.of(name.contentHash(), count, slice.length);
        Chunk chunk = rowDocuments ? columnsAlone.withDocuments() : columnsAlone;
        markers.note(batchId, chunk);
        Document document = new Document("_id", chunk.id(batchId)).append("batch_id", batchId);
        document.putAll(ProcessedRows.columns(part));
        Documents.insertMissing(columns, List.of(document));
        if (rowDocuments) {
          Documents.insertMissing(
              rows, ProcessedRows.documents(part, chunk.rowIds(batchId), common));
        }
        written.add(chunk);
        count += slice.length;
      }
    }
    ProcessedBatch batch = description.get();
    if (count != batch.rows()) {
      throw new IllegalArgumentException(
          count + " rows were written, but the batch has " + batch.rows());
    }
    List<String> ids = written.stream().map(chunk -> chunk.id(batchId)).toList();
    if (Documents.count(columns, ids) != ids.size()) {
      throw Markers.replaced(batchId);
    }
    Document marker = marker(batch).append(HAS_ROW_DOCUMENTS, rowDocuments);
    markers.publish(batchId, marker.append("processing_timestamp", timestamp), written);
    return new Written(batch, true);
  }

  /** Returns the metadata of a complete batch. */
  public Optional<ProcessedBatch> find(String batchId) {
    return markers.find(batchId).map(ProcessedBatches::batch);
  }

  /** Returns the metadata of a model's complete batches of days, by date. */
  public List<ProcessedBatch> between(String model, LocalDate first, LocalDate last) {
    Bson days =
        Filters.and(
            Filters.gte("_id", RawBatches.batchId(model, first)),
            Filters.lte("_id", RawBatches.batchId(model, last)));
    return markers.find(days).stream()
        .map(ProcessedBatches::batch)
        .sorted(Comparator.comparing(ProcessedBatch::logicalDate))
        .toList();
  }

  /**
   * Returns the rows in order, in chunks of up to 1,000; the iterator reads them lazily.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public Iterator<Rows> read(ProcessedBatch batch) {
    Document marker = markers.require(batch.batchId(), batch.contentHash());
    return Markers.chunks(marker).stream().map(chunk -> read(batch, chunk)).iterator();
  }

  /** Reads the whole batch into memory. */
  public Rows readAll(ProcessedBatch batch) {
    return read(batch, 0, batch.rows());
  }

  /**
   * Reads the rows from position {@code from} (inclusive) to {@code to} (exclusive) into memory.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public Rows read(ProcessedBatch batch, int from, int to) {
    return reader(batch).read(from, to);
  }

  /**
   * Finds the chunks of a batch, so that several parts of it can be read without looking them up
   * again.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public Reader reader(ProcessedBatch batch) {
    Document marker = markers.require(batch.batchId(), batch.contentHash());
    return new Reader(batch, Markers.chunks(marker));
  }

  /** Reads parts of a batch. */
  public final class Reader {
    private final ProcessedBatch batch;
    private final List<Chunk> chunks;

    private Reader(ProcessedBatch batch, List<Chunk> chunks) {
      this.batch = batch;
      this.chunks = chunks;
    }

    /**
     * Reads the rows from position {@code from} (inclusive) to {@code to} (exclusive) into memory.
     *
     * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
     */
    public Rows read(int from, int to) {
      FeatureSchema schema = batch.schema();
      int[][] codes = new int[schema.categorical().size()][to - from];
      float[][] numbers = new float[schema.numeric().size()][to - from];
      int[] labels = new int[to - from];
      long[] hashes = new long[to - from];
      ModelLabels modelLabels = null;
      Map<String, Chunk> wanted = new LinkedHashMap<>();
      for (Chunk chunk : chunks) {
        if (chunk.first() < to && chunk.first() + chunk.rows() > from) {
          wanted.put(chunk.id(batch.batchId()), chunk);
        }
      }
      Iterator<Document> found = Documents.find(columns, List.copyOf(wanted.keySet()), ALL_FIELDS);
      while (found.hasNext()) {
        Document document = found.next();
        Chunk chunk = Objects.requireNonNull(wanted.remove(document.getString("_id")));
        Rows rows = ProcessedRows.rows(document, schema);
        int begin = Math.max(from, chunk.first());
        int count = Math.min(to, chunk.first() + chunk.rows()) - begin;
        int source = begin - chunk.first();
        int target = begin - from;
        for (int i = 0; i < codes.length; i++) {
          System.arraycopy(rows.features().codes()[i], source, codes[i], target, count);
        }
        for (int i = 0; i < numbers.length; i++) {
          System.arraycopy(rows.features().numbers()[i], source, numbers[i], target, count);
        }
        System.arraycopy(rows.labels(), source, labels, target, count);
        System.arraycopy(rows.rowHashes(), source, hashes, target, count);
        if (rows.modelLabels() != null) {
          modelLabels = modelLabels == null ? ModelLabels.none(to - from) : modelLabels;
          modelLabels.put(target, rows.modelLabels(), source, count);
        }
      }
      if (!wanted.isEmpty()) {
        throw Markers.replaced(batch.batchId());
      }
      return new Rows(new Features(schema, to - from, codes, numbers), labels, hashes, modelLabels);
    }
  }

  /**
   * Reads the labels of all rows, without the features.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public int[] labels(ProcessedBatch batch) {
    Document marker = markers.require(batch.batchId(), batch.contentHash());
    int[] labels = new int[batch.rows()];
    for (Chunk chunk : Markers.chunks(marker)) {
      Document document = find(batch, chunk, ProcessedRows.LABELS_ALONE);
      System.arraycopy(ProcessedRows.labels(document), 0, labels, chunk.first(), chunk.rows());
    }
    return labels;
  }

  /**
   * Counts the rows that may train: those that a person or a model gave a label.
   *
   * @throws retune.runtime.NotReadyException if another run replaces the batch meanwhile
   */
  public int trainable(ProcessedBatch batch) {
    if (batch.labelled() == batch.rows()) {
      return batch.rows();
    }
    Document marker = markers.require(batch.batchId(), batch.contentHash());
    return Markers.chunks(marker).stream()
        .map(chunk -> find(batch, chunk, ProcessedRows.TRAINING_LABELS_ALONE))
        .mapToInt(
            document ->
                (int)
                    Arrays.stream(ProcessedRows.trainingLabels(document))
                        .filter(label -> label != Target.UNLABELLED)
                        .count())
        .sum();
  }

  private Rows read(ProcessedBatch batch, Chunk chunk) {
    return ProcessedRows.rows(find(batch, chunk, ALL_FIELDS), batch.schema());
  }

  private Document find(ProcessedBatch batch, Chunk chunk, Bson fields) {
    Document document =
        columns.find(Filters.eq(chunk.id(batch.batchId()))).projection(fields).first();
    if (document == null) {
      throw Markers.replaced(batch.batchId());
    }
    return document;
  }

  private static Document marker(ProcessedBatch batch) {
    Document marker = markerWithoutKey(batch);
    return batch.lateLabels() == null ? marker : marker.append(LATE_LABELS, batch.lateLabels());
  }

  private static Document markerWithoutKey(ProcessedBatch batch) {
    return new Document("model", batch.model())
        .append("logical_date", batch.logicalDate().toString())
        .append("dataset_name", batch.datasetName())
        .append("run_id", batch.runId())
        .append("content_hash", batch.contentHash())
        .append("raw_content_hash", batch.rawContentHash())
        .append("preprocessing_hash", batch.preprocessingHash())
        .append(
            "categorical_features",
            batch.schema().categorical().stream()
                .map(
                    feature ->
                        new Document("name", feature.name())
                            .append("cardinality", feature.cardinality()))
                .toList())
        .append("numeric_features", batch.schema().numeric())
        .append("rows_in", batch.rowsIn())
        .append("rows", batch.rows())
        .append("labelled", batch.labelled())
        .append("rejected", counts(batch.rejected()))
        .append("outcomes", counts(batch.outcomes()));
  }

  private static ProcessedBatch batch(Document marker) {
    return new ProcessedBatch(
        marker.getString("_id"),
        marker.getString("model"),
        LocalDate.parse(marker.getString("logical_date")),
        marker.getString("dataset_name"),
        marker.getString("run_id"),
        marker.getString("content_hash"),
        marker.getString("raw_content_hash"),
        marker.getString("preprocessing_hash"),
        new FeatureSchema(
            marker.getList("categorical_features", Document.class).stream()
                .map(f -> new Categorical(f.getString("name"), f.getInteger("cardinality")))
                .toList(),
            marker.getList("numeric_features", String.class)),
        marker.getInteger("rows_in"),
        marker.getInteger("rows"),
        marker.getInteger("labelled"),
        counts(marker.getList("rejected", Document.class)),
        counts(marker.getList("outcomes", Document.class)),
        marker.getString(LATE_LABELS));
  }

  /** A list, because the names contain dots, which field names must not. */
  private static List<Document> counts(Map<String, Integer> counts) {
    return counts.entrySet().stream()
        .map(count -> new Document("what", count.getKey()).append("count", count.getValue()))
        .toList();
  }

  private static Map<String, Integer> counts(List<Document> counts) {
    Map<String, Integer> byName = new LinkedHashMap<>();
    counts.forEach(count -> byName.put(count.getString("what"), count.getInteger("count")));
    return byName;
  }
}
