package retune.runtime.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.gridfs.GridFSBuckets;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.bson.Document;
import org.bson.types.Binary;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.Column;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Shard;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.runtime.NotReadyException;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.runtime.store.RawBatches.RawBatch;
import retune.runtime.store.RawBatches.Sharded;
import retune.runtime.store.RawBatches.Written;

/** What Retune needs of a server. Each test has a database of its own. */
abstract class StoreContract {
  private static final LocalDate DATE = LocalDate.of(2026, 11, 5);
  private static final String BATCH = "credit/2026-11-05";
  private static final Instant NOW = Instant.parse("2026-11-06T01:02:03.456Z");
  private static final FeatureSchema SCHEMA =
      new FeatureSchema(
          List.of(
              new FeatureSchema.Categorical("sex", 3),
              new FeatureSchema.Categorical("dataset_name", 5)),
          List.of("age", "pay.0"));

  private MongoClient client;
  private String uri;
  private DocumentStore store;

  /** The server's address; the database that it names is not touched. */
  abstract String server();

  @BeforeEach
  void open() {
    uri = freshDatabase(server());
    client = MongoClients.create(uri);
    store = DocumentStore.open(uri, Duration.ofSeconds(10), Clock.fixed(NOW, ZoneOffset.UTC));
  }

  @AfterEach
  void drop() {
    store.close();
    client.getDatabase(databaseOf(uri)).drop();
    client.close();
  }

  /** A server's address with a database that does not exist yet. */
  static String freshDatabase(String uri) {
    return uri.replaceFirst(
        "^(mongodb[^:]*://[^/?]+)(/[^?]*)?",
        "$1/retune_test_" + Long.toString(System.nanoTime(), 36));
  }

  static String databaseOf(String uri) {
    return uri.replaceFirst("^mongodb[^:]*://[^/?]+/([^?]*).*", "$1");
  }

  private List<Document> all(String collection) {
    return store.collection(collection).find().into(new ArrayList<>());
  }

  // Races

  private <T> List<T> raced(int writers, Callable<T> write) throws Exception {
    CyclicBarrier together = new CyclicBarrier(writers);
    try (ExecutorService pool = Executors.newFixedThreadPool(writers)) {
      List<Future<T>> running =
          pool.invokeAll(
              Collections.nCopies(
                  writers,
                  () -> {
                    together.await();
                    return write.call();
                  }));
      List<T> results = new ArrayList<>();
      for (Future<T> result : running) {
        results.add(result.get());
      }
      return results;
    }
  }

  @Test
  void parallelIncrementsAreAllCounted() throws Exception {
    var counters = store.collection("counters");
    counters.insertOne(new Document("_id", "a").append("n", 0));
    raced(
        8,
        () -> {
          for (int i = 0; i < 25; i++) {
            counters.updateOne(Filters.eq("a"), Updates.inc("n", 1));
          }
          return true;
        });
    assertEquals(200, counters.find(Filters.eq("a")).first().getInteger("n"));
  }

  @Test
  void onlyOneOfManyCompareAndSetsWins() throws Exception {
    var pointers = store.collection("pointers");
    for (int round = 0; round < 20; round++) {
      String id = "champion-" + round;
      pointers.insertOne(new Document("_id", id).append("revision", 1));
      List<Long> modified =
          raced(
              8,
              () ->
                  pointers
                      .updateOne(
                          Filters.and(Filters.eq(id), Filters.eq("revision", 1)),
                          Updates.inc("revision", 1))
                      .getModifiedCount());
      assertEquals(1, modified.stream().mapToLong(Long::longValue).sum());
    }
  }

  // Raw batches

  private static Table table(int from, int to, int seed) {
    double[] numbers =
        IntStream.range(from, to)
            .mapToDouble(row -> row % 7 == 0 ? Double.NaN : row + seed)
            .toArray();
    @Nullable String[] texts = new @Nullable String[to - from];
    Arrays.setAll(texts, row -> (from + row) % 5 == 0 ? null : "t" + (from + row));
    return new Table(List.of(new Column.Numbers("n", numbers), new Column.Texts("a.b $c", texts)));
  }

