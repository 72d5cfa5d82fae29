package retune.steps.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.PreprocessingFitter;
import retune.devstore.EmbeddedStore;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.testing.TestContext;

class ProcessDataTest {
  private static final String MODEL = "credit-default";
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final String BATCH = MODEL + "/" + DATE;
  private static final int ROWS = 60;

  /** More than are read at a time. */
  private static final int MANY_ROWS = 1_200;

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  private final TestContext context = TestContext.of(store);

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void featuresAreThoseOfTheChampionsPreprocessing() {
    ModelVersion champion = install(training(0));
    writeRaw(raw(MANY_ROWS, row -> "" + row % 2));
    ProcessData.Output output = process();
    Rows rows = store.processedBatches().readAll(batch());
    Features expected =
        champion.preprocessing().apply(raw(MANY_ROWS, row -> "" + row % 2)).features();
    assertArrayEquals(expected.codes(), rows.features().codes());
    assertArrayEquals(expected.numbers(), rows.features().numbers());
    assertArrayEquals(IntStream.range(0, MANY_ROWS).map(row -> row % 2).toArray(), rows.labels());
    assertEquals(champion.preprocessing().schema(), batch().schema());
    assertEquals(champion.preprocessing().hash(), batch().preprocessingHash());
    assertEquals(
        new ProcessData.Output(
            BATCH,
            MANY_ROWS,
            MANY_ROWS,
            MANY_ROWS,
            Map.of(),
            Map.of(),
            batch().contentHash(),
            true),
        output);
  }

  @Test
  void oddValuesAreCountedAndOddRowsLeftOut() {
    install(training(0));
    Table raw =
        table(
            texts("amount", 6, List.of("1", "many", "inf", "", "5", "6")::get),
            texts("kind", 6, List.of("a", "a", "a", "b", "new", "c")::get),
            texts("extra", 6, _ -> "x"),
            texts("default", 6, List.of("0", "0", "0", "1", "0", "maybe")::get));
    writeRaw(raw);
    ProcessData.Output output = process();
    assertEquals(6, output.rowsIn());
    assertEquals(3, output.rowsOut());
    assertEquals(
        Map.of("wrong_type.amount", 1, "infinite.amount", 1, "unknown_label.default", 1),
        output.rejected());
    assertEquals(1, output.outcomes().get("imputed.amount"));
    assertEquals(1, output.outcomes().get("unseen_category.kind"));
    assertEquals(output.rejected(), batch().rejected());
    assertEquals(output.outcomes(), batch().outcomes());
    assertArrayEquals(new int[] {0, 1, 0}, store.processedBatches().readAll(batch()).labels());
  }

  @Test
  void rowsWithoutALabelAreKept() {
    install(training(0));
    writeRaw(raw(row -> row < 45 ? null : "1"));
    assertEquals(15, process().labelled());
    writeRaw(raw(_ -> "1").without(Set.of("default")));
    ProcessData.Output output = process();
    assertEquals(ROWS, output.rowsOut());
    assertEquals(0, output.labelled());
  }

  @Test
  void equalRowsHaveEqualHashesWhateverTheirLabel() {
    install(training(0));
    writeRaw(
        table(
            numbers("amount", 3, row -> row == 2 ? 9 : 5),
            texts("kind", 3, _ -> "a"),
            texts("default", 3, row -> "" + row % 2)));
    process();
    long[] hashes = store.processedBatches().readAll(batch()).rowHashes();
    assertEquals(hashes[0], hashes[1]);
    assertNotEquals(hashes[0], hashes[2]);
  }

  @Test
  void aSecondRunChangesNothing() {
    install(training(0));
    writeRaw(raw(row -> "" + row % 2));
    ProcessData.Output first = process();
    ProcessData.Output second = process();
    assertTrue(first.changed());
    assertFalse(second.changed());
    assertEquals(first.contentHash(), second.contentHash());
    assertEquals(first.rowsOut(), second.rowsOut());
  }

  @Test
  void otherRawRowsReplaceTheBatch() {
    install(training(0));
    writeRaw(raw(row -> "" + row % 2));
    String before = process().contentHash();
    writeRaw(raw(_ -> "1"));
    ProcessData.Output output = process();
    assertTrue(output.changed());
    assertNotEquals(before, output.contentHash());
    assertEquals(output.contentHash(), batch().contentHash());
    assertArrayEquals(
        IntStream.generate(() -> 1).limit(ROWS).toArray(),
        store.processedBatches().readAll(batch()).labels());
  }

  @Test
  void anotherChampionGivesOtherFeatures() {
    Champions champions = new Champions(store);
    ModelVersion first = install(training(0));
    writeRaw(raw(row -> "" + row % 2));
    String before = process().contentHash();
    ModelVersion second = register(training(50));
    assertTrue(
        champions.promote(champions.find(MODEL).orElseThrow(), second.modelId(), second.modelId()));
    assertNotEquals(before, process().contentHash());
    assertNotEquals(first.preprocessing().hash(), batch().preprocessingHash());
  }

