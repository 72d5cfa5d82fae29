package retune.serving.querylog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.runtime.Json;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.store.QueryBlock;
import retune.runtime.store.QueryLogs;
import retune.serving.metrics.QueryLogMetrics;
import retune.serving.metrics.QueryLogMetrics.Drop;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ExampleRow;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.RowsOfJson;
import retune.serving.prediction.ServedModel;
import retune.testing.TestContext;
import retune.testing.TestStore;

/** What becomes of the rows that the writer is given. */
class QueryLogWriterTest {
  private static final Duration PLENTY = Duration.ofMinutes(1);
  private static final Duration AN_INSTANT = Duration.ofMillis(1);
  private static final LogColumns ALL = new LogColumns(null, List.of(), null);

  private static TestStore store;
  private static LoadedVersion loaded;
  private static ServedModel served;
  private static Table row;

  private final QueryLogMetrics metrics = new ServingMetrics().queryLog();

  @BeforeAll
  static void open() throws IOException {
    store = TestStore.open();
    loaded =
        LoadedVersion.open(
            ModelFolder.read(
                Path.of("../../examples/credit-default/finetuned"), CodeTrust.REFUSED));
    served = new ServedModel();
    served.replaceBy(loaded);
    row = row("AGE", 40);
  }

  /** The example with one value changed. */
  private static Table row(String column, int value) {
    Map<String, Object> features = ExampleRow.of(loaded.version().preprocessing());
    features.put(column, value);
    return RowsOfJson.features(
        Json.MAPPER.writeValueAsBytes(Map.of("features", features)),
        loaded.version().preprocessing().rawColumns());
  }

  @AfterAll
  static void close() {
    served.close();
    store.close();
  }

  @AfterEach
  void forget() {
    store.documents().queryLogs().removeBefore(model(), LocalDate.of(9999, 1, 1));
  }

  @Test
  void aFullQueueDropsAndCountsRowsAndWritesTheOthersAtTheEnd() {
    AnsweredRequest request = request("0", row, TestContext.NOW);
    QueryLogWriter log = writer(store.context(), 3 * request.bytes(), PLENTY);
    for (int i = 0; i < 5; i++) {
      log.add(request(Integer.toString(i), row, TestContext.NOW));
    }
    assertEquals(2, metrics.lost(Drop.QUEUE_FULL));
    assertEquals(3, metrics.waiting());
    log.start().close();
    assertEquals(0, metrics.waiting());
    assertEquals(List.of("0/0", "1/0", "2/0"), keys(blocks(TestContext.NOW)));
    assertEquals(2, metrics.lost(Drop.QUEUE_FULL), "room is free again");
  }

  @Test
  void aBlockHasAThousandRowsAndOneDate() {
    Table many = row.select(new int[600]);
    Instant nextDay = TestContext.NOW.plus(Duration.ofDays(1));
    QueryLogWriter log = writer(store.context(), Long.MAX_VALUE, PLENTY);
    log.add(request("a", many, TestContext.NOW));
    log.add(request("b", row.select(new int[400]), TestContext.NOW));
    log.add(request("c", row, TestContext.NOW));
    log.add(request("d", row, nextDay));
    log.start().close();
    List<QueryBlock> today = blocks(TestContext.NOW);
    assertEquals(List.of(1000, 1), today.stream().map(block -> block.rows().size()).toList());
    assertEquals("b/399", today.getFirst().rows().getLast().key());
    assertEquals(List.of("d/0"), keys(blocks(nextDay)));
  }

  @Test
  void aChallengersAnswersAreKeptBesideTheOthers() {
    AnsweredRequest plain = request("a", row, TestContext.NOW);
    AnsweredRequest shadowed =
        new AnsweredRequest(
            "b",
            plain.receivedAt(),
            plain.version(),
            plain.rows(),
            plain.predictions(),
            plain.latencyMicros(),
            new AnsweredRequest.ChallengerAnswer("next", "shadow", plain.predictions()));
    QueryLogWriter log = writer(store.context(), Long.MAX_VALUE, PLENTY);
    log.add(plain);
    log.add(shadowed);
    log.start().close();
    List<QueryBlock.Row> rows = blocks(TestContext.NOW).getFirst().rows();
    assertNull(rows.get(0).challenger());
    QueryBlock.Row second = rows.get(1);
    assertEquals(
        new QueryBlock.Challenger(
            "next", "shadow", second.predicted(), second.confidence(), second.probability()),
        second.challenger());
  }

  @Test
  void valuesComeBackAsTheColumnsThatWereSent() {
    Table sent =
        new Table(
            List.of(
                new Column.Numbers("numbers", new double[] {1, -0.5, Double.NaN}),
                new Column.Texts("texts", new String[] {"007", null, "é"})));
    Map<String, List<@Nullable Object>> columns = new HashMap<>();
    new LogColumns(null, List.of(), null).append(sent, columns);
    QueryBlock.Row any = row("a");
    QueryBlock block =
        new QueryBlock(
            "m/2026-11-05/1", "m", LocalDate.of(2026, 11, 5), List.of(any, any, any), columns);
    store.documents().queryLogs().write(block);
    store.documents().queryLogs().write(block); // as after a lost answer
    QueryLogs log = store.documents().queryLogs();
    assertEquals(List.of(block.id()), log.ids("m", block.date()));
    QueryBlock found = log.find(block.id()).orElseThrow();
    assertEquals(block, found);
    Table read = found.table();
    for (String name : sent.names()) {
      for (int i = 0; i < sent.rows(); i++) {
        assertEquals(sent.column(name).text(i), read.column(name).text(i));
      }
    }
  }