  private Written write(Iterator<Table> chunks) {
    return store.rawBatches().write("credit", DATE, "daily", "run-1", chunks);
  }

  private Written write(Table... chunks) {
    return write(List.of(chunks).iterator());
  }

  private Table readRaw() {
    RawBatch batch = store.rawBatches().find(BATCH).orElseThrow();
    List<double[]> numbers = new ArrayList<>();
    List<@Nullable String> texts = new ArrayList<>();
    for (Iterator<Table> chunks = store.rawBatches().read(batch); chunks.hasNext(); ) {
      Table chunk = chunks.next();
      assertTrue(chunk.rows() <= 1_000);
      numbers.add(((Column.Numbers) chunk.column("n")).values());
      texts.addAll(Arrays.asList(((Column.Texts) chunk.column("a.b $c")).values()));
    }
    return new Table(
        List.of(
            new Column.Numbers("n", numbers.stream().flatMapToDouble(Arrays::stream).toArray()),
            new Column.Texts("a.b $c", texts.toArray(new @Nullable String[0]))));
  }

  private static void assertSame(Table expected, Table actual) {
    assertEquals(expected.names(), actual.names());
    assertArrayEquals(
        ((Column.Numbers) expected.columns().get(0)).values(),
        ((Column.Numbers) actual.columns().get(0)).values());
    assertArrayEquals(
        ((Column.Texts) expected.columns().get(1)).values(),
        ((Column.Texts) actual.columns().get(1)).values());
  }

  @Test
  void rawRowsAreReadInOrderAndUnchanged() {
    Written written = write(table(0, 2_050, 0), table(2_050, 2_150, 0));
    assertTrue(written.changed());
    assertEquals(2_150, written.batch().rows());
    assertEquals(Optional.of(written.batch()), store.rawBatches().find(BATCH));
    assertSame(table(0, 2_150, 0), readRaw());
  }

  @Test
  void extremeNumbersAreReadUnchanged() {
    double[] numbers = {-0.0, 0.1, 1e300, Double.POSITIVE_INFINITY, Integer.MIN_VALUE, 1L << 40};
    write(
        new Table(
            List.of(
                new Column.Numbers("n", numbers),
                new Column.Texts(
                    "a.b $c", new @Nullable String[] {"", " ", "é", null, "$x", "1"}))));
    assertArrayEquals(numbers, ((Column.Numbers) readRaw().column("n")).values());
    assertArrayEquals(
        new @Nullable String[] {"", " ", "é", null, "$x", "1"},
        ((Column.Texts) readRaw().column("a.b $c")).values());
  }

  @Test
  void aBatchMayBeEmpty() {
    Written written = write();
    assertEquals(0, written.batch().rows());
    assertFalse(store.rawBatches().read(written.batch()).hasNext());
  }

  @Test
  void writingTheSameRowsInOtherChunksChangesNothing() {
    Written first = write(table(0, 1_050, 0));
    List<Document> before = all("raw_data");
    Written second =
        store
            .rawBatches()
            .write(
                "credit",
                DATE,
                "daily",
                "run-2",
                List.of(table(0, 700, 0), table(700, 1_050, 0)).iterator());
    assertFalse(second.changed());
    assertEquals(first.batch(), second.batch());
    assertEquals(before, all("raw_data"));
  }

  @Test
  void otherRowsReplaceTheBatchAndLeaveNothingBehind() {
    Written first = write(table(0, 1_050, 0));
    Written second = write(table(0, 1_020, 9));
    assertTrue(second.changed());
    assertNotEquals(first.batch().contentHash(), second.batch().contentHash());
    assertSame(table(0, 1_020, 9), readRaw());
    assertEquals(1_020, all("raw_data").size());
    assertEquals(List.of(), all("batch_leftovers"));
  }

