package retune.steps.drift;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Hashing;
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
import retune.model.batch.Batch;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.data.ProcessData;
import retune.testing.TestContext;

/** Days whose source has damaged a column, from the raw rows to what the comparison says. */
class DamagedColumnTest {
  private static final String MODEL = "credit-default";
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final int ROWS = 400;
  private static final Target TARGET = new Target("default", List.of("0", "1"), "1");

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK);
  private final TestContext context = TestContext.of(store);
  private String champion = "";

  /** A version that was trained on rows like the reference's. */
  @BeforeEach
  void install() {
    Table reference = day(1, UnaryOperator.identity());
    Preprocessing preprocessing =
        PreprocessingFitter.fit(reference, FitOptions.excluding(TARGET.column()));
    Architecture architecture = new Architecture.Mlp(1, List.of(2), 2, 0);
    TreeMap<String, Tensor> tensors = new TreeMap<>();
    WeightShapes.of(architecture, preprocessing.schema(), 2)
        .forEach(
            (name, shape) ->
                tensors.put(
                    name,
                    new Tensor(shape, new float[IntStream.of(shape).reduce(1, (a, b) -> a * b)])));
    Weights weights = new Weights(tensors);
    ModelVersion version =
        ModelVersion.of(
            MODEL,
            Instant.parse("2026-01-09T10:15:00Z"),
            new ModelVersion.Design(architecture, preprocessing, TARGET),
            new ModelVersion.Lineage(null, "full", 1, 3e-4, "0123", Map.of(), List.of()),
            weights);
    new ModelStore(store).register(version, weights, VersionStatus.APPROVED);
    new Champions(store).install(MODEL, version.modelId());
    champion = version.modelId();
    writeReference(preprocessing, reference);
  }

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aColumnThatBecameConstantIsNamed() throws IOException {
    DetectDrift.Output found = detect(_ -> numbers("amount", _ -> 90));
    assertEquals(List.of("amount"), List.copyOf(found.features().keySet()));
    assertTrue(
        found.findings().getFirst().startsWith("amount: mean 90 instead of 50"), found.reason());
    assertTrue(found.overallDriftDetected());
    assertEquals("not_tellable", found.shift(), found.shiftReason());
  }

  @Test
  void aColumnOfMissingValuesIsNamedWithTheirShare() throws IOException {
    DetectDrift.Output found = detect(_ -> numbers("amount", _ -> Double.NaN));
    assertEquals(List.of("amount"), List.copyOf(found.features().keySet()));
    assertTrue(
        found.findings().contains("amount, missing: 100.00 % of rows instead of 0.00 %."),
        found.findings().toString());
    assertTrue(found.overallDriftDetected());
    assertEquals("covariate_shift", found.shift(), found.shiftReason());
  }

  @Test
  void rowsWithTextWhereNumbersWereAreLeftOutAndTheColumnIsNamed() throws IOException {
    DetectDrift.Output found =
        detect(
            column -> texts("amount", row -> row % 4 == 0 ? "EUR " + row : "" + column.text(row)));
    assertEquals(300, found.currentSamples());
    assertEquals(
        List.of("rejected rows: 25.00 % of rows instead of 0.00 %; wrong_type.amount: 100."),
        found.findings());
    assertEquals(Map.of(), found.features());
    assertEquals("none", found.shift());
  }

  private DetectDrift.Output detect(UnaryOperator<Column> damage) throws IOException {
    Iterator<Table> rows = List.of(day(2, damage)).iterator();
    store.rawBatches().write(MODEL, DATE, "generated", "run", rows);
    new ProcessData().run(new ProcessData.Input(MODEL, DATE, 0), context);
    return new DetectDrift()
        .run(new DetectDrift.Input(champion, MODEL + "/" + DATE, 0.01, null, null), context);
  }

  /**
   * A day's rows.
   *
   * @param damage what becomes of the amounts, which are from 0 to 100
   */
  private static Table day(long seed, UnaryOperator<Column> damage) {
    Random random = new Random(seed);
    Column amounts = numbers("amount", _ -> 100 * random.nextDouble());
    Column days = numbers("days", _ -> random.nextGaussian());
    Column labels = texts("default", _ -> "" + random.nextInt(2));
    return new Table(List.of(damage.apply(amounts), days, labels));
  }

  private static Column numbers(String name, IntToDoubleFunction value) {
    return new Column.Numbers(name, IntStream.range(0, ROWS).mapToDouble(value).toArray());
  }

  private static Column texts(String name, IntFunction<@Nullable String> value) {
    return new Column.Texts(name, IntStream.range(0, ROWS).mapToObj(value).toArray(String[]::new));
  }

  private void writeReference(Preprocessing preprocessing, Table raw) {
    Rows rows =
        new Rows(
            preprocessing.apply(raw.without(Set.of(TARGET.column()))).features(),
            TARGET.encode(raw.column(TARGET.column())),
            Hashing.rows(raw, preprocessing.rawColumns()));
    store
        .processedBatches()
        .write(
            new ProcessedBatch(
                Batch.referenceId(MODEL),
                MODEL,
                DATE,
                "reference",
                "run",
                Hashing.sha256("reference"),
                "raw reference",
                preprocessing.hash(),
                preprocessing.schema(),
                ROWS,
                ROWS,
                ROWS,
                Map.of(),
                Map.of()),
            List.of(rows).iterator(),
            false);
  }
}