  @Test
  void rowsThatTheStoreDoesNotTakeBeforeTheStopAreCounted() {
    StepContext away =
        new TestContext(
            store.context().run(),
            TestContext.CLOCK,
            store.context().settings(),
            () -> {
              throw new NotReadyException("The store is away.");
            });
    QueryLogWriter log = writer(away, Long.MAX_VALUE, AN_INSTANT);
    log.add(request("a", row.select(new int[7]), TestContext.NOW));
    log.start().close();
    assertEquals(7, metrics.lost(Drop.STOPPED));
  }

  @Test
  void blocksOlderThanTheLimitAreRemoved() throws InterruptedException {
    Instant old = TestContext.NOW.minus(Duration.ofDays(31));
    Instant recent = TestContext.NOW.minus(Duration.ofDays(30));
    QueryLogWriter before = writer(store.context(), Long.MAX_VALUE, PLENTY);
    before.add(request("old", row, old));
    before.add(request("recent", row, recent));
    before.start().close();
    try (QueryLogWriter _ = writer(store.context(), Long.MAX_VALUE, PLENTY).start()) {
      long end = System.nanoTime() + PLENTY.toNanos();
      while (!blocks(old).isEmpty()) {
        assertTrue(System.nanoTime() < end, "the old block stays");
        Thread.sleep(10);
      }
    }
    assertEquals(List.of("recent/0"), keys(blocks(recent)));
  }

  @Test
  void columnsAreLeftOutOrHashedAsTheOptionsSay() {
    LogColumns columns =
        new LogColumns(List.of("AGE", "EDUCATION"), List.of("EDUCATION"), "s".repeat(24));
    QueryLogWriter log = writer(columns);
    log.add(request("a", row("AGE", 30), TestContext.NOW));
    log.add(request("b", row("AGE", 31), TestContext.NOW));
    log.add(request("c", row("EDUCATION", 5), TestContext.NOW));
    log.start().close();
    QueryBlock block = blocks(TestContext.NOW).getFirst();
    assertEquals(Set.of("EDUCATION"), block.hashed(), "nobody takes hashes for values");
    Map<String, List<Object>> kept = block.columns();
    assertEquals(Set.of("AGE", "EDUCATION"), kept.keySet());
    assertEquals(List.of(30, 31), values(kept, "AGE").subList(0, 2));
    List<Object> hashes = values(kept, "EDUCATION");
    assertTrue(String.valueOf(hashes.getFirst()).matches("[0-9a-f]{32}"), hashes.toString());
    assertEquals(hashes.get(0), hashes.get(1), "equal values stay equal");
    assertNotEquals(hashes.get(0), hashes.get(2));
  }

  @Test
  void aHashedColumnThatTheVersionDoesNotReadStopsTheLog() {
    QueryLogWriter log = writer(new LogColumns(null, List.of("Age"), "s".repeat(24)));
    log.add(request("a", row, TestContext.NOW));
    log.start().close();
    assertEquals(1, metrics.lost(Drop.UNKNOWN_COLUMN));
    assertEquals(List.of(), blocks(TestContext.NOW), "a misspelt name must not leave values");
  }

  @Test
  void hashesNeedASecretBecauseSmallDomainsCanBeTried() {
    for (String secret : new String[] {null, "short"}) {
      InvalidInputException refused =
          assertThrows(
              InvalidInputException.class, () -> new LogColumns(null, List.of("age"), secret));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("RETUNE_QUERY_LOG_SECRET"),
          refused.getMessage());
    }
    InvalidInputException leftOut =
        assertThrows(
            InvalidInputException.class,
            () -> new LogColumns(List.of("sex"), List.of("age"), "x".repeat(24)));
    assertTrue(String.valueOf(leftOut.getMessage()).contains("'age'"), String.valueOf(leftOut));
  }

  private static List<Object> values(Map<String, List<Object>> columns, String name) {
    return Objects.requireNonNull(columns.get(name), name);
  }

  private QueryLogWriter writer(LogColumns columns) {
    return new QueryLogWriter(
        new QueryLogWriter.Options(columns, 30),
        store.context(),
        served,
        metrics,
        new QueryLogWriter.Limits(Long.MAX_VALUE, PLENTY));
  }

  private QueryLogWriter writer(StepContext context, long bytes, Duration lastWrites) {
    return new QueryLogWriter(
        new QueryLogWriter.Options(ALL, 30),
        context,
        served,
        metrics,
        new QueryLogWriter.Limits(bytes, lastWrites));
  }

  private static String model() {
    return loaded.version().modelName();
  }

  private static AnsweredRequest request(String id, Table rows, Instant receivedAt) {
    return new AnsweredRequest(
        id, receivedAt, loaded.version(), rows, loaded.answer(rows).predictions(), 120, null);
  }

  private static QueryBlock.Row row(String id) {
    return new QueryBlock.Row(id, 0, TestContext.NOW, "v", "yes", 0.75, null, 120, null);
  }

  private static List<QueryBlock> blocks(Instant date) {
    QueryLogs log = store.documents().queryLogs();
    return log.ids(model(), LocalDate.ofInstant(date, ZoneOffset.UTC)).stream()
        .map(id -> log.find(id).orElseThrow())
        .toList();
  }

  private static List<String> keys(List<QueryBlock> blocks) {
    return blocks.stream()
        .flatMap(block -> block.rows().stream())
        .map(QueryBlock.Row::key)
        .toList();
  }
}