  private Written write(int rowDocumentsUpTo, Table table) {
    return store
        .rawBatches()
        .write("credit", DATE, "daily", "run-1", List.of(table).iterator(), rowDocumentsUpTo);
  }

  @Test
  void largeBatchesGetRowDocumentsOnlyOnRequest() {
    Written alone = write(1_049, table(0, 1_050, 0));
    assertEquals(List.of(), all("raw_data"));
    assertSame(table(0, 1_050, 0), readRaw());
    assertFalse(write(1_049, table(0, 1_050, 0)).changed());
    Written documented = write(1_050, table(0, 1_050, 0));
    assertTrue(documented.changed());
    assertEquals(alone.batch(), documented.batch());
    assertEquals(1_050, all("raw_data").size());
    assertSame(table(0, 1_050, 0), readRaw());
    assertFalse(write(0, table(0, 1_050, 0)).changed());
    assertEquals(1_050, all("raw_data").size());
    assertEquals(List.of(), all("batch_leftovers"));
  }

  @Test
  void rowDocumentsAreRemovedWithTheirRows() {
    write(2_000, table(0, 1_050, 0));
    write(0, table(0, 1_020, 9));
    assertEquals(List.of(), all("raw_data"));
    assertSame(table(0, 1_020, 9), readRaw());
    assertEquals(List.of(), all("batch_leftovers"));
  }

  @Test
  void columnNamesArePartOfTheContent() {
    double[] values = {1, 2};
    Written first = write(new Table(List.of(new Column.Numbers("n", values))));
    Written second = write(new Table(List.of(new Column.Numbers("m", values))));
    assertNotEquals(first.batch().contentHash(), second.batch().contentHash());
  }

  @Test
  void aWriterThatFailsLeavesTheOldBatchVisible() {
    write(table(0, 1_050, 0));
    assertThrows(
        NoSuchElementException.class,
        () -> write(failingAfter(2, i -> table(i * 1_000, i * 1_000 + 1_000, 9))));
    assertSame(table(0, 1_050, 0), readRaw());
  }

  @Test
  void theNextWriterRemovesTheRowsOfAFailedOne() {
    assertThrows(
        NoSuchElementException.class,
        () -> write(failingAfter(2, i -> table(i * 1_000, i * 1_000 + 1_000, 9))));
    assertEquals(2, all("raw_columns").size());
    write(table(0, 1_050, 0));
    assertEquals(2, all("raw_columns").size());
    assertSame(table(0, 1_050, 0), readRaw());
    assertEquals(1_050, all("raw_data").size());
    assertEquals(List.of(), all("batch_leftovers"));
  }

  /** An iterator that fails after some chunks, as if the writer were killed. */
  private static <T> Iterator<T> failingAfter(int good, IntFunction<T> chunk) {
    return IntStream.range(0, good + 1)
        .mapToObj(
            i -> {
              if (i == good) {
                throw new NoSuchElementException("broken off");
              }
              return chunk.apply(i);
            })
        .iterator();
  }

  // Raw batches in shards

  private static final Sharded IN_TWO =
      new Sharded("credit", DATE, "daily", "run-1", "recipe", 2, true);

  private boolean writeShard(int index, int from, int to) {
    return store
        .rawBatches()
        .writeShard(IN_TWO, new Shard(index, 2), from, List.of(table(from, to, 0)).iterator());
  }

