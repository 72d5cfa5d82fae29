package retune.runtime.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.Column;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.devstore.EmbeddedStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/** What remains of writers that are killed while they replace a batch. */
@Tag("slow")
abstract class KilledWriterContract {
  /** 128 + SIGKILL. */
  private static final int KILLED = 137;

  private static final int CHUNKS = 4;
  private static final int ROWS_A_CHUNK = 300;
  private static final int ROWS = CHUNKS * ROWS_A_CHUNK;
  private static final LocalDate DATE = LocalDate.of(2026, 11, 5);
  private static final String BATCH = RawBatches.batchId("m", DATE);
  private static final FeatureSchema SCHEMA = new FeatureSchema(List.of(), List.of("a", "b"));
  private static final List<String> COLLECTIONS =
      List.of(
          "raw_columns",
          "raw_data",
          "raw_batches",
          "processed_columns",
          "processed_data",
          "processing_metadata",
          "batch_leftovers");

  /** A writer: replaces both batches and prints a line before each chunk. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] arguments) {
      try (DocumentStore store = open(arguments[0])) {
        write(store, Integer.parseInt(arguments[1]), System.out::println);
      }
    }
  }

  private static DocumentStore open(String uri) {
    return DocumentStore.open(uri, Duration.ofSeconds(10), Clock.systemUTC());
  }

  private static void write(DocumentStore store, int content, Consumer<String> tell) {
    store
        .rawBatches()
        .write("m", DATE, "daily", "run", chunks(content, tell, KilledWriterContract::raw));
    ProcessedBatch batch = batch(content);
    store
        .processedBatches()
        .write(batch, chunks(content, tell, KilledWriterContract::processed), true);
  }

  private interface Source<T> {
    T chunk(int content);
  }

  private static <T> Iterator<T> chunks(int content, Consumer<String> tell, Source<T> source) {
    return IntStream.range(0, CHUNKS)
        .mapToObj(
            chunk -> {
              tell.accept("chunk " + chunk);
              return source.chunk(content);
            })
        .iterator();
  }

  private static Table raw(int content) {
    double[] values = new double[ROWS_A_CHUNK];
    Arrays.fill(values, content);
    return new Table(List.of(new Column.Numbers("n", values)));
  }

  private static Rows processed(int content) {
    float[] values = new float[ROWS_A_CHUNK];
    Arrays.fill(values, content);
    return new Rows(
        new Features(SCHEMA, ROWS_A_CHUNK, new int[0][], new float[][] {values, values}),
        new int[ROWS_A_CHUNK],
        new long[ROWS_A_CHUNK]);
  }

  private static ProcessedBatch batch(int content) {
    String hash = Hashing.sha256("content " + content);
    return new ProcessedBatch(
        BATCH, "m", DATE, "daily", "run", hash, "raw", "p", SCHEMA, ROWS, ROWS, ROWS, Map.of(),
        Map.of());
  }

  /** The server's address; the database that it names is not touched. */
  abstract String server();

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 6, 8})
  void leaveTheOldBatchOrTheNewAndARepetitionCompletesIt(int chunks) throws Exception {
    try (EmbeddedStore undisturbed = EmbeddedStore.inMemory();
        DocumentStore reference = open(undisturbed.uri())) {
      write(reference, 1, told -> {});
      write(reference, 2, told -> {});
      int longestPause = 150;
      while (!leftByAKilledWriter(chunks, longestPause, reference)) {
        longestPause /= 2;
      }
    }
  }

  /** Kills a writer after some chunks; false if it ended before that. */
  private boolean leftByAKilledWriter(int chunks, int longestPause, DocumentStore reference)
      throws Exception {
    String uri = StoreContract.freshDatabase(server());
    try (MongoClient client = MongoClients.create(uri);
        DocumentStore store = open(uri)) {
      write(store, 1, told -> {});

      Process writer =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Writer.class.getName(),
                  uri,
                  "2")
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      int exitCode;
      try (BufferedReader told = writer.inputReader(StandardCharsets.UTF_8)) {
        for (int i = 0; i < chunks; i++) {
          assertTrue(told.readLine().startsWith("chunk"));
        }
        Thread.sleep(ThreadLocalRandom.current().nextInt(longestPause + 1));
        exitCode = writer.destroyForcibly().waitFor();
      }

      assertWhole(store);
      write(store, 2, told -> {});
      for (String collection : COLLECTIONS) {
        assertEquals(content(reference, collection), content(store, collection), collection);
      }
      client.getDatabase(StoreContract.databaseOf(uri)).drop();
      return exitCode == KILLED;
    }
  }

  /** All rows of both batches are of the same content. */
  private static void assertWhole(DocumentStore store) {
    List<Double> raw = new ArrayList<>();
    store
        .rawBatches()
        .read(store.rawBatches().find(BATCH).orElseThrow())
        .forEachRemaining(
            table ->
                Arrays.stream(((Column.Numbers) table.column("n")).values()).forEach(raw::add));
    assertEquals(ROWS, raw.size());
    assertEquals(1, raw.stream().distinct().count());

    ProcessedBatch batch = store.processedBatches().find(BATCH).orElseThrow();
    float[] values = store.processedBatches().readAll(batch).features().numbers()[0];
    assertEquals(ROWS, values.length);
    int content = (int) values[0];
    assertEquals(batch(content), batch);
    for (float value : values) {
      assertEquals(content, value);
    }
  }

  /** A collection's documents by id, without their times. */
  private static Map<String, Document> content(DocumentStore store, String collection) {
    Map<String, Document> byId = new TreeMap<>();
    for (Document document : store.collection(collection).find()) {
      document.remove("timestamp");
      document.remove("processing_timestamp");
      byId.put(document.getString("_id"), document);
    }
    return byId;
  }
}
