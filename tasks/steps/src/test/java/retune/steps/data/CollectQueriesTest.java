package retune.steps.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertNotReady;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.runtime.store.ProcessedBatches;
import retune.steps.Deployment;
import retune.testing.LoggedQueries;

class CollectQueriesTest {
  /** The day before that of the tests' clock. */
  private static final LocalDate DAY = LocalDate.parse("2026-11-04");

  private static final String BATCH = Deployment.MODEL + "/" + DAY;
  private static final int NONE = Target.UNLABELLED;

  @TempDir Path folder;
  private Deployment deployment;
  private String champion = "";

  @BeforeEach
  void start() throws IOException {
    deployment = new Deployment(Files.createDirectory(folder.resolve("deployed")));
    champion = deployment.installChampion(1);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void aDaysQueriesBecomeItsRawBatchAndLabelsFindThemByKey() throws IOException {
    queries()
        .row("a", 0, champion, "1", 0.9, values(1, 2.5))
        .row("a", 1, champion, "0", 0.6, values(-3, 0))
        .write(deployment.store, "first");
    queries().row("b", champion, "1", 0.7, values(0, 4)).write(deployment.store, "second");
    CollectQueries.Output output = collect();
    assertEquals(
        List.of(BATCH, "queries", 3, 3, 0, 0, 0, 0, true),
        List.of(
            output.dataPath(),
            output.datasetName(),
            output.queries(),
            output.rows(),
            output.ownLabels(),
            output.duplicates(),
            output.malformed(),
            output.unknownVersions(),
            output.changed()));
    assertEquals("3 of 3 logged queries of 2026-11-04 were collected.", output.message());
    assertEquals(List.of("n0", "n1", "query_id"), raw().names());
    assertEquals(List.of("a/0", "a/1", "b/0"), texts("query_id"));
    assertEquals(List.of("2.5", "0", "4"), texts("n1"));

    assertArrayEquals(new int[] {NONE, NONE, NONE}, process().labels());
    IngestLabels.Output labels = labels("query_id,default\na/1,1\nb/0,0\nc/0,1\n");
    assertEquals(List.of(2, 1), List.of(labels.newLabels(), labels.unknownKeys()));
    ProcessedBatches.Rows rows = process();
    assertArrayEquals(new int[] {NONE, 1, 0}, rows.labels());
    assertEquals(List.of("n0", "n1"), rows.features().schema().names());
  }

  @Test
  void collectingAgainChangesNothingAndLaterQueriesNeverDouble() throws IOException {
    queries().row("a", champion, "1", 0.9, values(1, 2)).write(deployment.store, "first");
    collect();
    labels("query_id,default\na/0,1\n");
    assertFalse(collect().changed());
    queries().row("b", champion, "1", 0.9, values(3, 4)).write(deployment.store, "second");
    CollectQueries.Output again = collect();
    assertEquals(List.of(true, 2), List.of(again.changed(), again.rows()));
    assertEquals(List.of("a/0", "b/0"), texts("query_id"));
    assertEquals(2, deployment.store.collection("raw_data").countDocuments());
    assertArrayEquals(new int[] {1, NONE}, process().labels());
  }

  @Test
  void aDayThatIsNotOverAndOneWithoutQueriesAreNotReady() {
    LocalDate today = DAY.plusDays(1);
    new LoggedQueries(Deployment.MODEL, today)
        .row("a", champion, "1", 0.9, values(1, 2))
        .write(deployment.store, "today");
    new LoggedQueries("another", DAY)
        .row("a", champion, "1", 0.9, values(1, 2))
        .write(deployment.store, "another");
    assertNotReady(
        "2026-11-05 is not over (UTC); collect its queries from 2026-11-06 on.",
        () -> collect(today, "query_id", null));
    assertNotReady(
        "The query log has no query of 'credit-default' on 2026-11-04.", () -> collect());
    assertEquals(0, deployment.store.collection("raw_batches").countDocuments());
  }

  @Test
  void whatIsDoubledMalformedOrOfAnUnknownVersionIsCountedAndNamed() throws IOException {
    queries()
        .row("a", champion, "1", 0.9, values(1, 2))
        .row("a", champion, "1", 0.9, values(5, 6))
        .row("b", champion, "1", 0.9, values(1, 2))
        .row("c", champion, "1", 0.9, values(1, Double.POSITIVE_INFINITY))
        .row("", champion, "1", 0.9, values(1, 2))
        .row("d", "gone-0123", "1", 0.9, values(7, 8))
        .write(deployment.store, "first");
    queries().row("e", champion, "1", 0.9, values(1, 2)).write(deployment.store, "second");
    damage("first", "columns.n1.2");
    damage("second", "predicted");
    CollectQueries.Output output = collect(DAY, "query_id", 0.5);
    assertEquals(
        List.of(7, 2, 1, 4, 1, 1),
        List.of(
            output.queries(),
            output.rows(),
            output.duplicates(),
            output.malformed(),
            output.unknownVersions(),
            output.ownLabels()));
    assertEquals(
        Map.of(
            "duplicates", List.of("a/0"),
            "malformed",
                List.of(
                    "b/0",
                    "c/0",
                    "row 4 of block " + BATCH + "/first",
                    "block " + BATCH + "/second"),
            "unknown_versions", List.of("gone-0123")),
        output.examples());
    assertTrue(
        output.message().endsWith(" Answered by unknown versions: 1, such as gone-0123."),
        output.message());
    assertEquals(List.of("a/0", "d/0"), texts("query_id"));
    assertEquals(List.of("1", "7"), texts("n0"));
    assertEquals(Arrays.asList("1", null), texts("default"));
  }

  /** Sets a field of a block to a list, which it cannot be. */
  private void damage(String token, String field) {
    deployment
        .store
        .collection("query_logs")
        .updateOne(
            new Document("_id", BATCH + "/" + token),
            new Document("$set", new Document(field, List.of())));
  }

  @Test
  void aDayOfMalformedRowsAloneIsRefused() {
    queries().row("", champion, "1", 0.9, values(1, 2)).write(deployment.store, "first");
    assertRefused(
        "None of the 1 logged queries of 'credit-default' on 2026-11-04 can be taken. Left out as"
            + " malformed: 1, such as row 0 of block credit-default/2026-11-04/first. Let another"
            + " source give the day's rows.",
        () -> collect());
  }

  @Test
  void columnsThatTheLogLeavesOutAreNamed() {
    queries().row("a", champion, "1", 0.9, Map.of("n1", 1)).write(deployment.store, "first");
    assertRefused(
        "The query log of 'credit-default' on 2026-11-04 lacks [n0], which '"
            + champion
            + "' reads (block credit-default/2026-11-04/first). Log every column that the model"
            + " reads (--query-log-columns of the service),",
        () -> collect());
  }

  @Test
  void rowsOfAVersionThatReadsOtherColumnsAreLeftOutAndNamed() throws IOException {
    String narrow = registerNarrow();
    queries().row("a", narrow, "1", 0.9, Map.of("n1", 1)).write(deployment.store, "first");
    assertRefused(
        "can be taken. Left out because the version that answered reads other columns: 1, such as "
            + narrow,
        () -> collect());
    queries().row("b", champion, "1", 0.9, values(1, 2)).write(deployment.store, "second");
    CollectQueries.Output output = collect();
    assertEquals(List.of(2, 1, 1), List.of(output.queries(), output.rows(), output.otherColumns()));
    assertEquals(Map.of("other_columns", List.of(narrow)), output.examples());
    queries().row("c", "gone-0123", "1", 0.9, Map.of("n1", 1)).write(deployment.store, "third");
    assertRefused("lacks [n0], which '" + champion + "' reads", () -> collect());
  }

  /** An earlier version that reads one of the columns. */
  private String registerNarrow() {
    Architecture architecture = new Architecture.Mlp(1, List.of(4), 3, 0);
    Preprocessing preprocessing = Preprocessing.given(List.of(), List.of(NumericColumn.asIs("n1")));
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    WeightShapes.of(architecture, preprocessing.schema(), 2)
        .forEach(
            (name, shape) ->
                tensors.put(
                    name,
                    new Tensor(shape, new float[IntStream.of(shape).reduce(1, (a, b) -> a * b)])));
    Weights weights = new Weights(tensors);
    ModelVersion version =
        ModelVersion.of(
            Deployment.MODEL,
            Instant.EPOCH,
            new ModelVersion.Design(
                architecture, preprocessing, new Target("default", List.of("0", "1"), "1")),
            new ModelVersion.Lineage(null, "head", 5, 1e-4, "data", Map.of(), List.of()),
            weights);
    deployment.models.register(version, weights, VersionStatus.APPROVED);
    return version.modelId();
  }

  @Test
  void columnsThatTheLogHashesAreNamed() {
    queries()
        .row("a", champion, "1", 0.9, values("0f3a", 1))
        .write(deployment.store, "first", Set.of("n0"));
    assertRefused(
        "The query log of 'credit-default' on 2026-11-04 has hashes in [n0], which '"
            + champion
            + "' reads (block credit-default/2026-11-04/first), and a model cannot learn from"
            + " hashes. Take the columns out of --query-log-hash of the service,",
        () -> collect());
  }

  @Test
  void aColumnWithATextIsTextAndAMissingValueStaysMissing() throws IOException {
    queries()
        .row("a", champion, "1", 0.9, Map.of("n0", 7, "n1", "2.5", "extra", "x"))
        .row("b", champion, "1", 0.9, Map.of("n0", 1.5, "n1", 2.0))
        .row("c", champion, "1", 0.9, Map.of("n1", 3))
        .write(deployment.store, "first");
    collect();
    assertTrue(raw().column("n0") instanceof Column.Numbers);
    assertEquals(List.of("2.5", "2", "3"), texts("n1"));
    assertEquals(Arrays.asList("7", "1.5", null), texts("n0"));
    assertEquals(List.of("n0", "n1", "query_id"), raw().names());
  }

  @Test
  void ownAnswersTrainWhereTheyAreAllowedAndNeverJudge() throws IOException {
    queries()
        .row("a", champion, "1", 0.8, values(1, 2))
        .row("b", champion, "0", 0.79, values(3, 4))
        .row("c", champion, "0", 0.95, values(5, 6))
        .row("d", champion, "other", 0.95, values(7, 8))
        .row("e", "gone-0123", "1", 0.95, values(9, 9))
        .write(deployment.store, "first");
    String onTrial = deployment.register(Deployment.model(2, null), VersionStatus.CHALLENGER);
    queries()
        .row("f", onTrial, "1", 0.95, values(9, 9))
        .byChallenger()
        .write(deployment.store, "second");
    CollectQueries.Output output = collect(DAY, "query_id", 0.8);
    assertEquals(2, output.ownLabels());
    assertTrue(
        output.message().contains("2 with the model's own answer as a label for training."),
        output.message());
    labels("query_id,default\nc/0,1\n");
    ProcessedBatches.Rows rows = process();
    assertArrayEquals(new int[] {NONE, NONE, 1, NONE, NONE, NONE}, rows.labels());
    assertArrayEquals(new int[] {1, NONE, 1, NONE, NONE, NONE}, rows.trainingLabels());
    assertEquals(0.8f, Objects.requireNonNull(rows.modelLabels()).confidences()[0]);
    assertEquals(Arrays.asList(champion, null, champion, null, null, null), texts("label_source"));

    collect();
    assertArrayEquals(new int[] {NONE, NONE, 1, NONE, NONE, NONE}, process().trainingLabels());
  }

  @Test
  void aKeyThatTheModelReadsIsRefused() {
    queries().row("a", champion, "1", 0.9, values(1, 2)).write(deployment.store, "first");
    assertRefused(
        "Column 'n0' names the rows and is a feature of '" + champion + "'; choose another column",
        () -> collect(DAY, "n0", null));
    collect(DAY, "asked", null);
    assertEquals(List.of("n0", "n1", "asked"), raw().names());
  }

  private static LoggedQueries queries() {
    return new LoggedQueries(Deployment.MODEL, DAY);
  }

  private static Map<String, Object> values(Object n0, Object n1) {
    return Map.of("n0", n0, "n1", n1);
  }

  private CollectQueries.Output collect() {
    return collect(DAY, "query_id", null);
  }

  private CollectQueries.Output collect(LocalDate date, String key, @Nullable Double ownLabels) {
    return new CollectQueries()
        .run(
            new CollectQueries.Input(Deployment.MODEL, date, key, ownLabels, 100),
            deployment.context());
  }

  private IngestLabels.Output labels(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("labels.csv"), content);
    return new IngestLabels()
        .run(
            new IngestLabels.Input(Deployment.MODEL, file.toString(), null, null, null),
            deployment.context());
  }

  private ProcessedBatches.Rows process() {
    new ProcessData().run(new ProcessData.Input(Deployment.MODEL, DAY, 0), deployment.context());
    ProcessedBatches batches = deployment.store.processedBatches();
    return batches.readAll(batches.find(BATCH).orElseThrow());
  }

  private Table raw() {
    List<Table> tables = new ArrayList<>();
    deployment
        .store
        .rawBatches()
        .read(deployment.store.rawBatches().find(BATCH).orElseThrow())
        .forEachRemaining(tables::add);
    return Table.joined(tables);
  }

  private List<@Nullable String> texts(String column) {
    Column values = raw().column(column);
    List<@Nullable String> texts = new ArrayList<>();
    for (int row = 0; row < values.rows(); row++) {
      texts.add(values.text(row));
    }
    return texts;
  }
}