  @Test
  void sealedShardsEqualTheBatchWrittenByOneProcess() {
    assertTrue(writeShard(1, 1_000, 2_150));
    assertTrue(writeShard(0, 0, 1_000));
    assertFalse(writeShard(0, 0, 1_000));
    assertEquals(Optional.empty(), store.rawBatches().find(BATCH));
    Written sealed = store.rawBatches().seal(IN_TWO);
    assertTrue(sealed.changed());
    assertSame(table(0, 2_150, 0), readRaw());
    assertEquals(2_150, all("raw_data").size());
    assertEquals(List.of(), all("batch_leftovers"));
    Written atOnce = write(table(0, 2_150, 0));
    assertFalse(atOnce.changed());
    assertEquals(sealed.batch(), atOnce.batch());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aShardThatFailsIsMissingUntilItIsWrittenAgain(int good) {
    writeShard(0, 0, 1_000);
    Iterator<Table> chunks =
        failingAfter(good, i -> table(1_000 + i * 1_000, 2_000 + i * 1_000, 0));
    assertThrows(
        NoSuchElementException.class,
        () -> store.rawBatches().writeShard(IN_TWO, new Shard(1, 2), 1_000, chunks));
    assertEquals(List.of(1), store.rawBatches().missingShards(IN_TWO));
    assertThrows(NotReadyException.class, () -> store.rawBatches().seal(IN_TWO));
    assertTrue(writeShard(1, 1_000, 2_150));
    assertEquals(List.of(), store.rawBatches().missingShards(IN_TWO));
    store.rawBatches().seal(IN_TWO);
    assertSame(table(0, 2_150, 0), readRaw());
  }

  @Test
  void aBatchRemovesShardsThatWereNeverSealed() {
    writeShard(0, 0, 1_000);
    writeShard(1, 1_000, 2_150);
    write(table(0, 1_050, 9));
    assertEquals(2, all("raw_columns").size());
    assertEquals(1_050, all("raw_data").size());
    assertEquals(List.of(), all("raw_parts"));
    assertEquals(List.of(), all("batch_leftovers"));
  }

  @Test
  void aBatchReplacedWhileItIsReadIsNoticed() {
    RawBatch batch = write(table(0, 2_050, 0)).batch();
    Iterator<Table> reader = store.rawBatches().read(batch);
    reader.next();
    write(table(0, 2_050, 9));
    assertThrows(NotReadyException.class, reader::next);
    assertThrows(NotReadyException.class, () -> store.rawBatches().read(batch));
  }

  @Test
  void rawRowDocumentsNameTheirOrigin() {
    write(table(0, 3, 0));
    Document row = all("raw_data").get(1);
    assertEquals(BATCH, row.getString("batch_id"));
    assertEquals("2026-11-05", row.getString("logical_date"));
    assertEquals("daily", row.getString("dataset_name"));
    assertEquals("run-1", row.getString("run_id"));
    assertEquals(new Document("n", 1).append("a.b $c", "t1"), row.get("values"));
  }

  // Processed batches

  private static Rows rows(int from, int to, int seed) {
    int count = to - from;
    Random random = new Random(31L * from + seed);
    return new Rows(
        new Features(
            SCHEMA,
            count,
            new int[][] {
              random.ints(count, 0, 3).toArray(), random.ints(count, 0, 5).toArray(),
            },
            new float[][] {floats(random, count), floats(random, count)}),
        IntStream.range(0, count).map(i -> i % 10 == 0 ? Target.UNLABELLED : i % 2).toArray(),
        random.longs(count).toArray());
  }

  private static float[] floats(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static ProcessedBatch batch(int rows, int seed) {
    return new ProcessedBatch(
        BATCH,
        "credit",
        DATE,
        "daily",
        "run-1",
        Hashing.sha256("content " + seed),
        Hashing.sha256("raw"),
        Hashing.sha256("preprocessing"),
        SCHEMA,
        rows + 3,
        rows,
        rows - rows / 10,
        Map.of("malformed", 3),
        Map.of("unseen_category.sex", 2, "imputed.pay.0", 7));
  }

  private ProcessedBatches processed() {
    return store.processedBatches();
  }

  private static void assertSame(Rows expected, Rows actual) {
    assertEquals(expected.features().schema(), actual.features().schema());
    assertTrue(Arrays.deepEquals(expected.features().codes(), actual.features().codes()));
    assertTrue(Arrays.deepEquals(expected.features().numbers(), actual.features().numbers()));
    assertArrayEquals(expected.labels(), actual.labels());
    assertArrayEquals(expected.rowHashes(), actual.rowHashes());
  }

  @Test
  void featuresAreReadBitForBit() {
    Rows rows = rows(0, 2_045, 1);
    assertTrue(processed().write(batch(2_045, 1), List.of(rows).iterator(), true));
    ProcessedBatch found = processed().find(BATCH).orElseThrow();
    assertEquals(batch(2_045, 1), found);
    assertSame(rows, processed().readAll(found));
    Iterable<Rows> chunks = () -> processed().read(found);
    assertEquals(
        List.of(1_000, 1_000, 45),
        StreamSupport.stream(chunks.spliterator(), false).map(c -> c.features().rows()).toList());
  }

  @ParameterizedTest
  @CsvSource({"0, 2045", "0, 1000", "1000, 2000", "990, 2010", "2044, 2045", "500, 500"})
  void aRangeOfRowsIsReadAcrossChunks(int from, int to) {
    Rows rows = rows(0, 2_045, 1);
    processed().write(batch(2_045, 1), List.of(rows).iterator(), false);
    Rows expected = ProcessedRows.select(rows, IntStream.range(from, to).toArray());
    assertSame(expected, processed().read(batch(2_045, 1), from, to));
  }

  @Test
  void labelsAreReadWithoutFeatures() {
    Rows rows = rows(0, 2_045, 1);
    processed().write(batch(2_045, 1), List.of(rows).iterator(), false);
    assertArrayEquals(rows.labels(), processed().labels(batch(2_045, 1)));
    assertThrows(NotReadyException.class, () -> processed().labels(batch(2_045, 2)));
  }

  @Test
  void columnsAreReadableByNumpy() {
    Rows rows = rows(0, 10, 1);
    processed().write(batch(10, 1), List.of(rows).iterator(), false);
    Document columns = all("processed_columns").getFirst();
    byte[] age = columns.get("numbers", Document.class).get("age", Binary.class).getData();
    assertEquals(
        rows.features().numbers()[0][3],
        ByteBuffer.wrap(age).order(ByteOrder.LITTLE_ENDIAN).getFloat(3 * Float.BYTES));
    byte[] sex = columns.get("codes", Document.class).get("sex", Binary.class).getData();
    assertEquals(
        rows.features().codes()[0][3],
        ByteBuffer.wrap(sex).order(ByteOrder.LITTLE_ENDIAN).getInt(3 * Integer.BYTES));
    assertEquals(List.of(), all("processed_data"));
  }

  @Test
  void rowDocumentsShowTheBatchToPeople() {
    Rows rows = rows(0, 3, 1);
    processed().write(batch(3, 1), List.of(rows).iterator(), true);
    Document row = all("processed_data").get(1);
    row.remove("_id");
    assertEquals(
        new Document("sex", rows.features().codes()[0][1])
            .append("dataset_name_", rows.features().codes()[1][1])
            .append("age", (double) rows.features().numbers()[0][1])
            .append("pay.0", (double) rows.features().numbers()[1][1])
            .append("label", 1)
            .append("row_hash", rows.rowHashes()[1])
            .append("batch_id", BATCH)
            .append("dataset_name", "daily")
            .append("processing_timestamp", "2026-11-06T01:02:03.456Z"),
        row);
    assertFalse(all("processed_data").get(0).containsKey("label"), "an unlabelled row");
  }

  @Test
  void theSameContentAgainChangesNothing() {
    processed().write(batch(1_050, 1), List.of(rows(0, 1_050, 1)).iterator(), true);
    List<Document> before = all("processed_columns");
    assertFalse(processed().write(batch(1_050, 1), failingAfter(0, i -> rows(0, 1, 1)), true));
    assertFalse(processed().write(batch(1_050, 1), failingAfter(0, i -> rows(0, 1, 1)), false));
    assertEquals(before, all("processed_columns"));
  }

  @Test
  void rowDocumentsCanBeAddedLater() {
    processed().write(batch(1_050, 1), List.of(rows(0, 1_050, 1)).iterator(), false);
    assertTrue(processed().write(batch(1_050, 1), List.of(rows(0, 1_050, 1)).iterator(), true));
    assertEquals(1_050, all("processed_data").size());
    assertSame(rows(0, 1_050, 1), processed().readAll(batch(1_050, 1)));
  }

  @Test
  void otherContentReplacesTheBatchAndLeavesNothingBehind() {
    processed().write(batch(2_050, 1), List.of(rows(0, 2_050, 1)).iterator(), true);
    processed().write(batch(1_020, 2), List.of(rows(0, 1_020, 2)).iterator(), true);
    assertSame(rows(0, 1_020, 2), processed().readAll(batch(1_020, 2)));
    assertEquals(2, all("processed_columns").size());
    assertEquals(1_020, all("processed_data").size());
    assertEquals(List.of(), all("batch_leftovers"));
    assertThrows(NotReadyException.class, () -> processed().read(batch(2_050, 1)));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void aFailedWriteLeavesTheOldBatchAndTheNextCompletesIt(int good) {
    processed().write(batch(1_050, 1), List.of(rows(0, 1_050, 1)).iterator(), true);
    IntFunction<Rows> next = i -> rows(i * 1_000, i * 1_000 + 1_000, 2);
    assertThrows(
        NoSuchElementException.class,
        () -> processed().write(batch(3_000, 2), failingAfter(good, next), true));
    assertEquals(batch(1_050, 1), processed().find(BATCH).orElseThrow());
    assertSame(rows(0, 1_050, 1), processed().readAll(batch(1_050, 1)));

    processed().write(batch(1_100, 3), List.of(rows(0, 1_100, 3)).iterator(), true);
    assertSame(rows(0, 1_100, 3), processed().readAll(batch(1_100, 3)));
    assertEquals(2, all("processed_columns").size());
    assertEquals(1_100, all("processed_data").size());
  }

  @Test
  void aBatchOfTheWrongLengthIsNotPublished() {
    assertThrows(
        IllegalArgumentException.class,
        () -> processed().write(batch(11, 1), List.of(rows(0, 10, 1)).iterator(), false));
    assertEquals(Optional.empty(), processed().find(BATCH));
  }

  @Test
  void manyColumnsStayBelowTheLimitOfAReply() {
    FeatureSchema wide =
        new FeatureSchema(List.of(), IntStream.range(0, 500).mapToObj(i -> "f" + i).toList());
    float[][] numbers = new float[500][10_000];
    numbers[499][9_999] = 7;
    Rows rows =
        new Rows(
            new Features(wide, 10_000, new int[0][], numbers), new int[10_000], new long[10_000]);
    ProcessedBatch narrow = batch(10_000, 1);
    ProcessedBatch batch =
        new ProcessedBatch(
            BATCH,
            "credit",
            DATE,
            "daily",
            "run",
            narrow.contentHash(),
            "raw",
            "p",
            wide,
            10_000,
            10_000,
            0,
            Map.of(),
            Map.of());
    processed().write(batch, List.of(rows).iterator(), false);
    assertEquals(7, processed().readAll(batch).features().numbers()[499][9_999]);
  }

  // Blobs

  private static byte[] bytes(int length, int seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, Blobs.CHUNK_SIZE, 2 * Blobs.CHUNK_SIZE + 17})
  void blobsAreReadUnchanged(int length) {
    byte[] bytes = bytes(length, 1);
    assertEquals(Hashing.sha256(bytes), store.blobs().put("weights/a", bytes));
    assertArrayEquals(bytes, store.blobs().get("weights/a").orElseThrow());
  }

  @Test
  void aMissingBlobIsEmpty() {
    assertEquals(Optional.empty(), store.blobs().get("weights/none"));
  }

  @Test
  void aBlobOverTheLimitOfAReplyIsReadInParts() {
    byte[] bytes = bytes(60_000_000, 1);
    store.blobs().put("features/a", bytes);
    assertArrayEquals(bytes, store.blobs().get("features/a").orElseThrow());
  }

  @Test
  void aBlobIsReplacedWhole() {
    store.blobs().put("features/a", bytes(2 * Blobs.CHUNK_SIZE + 17, 1));
    store.blobs().put("features/a", bytes(100, 2));
    assertArrayEquals(bytes(100, 2), store.blobs().get("features/a").orElseThrow());
    assertEquals(1, all("fs.chunks").size());
    assertEquals(1, all("fs.files").size());
  }

  @Test
  void aChunkThatAnotherDriverWroteIsReplaced() {
    store
        .collection("fs.chunks")
        .insertOne(new Document("files_id", "features/a").append("n", 0).append("data", "old"));
    store.blobs().put("features/a", bytes(100, 2));
    assertArrayEquals(bytes(100, 2), store.blobs().get("features/a").orElseThrow());
    assertEquals(1, all("fs.chunks").size());
  }

  @Test
  void racingWritersOfOneBlobAllSucceed() throws Exception {
    byte[] bytes = bytes(1_000, 1);
    for (int round = 0; round < 20; round++) {
      String id = "features/" + round;
      assertEquals(
          Set.of(Hashing.sha256(bytes)), Set.copyOf(raced(8, () -> store.blobs().put(id, bytes))));
      assertArrayEquals(bytes, store.blobs().get(id).orElseThrow());
    }
    assertEquals(20, all("fs.chunks").size());
  }

  @Test
  void aBlobIsRemovedWhole() {
    store.blobs().put("features/a", bytes(2 * Blobs.CHUNK_SIZE + 17, 1));
    store.blobs().put("features/b", bytes(100, 2));
    store.blobs().remove("features/a");
    store.blobs().remove("features/none");
    assertEquals(Optional.empty(), store.blobs().get("features/a"));
    assertArrayEquals(bytes(100, 2), store.blobs().get("features/b").orElseThrow());
    assertEquals(1, all("fs.chunks").size());
  }

  @Test
  void aRemovalThatWasKilledCanBeRepeated() {
    store.blobs().put("features/a", bytes(2 * Blobs.CHUNK_SIZE + 17, 1));
    store.collection("fs.chunks").deleteOne(Filters.eq("n", 0));
    store.blobs().remove("features/a");
    assertEquals(List.of(), all("fs.chunks"));
    assertEquals(List.of(), all("fs.files"));
  }

  @Test
  void damagedBytesAreDetectedAndCanBeStoredAgain() {
    store.blobs().put("weights/a", bytes(1_000, 1));
    store
        .collection("fs.chunks")
        .updateOne(
            Filters.and(Filters.eq("files_id", "weights/a"), Filters.eq("n", 0)),
            Updates.set("data", new Binary(bytes(1_000, 2))));
    assertThrows(Blobs.DamagedException.class, () -> store.blobs().get("weights/a"));
    store.blobs().put("weights/a", bytes(1_000, 1));
    assertArrayEquals(bytes(1_000, 1), store.blobs().get("weights/a").orElseThrow());
    store.collection("fs.chunks").deleteOne(Filters.eq("files_id", "weights/a"));
    assertThrows(Blobs.DamagedException.class, () -> store.blobs().get("weights/a"));
  }

  @Test
  void anyDriverReadsABlobAsAGridFsFile() {
    byte[] bytes = bytes(2 * Blobs.CHUNK_SIZE + 17, 1);
    store.blobs().put("weights/a", bytes);
    ByteArrayOutputStream read = new ByteArrayOutputStream();
    try (var stream =
        GridFSBuckets.create(client.getDatabase(databaseOf(uri)))
            .openDownloadStream("weights/a")
            .batchSize(4)) {
      byte[] buffer = new byte[1 << 16];
      for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
        read.write(buffer, 0, count);
      }
    }
    assertArrayEquals(bytes, read.toByteArray());
  }

  // Feedback and the query log

  @Test
  void feedbackComesInTheOrderOfItsArrival() {
    Feedback feedback = store.feedback();
    feedback.add("m", List.of(label("a", "2026-11-05T06:00:00.500Z")));
    feedback.add("m", List.of(label("b", "2026-11-05T06:00:00Z"), label("c", NOW.toString())));
    feedback.add("m", List.of(label("d", "2026-11-05T05:59:59.999Z")));
    feedback.add("n", List.of(label("other", NOW.toString())));
    assertEquals(
        List.of("d", "b", "a", "c"), feedback.read("m").stream().map(Feedback.Label::key).toList());
  }

  private static Feedback.Label label(String key, String at) {
    return new Feedback.Label(key, "1", null, Instant.parse(at));
  }

  /** A million labels are as much, and a driver refuses a message of more than 48 MB. */
  @Test
  void feedbackMayBeMoreThanFitsIntoAMessage() {
    Feedback feedback = store.feedback();
    String text = "k".repeat(24_000);
    for (int part = 0; part < 11; part++) {
      Instant at = NOW.plusSeconds(part);
      feedback.add(
          "m",
          IntStream.range(0, 200)
              .mapToObj(row -> new Feedback.Label(text + row, "1", null, at))
              .toList());
    }
    long[] bytes = new long[2];
    feedback.forEach(
        "m",
        label -> {
          bytes[0] += label.key().length();
          bytes[1]++;
        });
    assertEquals(2_200, bytes[1]);
    assertTrue(bytes[0] > 48_000_000, bytes[0] + " bytes");
  }

  @Test
  void answersOfADayAreReadWithoutColumnsAndAMalformedBlockHasNone() {
    LocalDate date = LocalDate.parse("2026-11-05");
    QueryBlock.Row row =
        new QueryBlock.Row(
            "r",
            0,
            NOW,
            "m-1",
            "1",
            0.8,
            0.8,
            300,
            new QueryBlock.Challenger("m-2", "shadow", "0", 0.7, 0.3));
    for (int block = 0; block < 17; block++) {
      store
          .queryLogs()
          .write(
              new QueryBlock(
                  "m/%s/%02d".formatted(date, block),
                  "m",
                  date,
                  List.of(row),
                  Map.of("x", List.of(1.5))));
    }
    store.collection("query_logs").updateMany(new Document(), Updates.set("columns", List.of()));
    store
        .collection("query_logs")
        .updateOne(Filters.eq("m/2026-11-05/03"), Updates.set("predicted", List.of()));
    List<QueryLogs.Answers> answers = new ArrayList<>();
    store.queryLogs().answers("m", date).forEachRemaining(answers::add);
    assertEquals(17, answers.size());
    for (int block = 0; block < 17; block++) {
      assertEquals("m/%s/%02d".formatted(date, block), answers.get(block).id());
      assertEquals(block == 3 ? null : List.of(row), answers.get(block).rows());
    }
  }

  // Events and indexes

  @Test
  void anEventWrittenAgainReplacesItself() {
    store.events().record("alerts", "alert/a", new Document("n", 1));
    store.events().record("alerts", "alert/a", new Document("n", 2));
    assertEquals(1, all("alerts").size());
    assertEquals(
        new Document("_id", "alert/a").append("n", 2).append("timestamp", NOW.toString()),
        store.events().find("alerts", "alert/a").orElseThrow());
    assertEquals(Optional.empty(), store.events().find("alerts", "alert/b"));
  }

  @Test
  void aUniqueIndexGuardsTheChunksOfAFile() {
    List<String> names =
        store
            .collection("fs.chunks")
            .listIndexes()
            .map(index -> index.getString("name"))
            .into(new ArrayList<>());
    assertTrue(names.contains("files_id_1_n_1"), names.toString());
    Document chunk = new Document("files_id", "a").append("n", 0);
    store.collection("fs.chunks").insertOne(new Document(chunk));
    assertThrows(
        RuntimeException.class, () -> store.collection("fs.chunks").insertOne(new Document(chunk)));
  }
}
