package retune.steps.authoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.core.distribution.Drill;
import retune.devstore.EmbeddedStore;
import retune.runtime.Json;
import retune.runtime.Steps;
import retune.runtime.store.DocumentStore;
import retune.steps.data.GenerateData;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.StringNode;

class DistributionStepsTest {
  private static final String MODEL = "credit-default";
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");

  @TempDir private Path folder;

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  private final TestContext context = TestContext.of(store);

  @BeforeEach
  void writeTable() throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    List<String> lines = new ArrayList<>(List.of("id,limit,status,default"));
    for (int row = 0; row < 1_200; row++) {
      int status = random.nextInt(3);
      double limit = Math.rint(1_000 * (2 - status + random.nextGaussian()));
      int label = random.nextDouble() < 0.1 + 0.3 * status ? 1 : 0;
      lines.add("%d,%s,%d,%d".formatted(row, row % 10 == 0 ? "" : limit, status, label));
    }
    Files.write(table(), lines);
  }

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aTableBecomesADistributionWithItsQuality() throws IOException {
    LearnDistribution.Output output = learn(false);

    assertEquals(3, output.columns());
    assertEquals(1_200, output.rows());
    assertTrue(output.qualityScore() > 0.9, output.toString());
    assertTrue(Files.size(distribution()) < 20_000);
    assertFalse(output.changed());
    assertEquals(0, store.collection("distribution_models").countDocuments());
  }

  @Test
  void theReportHasEachColumnAndPair() throws IOException {
    learn(false);

    JsonNode report = Json.MAPPER.readTree(Files.readAllBytes(folder.resolve("report.json")));
    assertEquals(3, report.get("columns").size());
    assertEquals(3, report.get("pairs").size());
    assertTrue(report.at("/columns/1/categorical").asBoolean(), "status is a code");
  }

  @Test
  void aSecondRegistrationAddsNothing() throws IOException {
    LearnDistribution.Output learned = learn(false);

    RegisterDistribution.Output first = register();
    Document document = store.collection("distribution_models").find().first();
    RegisterDistribution.Output second = register();

    assertTrue(first.changed());
    assertFalse(second.changed());
    assertEquals(learned.sourceHash(), first.sourceHash());
    assertEquals(
        List.of(document), store.collection("distribution_models").find().into(new ArrayList<>()));
  }

  @Test
  void learningCanRegisterAtOnce() throws IOException {
    assertTrue(learn(true).changed());
    assertFalse(learn(true).changed());
    assertFalse(register().changed());
  }

  @Test
  void theSameDateAndSeedGiveTheSameRows() throws IOException {
    learn(true);

    GenerateData.Output first = generate(DATE, 2_500, 0, Drill.Kind.NONE);
    GenerateData.Output second = generate(DATE, 2_500, 0, Drill.Kind.NONE);

    assertEquals("credit-default/2026-11-05", first.dataPath());
    assertEquals(2_500, first.rows());
    assertTrue(first.changed());
    assertFalse(second.changed());
    assertEquals(first.contentHash(), second.contentHash());
    assertEquals(2_500, store.collection("raw_data").countDocuments());
  }

  @Test
  void anotherSeedDateOrDrillGivesOtherRows() throws IOException {
    learn(true);
    Set<String> hashes =
        Set.of(
            generate(DATE, 1_000, 0, Drill.Kind.NONE).contentHash(),
            generate(DATE, 1_000, 1, Drill.Kind.NONE).contentHash(),
            generate(DATE.plusDays(1), 1_000, 0, Drill.Kind.NONE).contentHash(),
            generate(DATE, 1_000, 0, Drill.Kind.LABEL_NOISE).contentHash());

    assertEquals(4, hashes.size());
  }

  @Test
  void generatedRowsHaveTheTablesColumns() throws IOException {
    learn(true);
    GenerateData.Output output = generate(DATE, 1_500, 0, Drill.Kind.CONCEPT_DRIFT);

    Table first =
        store.rawBatches().read(store.rawBatches().find(output.dataPath()).orElseThrow()).next();

    assertEquals(List.of("limit", "status", "default"), first.names());
    assertEquals(1_000, first.rows());
    assertEquals("synthetic/concept_drift/0.5", output.datasetName());
  }

  @Test
  void rowsOfAModelWithoutADistributionAreRefused() {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> generate(DATE, 10, 0, Drill.Kind.NONE));

    assertTrue(refused.toString().contains("register_distribution"), refused.toString());
  }

  @Test
  void aDamagedDistributionIsRefusedAndCanBeRegisteredAgain() throws IOException {
    learn(true);
    store.collection("fs.chunks").deleteMany(new Document());

    assertThrows(InvalidInputException.class, () -> generate(DATE, 10, 0, Drill.Kind.NONE));
    assertTrue(register().changed());
    assertEquals(10, generate(DATE, 10, 0, Drill.Kind.NONE).rows());
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"format\": \"retune.distribution/9\"}", "null", "[]", ""})
  void aFileThatHoldsNoDistributionIsRefused(String content) throws IOException {
    Files.writeString(distribution(), content);

    InvalidInputException refused = assertThrows(InvalidInputException.class, this::register);

    assertTrue(refused.toString().contains("distribution.json"), refused.toString());
    assertEquals(0, store.collection("distribution_models").countDocuments());
  }

  @ParameterizedTest
  @ValueSource(strings = {"../../etc", "<script>", "", "-x"})
  void aModelIsGivenANameThatIsSafeInPathsAndPages(String name) throws Exception {
    learn(false);

    assertRefused(
        "register_distribution: 'model' is '" + name + "'",
        () ->
            Steps.run(
                "register_distribution",
                Map.of(
                    "model",
                    StringNode.valueOf(name),
                    "path",
                    StringNode.valueOf(distribution().toString())),
                context,
                context.run()));
  }

  @Test
  void aColumnToExcludeThatIsNotThereIsRefused() {
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () -> new LearnDistribution().run(input("1", List.of("ID"), false), context));

    assertTrue(refused.toString().contains("'ID'"), refused.toString());
  }

  @Test
  void aChangedTableHasAnotherSourceHash() throws IOException {
    String before = learn(false).sourceHash();
    Files.writeString(table(), Files.readString(table()) + "1200,500,1,0\n");

    assertNotEquals(before, learn(false).sourceHash());
  }

  private LearnDistribution.Output learn(boolean register) throws IOException {
    return new LearnDistribution().run(input("1", List.of("id"), register), context);
  }

  private LearnDistribution.Input input(
      @Nullable String positive, List<String> exclude, boolean register) {
    return new LearnDistribution.Input(
        MODEL,
        table().toString(),
        "default",
        positive,
        exclude,
        distribution().toString(),
        folder.resolve("report.json").toString(),
        register,
        0);
  }

  private RegisterDistribution.Output register() throws IOException {
    return new RegisterDistribution()
        .run(new RegisterDistribution.Input(MODEL, distribution().toString()), context);
  }

  private GenerateData.Output generate(LocalDate date, int rows, int seed, Drill.Kind drill) {
    return new GenerateData()
        .run(
            new GenerateData.Input(MODEL, date, rows, seed, drill, 0.5, 100_000, 1, null), context);
  }

  private Path table() {
    return folder.resolve("table.csv");
  }

  private Path distribution() {
    return folder.resolve("distribution.json");
  }
}
