package retune.steps.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.distribution.Drill;
import retune.devstore.EmbeddedStore;
import retune.runtime.NotReadyException;
import retune.runtime.store.DocumentStore;
import retune.steps.authoring.RegisterDistribution;
import retune.testing.TestContext;

/** The example's rows, drawn in shards beside the same rows drawn at once. */
class GenerateInShardsTest {
  private static final String MODEL = "credit-default";
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final int ROWS = 4_300;
  private static final List<String> COLLECTIONS =
      List.of("raw_batches", "raw_columns", "raw_data", "batch_leftovers");

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store = open("sharded");
  private final DocumentStore whole = open("whole");

  @BeforeEach
  void register() throws IOException {
    for (DocumentStore each : List.of(store, whole)) {
      new RegisterDistribution()
          .run(
              new RegisterDistribution.Input(
                  MODEL, "../../examples/credit-default/distribution.json"),
              TestContext.of(each));
    }
  }

  @AfterEach
  void close() {
    store.close();
    whole.close();
    server.close();
  }

  @ParameterizedTest
  @CsvSource({"2, 100000", "3, 100000", "3, 0", "8, 100000", "64, 0"})
  void anyNumberOfShardsGivesTheBatchOfOne(int shards, int rowDocumentsUpTo) {
    GenerateData.Output expected = generate(whole, ROWS, rowDocumentsUpTo, 1, null);
    int rows = 0;
    for (int shard = shards - 1; shard >= 0; shard--) {
      GenerateData.Output part = generate(store, ROWS, rowDocumentsUpTo, shards, shard);
      assertNull(part.contentHash());
      assertTrue(part.changed());
      rows += part.rows();
    }
    assertEquals(ROWS, rows);
    assertEquals(List.of(), content(store, "raw_batches"), "not a batch before it is sealed");
    assertEquals(expected, generate(store, ROWS, rowDocumentsUpTo, shards, null));
    assertSameContent();
  }

  @Test
  void shardsMayBeWrittenAtOnce() throws Exception {
    generate(whole, ROWS, 100_000, 1, null);
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      List<Callable<GenerateData.Output>> tasks = new ArrayList<>();
      for (int task = 0; task < 6; task++) {
        int shard = task % 3; // each twice, as after a lost scheduler
        tasks.add(() -> generate(store, ROWS, 100_000, 3, shard));
      }
      for (var done : threads.invokeAll(tasks)) {
        done.get();
      }
    }
    generate(store, ROWS, 100_000, 3, null);
    assertSameContent();
  }

  @Test
  void whatIsRepeatedChangesNothing() {
    generateAll(ROWS, 3);
    List<String> before = content(store, "raw_batches");
    assertFalse(generate(store, ROWS, 100_000, 3, 1).changed());
    assertFalse(generate(store, ROWS, 100_000, 3, null).changed());
    assertFalse(generate(store, ROWS, 100_000, 1, null).changed(), "at once");
    assertEquals(before, content(store, "raw_batches"));
  }

  @Test
  void shardsThatAreNotThereAreNamedAndAloneComputedAgain() {
    generate(store, ROWS, 100_000, 3, 1);
    assertEquals(
        "'credit-default/2026-11-05' lacks shard 0, 2 of 3, counted from 0; run generate_data with"
            + " --shards 3 --shard 0 and otherwise the same inputs.",
        assertThrows(NotReadyException.class, () -> generate(store, ROWS, 100_000, 3, null))
            .getMessage());
    assertEquals(List.of(), content(store, "raw_batches"));
    assertTrue(generate(store, ROWS, 100_000, 3, 0).changed());
    assertFalse(generate(store, ROWS, 100_000, 3, 1).changed());
    assertTrue(generate(store, ROWS, 100_000, 3, 2).changed());
    assertEquals(ROWS, generate(store, ROWS, 100_000, 3, null).rows());
  }

  @Test
  void shardsOfOtherRowsAreNotTakenForThese() {
    generateAll(ROWS, 3);
    assertTrue(missing(ROWS - 1, 3).contains("lacks shard 0, 1, 2 of 3"));
    assertTrue(missing(ROWS, 2).contains("lacks shard 0, 1 of 2"));
  }

  @Test
  void anotherDrawOfTheDayReplacesTheBatchAndLeavesNothingOfIt() {
    generateAll(ROWS, 8);
    generate(store, ROWS, 100_000, 3, 0);
    generate(store, 2_500, 100_000, 3, 0);
    generate(store, 2_500, 100_000, 3, 1);
    generate(store, 2_500, 100_000, 3, 2);
    GenerateData.Output other = generate(store, 2_500, 100_000, 3, null);
    assertEquals(generate(whole, 2_500, 100_000, 1, null), other);
    assertSameContent();
    assertEquals(3, store.collection("raw_parts").countDocuments());

    generate(store, 1_500, 100_000, 1, null);
    generate(whole, 1_500, 100_000, 1, null);
    assertSameContent();
    assertEquals(0, store.collection("raw_parts").countDocuments());
  }

  @Test
  void aShardWhoseRowsAreGoneIsMissingAndWrittenAgain() {
    generate(store, ROWS, 100_000, 2, 0);
    store.collection("raw_columns").deleteMany(new Document());
    generate(store, ROWS, 100_000, 2, 1);
    assertTrue(missing(ROWS, 2).contains("lacks shard 0 of 2"));
    assertTrue(generate(store, ROWS, 100_000, 2, 0).changed());
    generate(store, ROWS, 100_000, 2, null);
    generate(whole, ROWS, 100_000, 1, null);
    assertSameContent();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "3 | 3 | Shard 3 of 3 does not exist. Set 'shard' to a number from 0 to 2.",
        "1 | 0 | A single shard is the whole table. Leave out 'shard', or set 'shards' to 2 or"
            + " more."
      })
  void aShardThatThereIsNotIsRefused(int shards, int shard, String sentence) {
    assertEquals(
        sentence,
        assertThrows(
                InvalidInputException.class, () -> generate(store, ROWS, 100_000, shards, shard))
            .getMessage());
    assertEquals(List.of(), content(store, "raw_columns"));
  }

  private void generateAll(int rows, int shards) {
    for (int shard = 0; shard < shards; shard++) {
      generate(store, rows, 100_000, shards, shard);
    }
    generate(store, rows, 100_000, shards, null);
  }

  private String missing(int rows, int shards) {
    return String.valueOf(
        assertThrows(NotReadyException.class, () -> generate(store, rows, 100_000, shards, null))
            .getMessage());
  }

  private static GenerateData.Output generate(
      DocumentStore store, int rows, int rowDocumentsUpTo, int shards, @Nullable Integer shard) {
    return new GenerateData()
        .run(
            new GenerateData.Input(
                MODEL,
                DATE,
                rows,
                0,
                Drill.Kind.CONCEPT_DRIFT,
                0.5,
                rowDocumentsUpTo,
                shards,
                shard),
            TestContext.of(store));
  }

  private void assertSameContent() {
    for (String collection : COLLECTIONS) {
      assertEquals(content(whole, collection), content(store, collection), collection);
    }
  }

  private static List<String> content(DocumentStore store, String collection) {
    List<String> documents = new ArrayList<>();
    store.collection(collection).find().map(Document::toJson).into(documents);
    return documents.stream().sorted().toList();
  }

  private DocumentStore open(String database) {
    return DocumentStore.open(
        server.uri().replaceFirst("(mongodb://[^/]+).*", "$1/" + database),
        Duration.ofSeconds(10),
        TestContext.CLOCK);
  }
}