  @Test
  void rowDocumentsAreForPeopleAndLeftOutOfLargeBatches() {
    install(training(0));
    writeRaw(raw(row -> "" + row % 2));
    assertTrue(process(ROWS - 1).changed());
    assertEquals(0, store.collection("processed_data").countDocuments());
    assertTrue(process(ROWS).changed());
    assertEquals(ROWS, store.collection("processed_data").countDocuments());
  }

  @Test
  void anAbsentRawBatchIsRefused() {
    install(training(0));
    assertRefused(
        "There is no raw batch of 'credit-default' for 2026-11-05; run generate_data, ingest or"
            + " collect_queries for that day first.");
  }

  @Test
  void anAbsentChampionIsRefused() {
    writeRaw(raw(row -> "" + row % 2));
    assertRefused(
        "There is no champion of 'credit-default'; register one with register_model --champion.");
  }

  @Test
  void aBatchThatLacksAColumnIsRefused() {
    install(training(0));
    writeRaw(raw(row -> "" + row % 2).without(Set.of("kind")));
    assertRefused(
        "The data lacks [kind], which the model reads; its columns are [amount]. Send the missing"
            + " columns, or use a model trained without them.");
  }

  @Test
  void aBatchOfWhichNothingIsLeftIsRefused() {
    install(training(0));
    writeRaw(
        table(
            texts("amount", 2, _ -> "many"),
            texts("kind", 2, _ -> "a"),
            texts("default", 2, _ -> "1")));
    assertRefused(
        "All 2 rows of the raw batch 'credit-default/2026-11-05' are rejected"
            + " {wrong_type.amount=2}; correct the rows, or register a version that reads them.");
  }

  private void assertRefused(String message) {
    assertEquals(message, assertThrows(InvalidInputException.class, this::process).getMessage());
    assertTrue(store.processedBatches().find(BATCH).isEmpty());
    assertEquals(0, store.collection("processed_columns").countDocuments());
  }

  private ProcessData.Output process() {
    return process(0);
  }

  private ProcessData.Output process(int rowDocumentsUpTo) {
    return new ProcessData().run(new ProcessData.Input(MODEL, DATE, rowDocumentsUpTo), context);
  }

  private ProcessedBatch batch() {
    return store.processedBatches().find(BATCH).orElseThrow();
  }

  private void writeRaw(Table raw) {
    List<Table> chunks =
        IntStream.iterate(0, start -> start < raw.rows(), start -> start + 1_000)
            .mapToObj(
                start ->
                    raw.select(
                        IntStream.range(start, Math.min(start + 1_000, raw.rows())).toArray()))
            .toList();
    store.rawBatches().write(MODEL, DATE, "generated", "run", chunks.iterator());
  }

  private ModelVersion install(Table training) {
    ModelVersion version = register(training);
    assertTrue(new Champions(store).install(MODEL, version.modelId()));
    return version;
  }

  private ModelVersion register(Table training) {
    Preprocessing preprocessing =
        PreprocessingFitter.fit(training, FitOptions.excluding("default"));
    Architecture architecture = new Architecture.Mlp(1, List.of(2), 2, 0);
    TreeMap<String, Tensor> tensors = new TreeMap<>();
    WeightShapes.of(architecture, preprocessing.schema(), 2)
        .forEach(
            (name, shape) -> {
              int size = IntStream.of(shape).reduce(1, (a, b) -> a * b);
              tensors.put(name, new Tensor(shape, new float[size]));
            });
    Weights weights = new Weights(tensors);
    ModelVersion version =
        ModelVersion.of(
            MODEL,
            Instant.parse("2026-01-09T10:15:00Z"),
            new ModelVersion.Design(
                architecture, preprocessing, new Target("default", List.of("0", "1"), "1")),
            new ModelVersion.Lineage(null, "full", 1, 3e-4, "0123", Map.of(), List.of()),
            weights);
    new ModelStore(store).register(version, weights, VersionStatus.APPROVED);
    return version;
  }

  private static Table training(int shift) {
    return table(
        numbers("amount", 100, row -> row % 50 + shift),
        texts("kind", 100, row -> List.of("a", "b", "c").get(row % 3)),
        texts("default", 100, row -> "" + row % 2));
  }

  private static Table raw(IntFunction<@Nullable String> label) {
    return raw(ROWS, label);
  }

  private static Table raw(int rows, IntFunction<@Nullable String> label) {
    return table(
        numbers("amount", rows, row -> row % 97),
        texts("kind", rows, row -> List.of("a", "b", "c").get(row % 3)),
        texts("default", rows, label));
  }

  private static Table table(Column... columns) {
    return new Table(List.of(columns));
  }

  private static Column numbers(String name, int rows, IntToDoubleFunction value) {
    return new Column.Numbers(name, IntStream.range(0, rows).mapToDouble(value).toArray());
  }

  private static Column texts(String name, int rows, IntFunction<@Nullable String> value) {
    return new Column.Texts(name, IntStream.range(0, rows).mapToObj(value).toArray(String[]::new));
  }
}
