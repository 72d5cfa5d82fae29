package retune.steps.comparison;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.data.Column;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.devstore.EmbeddedStore;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.Json;
import retune.runtime.store.DocumentStore;
import retune.steps.data.ProcessData;
import retune.steps.data.ReferenceBatch;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;

/**
 * Two models on a table of 200 rows, each half of one class: one answers by the sign of column a,
 * the other by that of column b. Column a is right in 80 of 100 rows of a class, b in 90, and where
 * b is wrong a is wrong too. Each is 88 % sure, so that all metrics can be worked out by hand.
 */
class CompareModelsTest {
  private static final String MODEL = "compared";
  private static final Target TARGET = new Target("y", List.of("no", "yes"), "yes");
  private static final String HEADER = "a,b,region,y";

  private static EmbeddedStore server;
  private static TestContext context;
  private static ModelVersion byA;
  private static ModelVersion byB;

  @TempDir private Path folder;

  @BeforeAll
  static void openStore() {
    server = EmbeddedStore.inMemory();
    context =
        TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK));
    byA = register(content("a", TARGET, "0"));
    byB = register(content("b", TARGET, "0"));
    new Champions(context.store()).install(MODEL, byA.modelId());
  }

  @AfterAll
  static void closeStore() {
    context.store().close();
    server.close();
  }

  @Test
  void theTextIsThePublishedOne() throws IOException {
    assertEquals(
        """
        ================================================================================
        MODEL COMPARISON RESULTS
        ================================================================================

        Primary Metric: F1
        Baseline: 0.8000
        New:      0.9000
        Improvement: 0.1000 (12.50%)

        All Metrics:
          accuracy    : 0.8000 → 0.9000 (+12.50%)
          precision   : 0.8000 → 0.9000 (+12.50%)
          recall      : 0.8000 → 0.9000 (+12.50%)
          f1          : 0.8000 → 0.9000 (+12.50%)
          f1_macro    : 0.8000 → 0.9000 (+12.50%)
          f1_weighted : 0.8000 → 0.9000 (+12.50%)
          auc         : 0.8000 → 0.9000 (+12.50%)
          log_loss    : 0.5269 → 0.3269 (+37.96%)

        Decision Factors:
          Meets threshold:          True
          Statistically significant: True
          95 % interval of the improvement: 0.0628 to 0.1538, on 200 rows

        ================================================================================
        PROMOTION DECISION: PROMOTE
        Reason: The new model raises f1_score by 0.1000, from 0.8000 to 0.9000 (95 % interval 0.0628 to 0.1538), and the difference is significant (p < 0.001).
        ================================================================================
        """,
        compare(question().metric(Metric.F1_SCORE)).text());
  }

  @Test
  void theReportHasThePublishedFieldsAndWhatTheyRestOn() throws IOException {
    Path file = folder.resolve("report.json");
    CompareModels.Output output = compare(question().output(file));
    assertTrue(output.yes());
    JsonNode report = Json.MAPPER.readTree(Files.readString(file));
    assertEquals(0.8, report.at("/baseline_metrics/auc").doubleValue(), 1e-9);
    assertEquals(0.9, report.at("/new_metrics/f1").doubleValue(), 1e-9);
    assertEquals(0.9, report.at("/improvements/accuracy/new").doubleValue(), 1e-9);
    assertEquals(0.2, report.at("/improvements/log_loss/absolute_improvement").doubleValue(), 1e-6);
    assertEquals(12.5, report.at("/improvements/f1/percent_improvement").doubleValue(), 1e-9);
    assertEquals("f1_macro", report.at("/primary_metric").stringValue());
    assertEquals(0.1, report.at("/primary_improvement").doubleValue(), 1e-9);
    assertEquals(0, report.at("/improvement_threshold").doubleValue());
    assertTrue(report.at("/meets_threshold").booleanValue());
    assertTrue(report.at("/statistically_significant").booleanValue());
    assertTrue(report.at("/should_promote").booleanValue());
    assertEquals(output.promotionReason(), report.at("/promotion_reason").stringValue());
    assertEquals(20, report.at("/answers/gained").intValue());
    assertEquals(0, report.at("/answers/lost").intValue());
    assertEquals(2 * Math.pow(0.5, 20), report.at("/answers/p_value").doubleValue(), 1e-12);
    assertEquals("[[80,20],[20,80]]", report.at("/confusion_matrix/baseline").toString());
    assertEquals("[[90,10],[10,90]]", report.at("/confusion_matrix/new").toString());
    assertEquals(byA.modelId(), report.at("/baseline_id").stringValue());
    assertEquals(byB.modelId(), report.at("/new_id").stringValue());
    assertEquals("answered_classes", report.at("/checks/2/name").stringValue());
    // Where the region is south, both are wrong in 20 of 40 rows.
    assertEquals("region", report.at("/slices/0/column").stringValue());
    assertEquals("south", report.at("/slices/0/values").stringValue());
    assertEquals(0, report.at("/slices/0/improvement").doubleValue());
  }

  @Test
  void thePageIsWhole() throws IOException {
    Path file = folder.resolve("report.html");
    compare(question().html(file));
    String page = Files.readString(file);
    assertTrue(page.contains("The new model raises f1_macro by 0.1000"), page);
    assertTrue(page.contains("<td>answered classes</td>"), page);
    assertTrue(page.contains("<td>baseline not calibrated, new model not calibrated</td>"), page);
    assertTrue(page.contains("aria-label=\"ROC curve\""), page);
    assertTrue(page.contains("aria-label=\"Precision and recall\""), page);
    assertTrue(page.contains("aria-label=\"Calibration\""), page);
    assertTrue(page.contains("aria-label=\"Improvement of f1_macro in 2,000 resamples\""), page);
    assertTrue(page.contains("gets 20 rows right that the baseline gets wrong"), page);
    assertFalse(page.contains("NaN"), page);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0.1  |                                    | promote | and the difference is significant (p < 0.001).
          0.11 |                                    | keep    | less than the 0.11 that is asked.
          0.5  | superior(0.02)                     | promote | and meets the policy 'superior(0.02)'.
          0    | superior(0.12)                     | keep    | but its f1_macro is 0.1000 above the baseline's; 0.12 more is asked.
          0    | non_inferior(0.01) and flips(0.05) | promote | and meets the policy
          """)
  void thresholdAndTestDecideOrElseThePolicy(
      double threshold, @Nullable String policy, String decision, String reason)
      throws IOException {
    CompareModels.Output output = compare(question().threshold(threshold).policy(policy));
    assertEquals(decision, output.decision(), output.promotionReason());
    assertTrue(output.promotionReason().contains(reason), output.promotionReason());
  }

  @Test
  void aWorseModelIsKeptOut() throws IOException {
    CompareModels.Output output = compare(question().sides(byB.modelId(), byA.modelId()));
    assertEquals("keep", output.decision());
    assertFalse(output.yes());
    assertFalse(output.meetsThreshold());
    assertTrue(output.statisticallySignificant());
    assertTrue(
        output.promotionReason().startsWith("The new model lowers f1_macro by 0.1000"),
        output.promotionReason());
    assertTrue(output.text().contains("Improvement: -0.1000 (-11.11%)"), output.text());
    assertTrue(output.text().contains("PROMOTION DECISION: KEEP"), output.text());
  }

  @Test
  void aConstantModelIsRefusedWhateverThePolicyAllows() throws IOException {
    Path model = folder.resolve("constant");
    ModelFolder.write(model, content("none", TARGET, "0"));
    CompareModels.Output output =
        compare(question().sides(MODEL, model.toString()).policy("flips(1)"));
    assertEquals("keep", output.decision());
    assertTrue(
        output.promotionReason().contains("answers every row alike"), output.promotionReason());
  }

  @Test
  void tenRowsDecideNothing() throws IOException {
    List<String> rows = rows();
    List<String> ten =
        IntStream.range(0, 10).mapToObj(i -> rows.get(i * 20 + (i % 5 == 0 ? 15 : 0))).toList();
    CompareModels.Output output = compare(question().data(csv(HEADER, ten)));
    assertEquals("undecided", output.decision(), output.promotionReason());
    assertFalse(output.yes());
    assertTrue(
        output.promotionReason().contains("of the 50 rows that a test needs"),
        output.promotionReason());
    assertTrue(output.promotionReason().contains("more rows would decide"));
    assertFalse(output.statisticallySignificant());
  }

  @Test
  void modelsThatAnswerAlikeLeaveTheBaseline() throws IOException {
    Path other = folder.resolve("other");
    ModelFolder.write(other, content("a", TARGET, "elsewhere"));
    CompareModels.Output output = compare(question().sides(MODEL, other.toString()));
    assertEquals("keep", output.decision());
    assertEquals(
        "The new model has the baseline's f1_macro of 0.8000 but shows no improvement.",
        output.promotionReason());
  }

  @Test
  void theSameSeedGivesTheSameReport() throws IOException {
    assertEquals(compare(question()), compare(question()));
  }

  @Test
  void classesInAnotherOrderAreTheSameClasses() throws IOException {
    Path other = folder.resolve("other");
    ModelFolder.write(other, content("b", new Target("y", List.of("yes", "no"), "yes"), "0"));
    assertEquals(
        0.1, compare(question().sides(MODEL, other.toString())).primaryImprovement(), 1e-9);
  }

  @Test
  void aModelOfOtherColumnsIsComparedOnTheSameRows() throws IOException {
    Path other = folder.resolve("other");
    ModelFolder.write(other, content(List.of("b"), "b", TARGET, "0"));
    CompareModels.Output output = compare(question().sides(MODEL, other.toString()));
    assertEquals(200, output.rows(), output.rowsLeftOut().toString());
    assertEquals(0.1, output.primaryImprovement(), 1e-9);
  }

  @Test
  void rowsWithoutALabelOrWithAnotherOneAreLeftOutAndCounted() throws IOException {
    List<String> rows = new ArrayList<>(rows());
    rows.add("1,1,north,");
    rows.add("1,1,north,perhaps");
    rows.add("x,1,north,no");
    CompareModels.Output output = compare(question().data(csv(HEADER, rows)));
    assertEquals(200, output.rows());
    assertEquals(
        Map.of(
            "has no label",
            1,
            "has another label than [no, yes]",
            1,
            byA.modelId() + " cannot read it",
            1),
        output.rowsLeftOut());
  }

  @Test
  void rowsOfABatchThatTheNewModelWasTrainedOnAreLeftOut() throws IOException {
    LocalDate date = LocalDate.parse("2026-11-05");
    context.store().rawBatches().write(MODEL, date, "test", "run", List.of(table()).iterator());
    String batchId =
        new ProcessData().run(new ProcessData.Input(MODEL, date, 1_000), context).dataPath();
    Batch batch = Batch.load(context, batchId);
    ModelVersion trained = register(content("b", TARGET, batch.contentHash()));
    DataSplit.Plan plan = new DataSplit.Plan(0.5, 0.2, 1, false);
    DataSplit split = DataSplit.of(context, batch, plan, trained.preprocessing(), 0.5);
    split.keep(context, batch, plan);
    CompareModels.Output all = compare(question().data(batchId));
    assertEquals(200, all.rows());
    CompareModels.Output some = compare(question().sides(MODEL, trained.modelId()).data(batchId));
    assertEquals(split.verify(batch).holdout(), some.rows(), some.rowsLeftOut().toString());
    assertEquals(
        200 - some.rows(), some.rowsLeftOut().get(trained.modelId() + " was trained on it"));
  }

  @Test
  void onABatchTheReportTellsWhatIsLostOnOrdinaryRows() throws IOException {
    LocalDate date = LocalDate.parse("2026-11-06");
    context.store().rawBatches().write(MODEL, date, "test", "run", List.of(table()).iterator());
    String batchId =
        new ProcessData().run(new ProcessData.Input(MODEL, date, 1_000), context).dataPath();
    assertEquals(
        "compared has no reference rows",
        check(compared(batchId), "retention_reference", "sentence"));
    ReferenceBatch.put(context, byA, table());
    JsonNode report = compared(batchId);
    assertEquals("failed", check(report, "retention_reference", "answer"));
    assertEquals("false", check(report, "retention_reference", "decisive"));
    assertEquals(
        "on the 200 reference rows the candidate has 0.8000, 0.1000 below the baseline's 0.9000;"
            + " 0.05 may be lost",
        check(report, "retention_reference", "sentence"));
    assertTrue(
        check(report, "retention_days", "sentence").startsWith("No earlier day"),
        report.toString());
    assertEquals("promote", report.at("/decision").stringValue(), "told, not decided");
  }

  /** The report of a comparison in which the policy permits that the baseline is the better one. */
  private JsonNode compared(String batchId) throws IOException {
    Path file = folder.resolve("report.json");
    compare(
        question()
            .sides(byB.modelId(), byA.modelId())
            .data(batchId)
            .threshold(-1)
            .policy("flips(1)")
            .output(file));
    return Json.MAPPER.readTree(Files.readString(file));
  }

  private static String check(JsonNode report, String name, String field) {
    return report
        .at("/checks")
        .valueStream()
        .filter(check -> check.at("/name").stringValue().equals(name))
        .map(check -> check.at("/" + field).asString())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void badInputIsRefusedInASentence() throws IOException {
    String data = csv(HEADER, rows());
    assertRefused("are the same version", () -> compare(question().sides(MODEL, byA.modelId())));
    assertRefused(
        "'nobody' is neither a registered version nor a model with a champion nor a file",
        () -> compare(question().sides(MODEL, "nobody")));
    assertRefused(
        "There is neither a file nor a batch 'compared/2020-01-01'",
        () -> compare(question().data("compared/2020-01-01")));
    assertRefused(
        "has no column 'y', which the versions predict",
        () -> compare(question().data(csv("a,b,region", List.of("1,1,north", "2,2,south")))));
    assertRefused(
        "compared-",
        () -> compare(question().data(csv("a,region,y", List.of("1,north,no", "2,south,yes")))));
    assertRefused(
        "All 100 rows of", () -> compare(question().data(csv(HEADER, rows().subList(0, 100)))));
    assertRefused(
        "cannot be written; give the path of a file in a folder that exists",
        () -> compare(question().html(folder.resolve("no/report.html"))));
    Path other = folder.resolve("other");
    ModelFolder.write(other, content("b", new Target("y", List.of("no", "maybe"), "maybe"), "0"));
    assertRefused(
        "answer different questions and cannot be compared",
        () -> compare(question().sides(MODEL, other.toString())));
    Path trained = folder.resolve("trained");
    ModelFolder.write(
        trained, content("b", TARGET, Hashing.sha256(Files.readAllBytes(Path.of(data)))));
    assertRefused(
        "was trained on", () -> compare(question().sides(MODEL, trained.toString()).data(data)));
  }

  /** The inputs, with what a test leaves out. */
  private record Question(
      String baseline,
      String candidate,
      @Nullable String data,
      Metric metric,
      double threshold,
      @Nullable String policy,
      @Nullable Path output,
      @Nullable Path html) {
    Question sides(String first, String second) {
      return new Question(first, second, data, metric, threshold, policy, output, html);
    }

    Question data(String other) {
      return new Question(baseline, candidate, other, metric, threshold, policy, output, html);
    }

    Question metric(Metric other) {
      return new Question(baseline, candidate, data, other, threshold, policy, output, html);
    }

    Question threshold(double other) {
      return new Question(baseline, candidate, data, metric, other, policy, output, html);
    }

    Question policy(@Nullable String other) {
      return new Question(baseline, candidate, data, metric, threshold, other, output, html);
    }

    Question output(Path other) {
      return new Question(baseline, candidate, data, metric, threshold, policy, other, html);
    }

    Question html(Path other) {
      return new Question(baseline, candidate, data, metric, threshold, policy, output, other);
    }
  }

  private static Question question() {
    return new Question(MODEL, byB.modelId(), null, Metric.F1_MACRO, 0, null, null, null);
  }

  private CompareModels.Output compare(Question question) throws IOException {
    return new CompareModels()
        .run(
            new CompareModels.Input(
                question.baseline(),
                question.candidate(),
                question.data() == null ? csv(HEADER, rows()) : question.data(),
                question.metric(),
                question.threshold(),
                0.05,
                question.policy(),
                2_000,
                0,
                false,
                text(question.output()),
                text(question.html())),
            context);
  }

  private static @Nullable String text(@Nullable Path path) {
    return path == null ? null : path.toString();
  }

  private String csv(String header, List<String> rows) throws IOException {
    Path file = folder.resolve("test.csv");
    return Files.write(file, Stream.concat(Stream.of(header), rows.stream()).toList()).toString();
  }

  private static List<String> rows() {
    return IntStream.range(0, 200)
        .mapToObj(
            row -> {
              int sign = row < 100 ? -1 : 1;
              int of100 = row % 100;
              return "%d,%d,%s,%s"
                  .formatted(
                      of100 < 20 ? -sign : sign,
                      of100 < 10 ? -sign : sign,
                      of100 < 10 || of100 >= 80 ? "south" : "north",
                      row < 100 ? "no" : "yes");
            })
        .toList();
  }

  private static Table table() {
    String[][] cells = rows().stream().map(row -> row.split(",", -1)).toArray(String[][]::new);
    return new Table(
        List.of(
            numbers("a", cells, 0),
            numbers("b", cells, 1),
            texts("region", cells, 2),
            texts("y", cells, 3)));
  }

  private static Column numbers(String name, String[][] cells, int column) {
    return new Column.Numbers(
        name, Arrays.stream(cells).mapToDouble(row -> Double.parseDouble(row[column])).toArray());
  }

  private static Column texts(String name, String[][] cells, int column) {
    return new Column.Texts(
        name, Arrays.stream(cells).map(row -> row[column]).toArray(String[]::new));
  }

  private static ModelVersion register(ModelFolder.Content content) {
    new ModelStore(context.store())
        .register(content.version(), content.weights(), VersionStatus.APPROVED);
    return content.version();
  }

  /**
   * A model whose encoder gives the positive and the negative part of each column, and whose head
   * looks at one column, or at none and always answers the first class.
   */
  private static ModelFolder.Content content(String column, Target target, String trainedOn) {
    return content(List.of("a", "b"), column, target, trainedOn);
  }

  private static ModelFolder.Content content(
      List<String> columns, String column, Target target, String trainedOn) {
    int size = columns.size();
    float[] encoder = new float[2 * size * size];
    for (int i = 0; i < size; i++) {
      encoder[i * size + i] = 1;
      encoder[(size + i) * size + i] = -1;
    }
    float[] hidden = new float[4 * size];
    int at = columns.indexOf(column);
    if (at >= 0) {
      hidden[at] = 1;
      hidden[3 * size + at] = 1;
    }
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    tensors.put("encoder.layers.0.weight", new Tensor(new int[] {2 * size, size}, encoder));
    tensors.put("encoder.layers.0.bias", new Tensor(new int[] {2 * size}, new float[2 * size]));
    tensors.put("fc.0.weight", new Tensor(new int[] {2, 2 * size}, hidden));
    tensors.put("fc.0.bias", new Tensor(new int[] {2}, new float[2]));
    boolean yesLast = target.classes().getLast().equals(target.positive());
    tensors.put(
        "fc.3.weight",
        new Tensor(
            new int[] {2, 2}, yesLast ? new float[] {-1, 1, 1, -1} : new float[] {1, -1, -1, 1}));
    tensors.put("fc.3.bias", new Tensor(new int[] {2}, at < 0 ? new float[] {1, 0} : new float[2]));
    Weights weights = new Weights(tensors);
    ModelVersion version =
        ModelVersion.of(
            MODEL,
            TestContext.NOW,
            new ModelVersion.Design(
                new Architecture.Mlp(1, List.of(2 * size), 2, 0),
                Preprocessing.given(List.of(), columns.stream().map(NumericColumn::asIs).toList()),
                target),
            new ModelVersion.Lineage(null, "full", 1, 1e-3, trainedOn, Map.of(), List.of()),
            weights);
    return new ModelFolder.Content(version, weights);
  }
}
