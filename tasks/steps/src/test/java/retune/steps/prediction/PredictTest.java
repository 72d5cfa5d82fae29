package retune.steps.prediction;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.runtime.store.DocumentStore;
import retune.steps.ToyModel;
import retune.testing.TestContext;

class PredictTest {
  private static final ModelFolder.Content MODEL = ToyModel.of("toy");

  private static EmbeddedStore server;
  private static TestContext context;

  @TempDir private Path folder;
  private Path output;

  @BeforeAll
  static void openStore() {
    server = EmbeddedStore.inMemory();
    context =
        TestContext.of(DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC()));
  }

  @AfterAll
  static void closeStore() {
    context.store().close();
    server.close();
  }

  @BeforeEach
  void writeModel() throws IOException {
    ModelFolder.write(folder.resolve("model"), MODEL);
    output = folder.resolve("answers.csv");
  }

  @Test
  void everyRowIsAnsweredInOrderWhateverTheChunks() throws IOException {
    int rows = 2_345;
    Random random = new Random(5);
    int[][] codes = new int[2][rows];
    float[][] numbers = new float[1][rows];
    StringBuilder csv = new StringBuilder("n0,label,c1,c0\n");
    for (int row = 0; row < rows; row++) {
      codes[0][row] = random.nextInt(3);
      codes[1][row] = random.nextInt(4);
      numbers[0][row] = (float) random.nextGaussian();
      csv.append(numbers[0][row]).append(",no,").append(codes[1][row]).append(',');
      csv.append(codes[0][row]).append('\n');
    }
    Predict.Output answered = predict(csv.toString());

    assertEquals(rows, answered.rows());
    assertEquals(rows, answered.predicted());
    assertEquals(Map.of(), answered.rejected());
    assertEquals(Map.of(), answered.outcomes());
    assertEquals(rows, answered.classes().values().stream().mapToLong(count -> count).sum());
    List<String> lines = Files.readAllLines(output);
    assertEquals("row,logit_0,logit_1,probability_0,probability_1,predicted", lines.getFirst());
    assertEquals(rows + 1, lines.size());
    float[] logits = logits(new Features(ToyModel.PREPROCESSING.schema(), rows, codes, numbers));
    for (int row = 0; row < rows; row++) {
      double no = 1 / (1 + Math.exp((double) logits[2 * row + 1] - logits[2 * row]));
      String[] fields = lines.get(row + 1).split(",", 6);
      assertEquals(row, Integer.parseInt(fields[0]));
      for (int label = 0; label < 2; label++) {
        float logit = logits[2 * row + label];
        double tolerance = 1e-4 * Math.max(1, Math.abs(logit)); // engines are float32
        assertEquals(logit, Float.parseFloat(fields[1 + label]), tolerance);
      }
      assertEquals(no, Double.parseDouble(fields[3]), 1e-5);
      assertEquals(1 - no, Double.parseDouble(fields[4]), 1e-5);
      double answer = Double.parseDouble(fields[3]);
      assertEquals(answer >= ToyModel.THRESHOLD ? "no" : "\"yes, please\"", fields[5]);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          =HYPERLINK(1)   | '=HYPERLINK(1)
          @SUM(A1)        | '@SUM(A1)
          +1+2            | '+1+2
          -2+3,4          | "'-2+3,4"
          -1              | -1
          +1.5e3          | +1.5e3
          1-2             | 1-2
          """)
  void aClassThatASpreadsheetWouldRunGetsAnApostrophe(String name, String cell) throws IOException {
    ModelVersion version = MODEL.version();
    ModelVersion renamed =
        ModelVersion.of(
                "toy",
                Instant.parse("2026-11-05T06:00:00Z"),
                new ModelVersion.Design(
                    version.architecture(),
                    version.preprocessing(),
                    new Target("label", List.of(name, "other"), name)),
                version.lineage(),
                MODEL.weights())
            .withDecisionThreshold(0);
    Path model = folder.resolve("renamed");
    ModelFolder.write(model, new ModelFolder.Content(renamed, MODEL.weights()));
    Predict.Output output =
        new Predict()
            .run(
                new Predict.Input(
                    null,
                    null,
                    model.toString(),
                    false,
                    data("c0,c1,n0\n1,1,0.5\n").toString(),
                    this.output.toString()),
                context);
    assertEquals(Map.of(name, 1L), output.classes());
    assertTrue(Files.readAllLines(this.output).get(1).endsWith("," + cell));
  }

  @Test
  void rowsThatCannotBeReadHaveEmptyFieldsAndAreCounted() throws IOException {
    Predict.Output answered =
        predict("c0,c1,n0,extra\n1,1,0.5,x\nred,1,0.5,x\n1,9,0.5,x\n1,1,,x\n2,2,1e3,x\n");
    List<String> lines = Files.readAllLines(output);
    assertEquals("1,,,,,", lines.get(2));
    assertEquals("3,,,,,", lines.get(4));
    assertTrue(lines.get(5).startsWith("4,"), lines.get(5));
    assertEquals(5, answered.rows());
    assertEquals(3, answered.predicted());
    assertEquals(Map.of("wrong_type.c0", 1L, "missing_value.n0", 1L), answered.rejected());
    assertEquals(Map.of("unknown_code.c1", 1L, "extra_column.extra", 3L), answered.outcomes());
  }

  @Test
  void aCodeOutsideItsEmbeddingLeavesTheFileThatWasThere() throws IOException {
    Files.writeString(output, "yesterday's");
    StringBuilder csv = new StringBuilder("c0,c1,n0\n").append("1,1,0.5\n".repeat(1_500));
    assertRefused("Row 1500 has 3 in the column 'c0'", csv.append("3,1,0.5\n").toString());
    assertEquals("yesterday's", Files.readString(output));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(3, files.count(), "model, data and the old answers");
    }
  }

  @Test
  void dataOfAnotherModelIsRefusedByItsColumns() {
    assertRefused("The data lacks [c1, n0]", "c0,c2\n1,2\n");
    assertTrue(Files.notExists(output));
  }

  @Test
  void theVersionComesFromTheStoreToo() throws IOException {
    Path data = data("c0,c1,n0\n1,1,0.5\n");
    predict(Files.readString(data));
    String fromFile = Files.readString(output);
    String id = MODEL.version().modelId();
    new ModelStore(context.store())
        .register(MODEL.version(), MODEL.weights(), VersionStatus.APPROVED);
    new Champions(context.store()).install("toy", id);
    for (Predict.Input input :
        List.of(
            new Predict.Input("toy", null, null, false, data.toString(), output.toString()),
            new Predict.Input(null, id, null, false, data.toString(), output.toString()))) {
      Files.delete(output);
      assertEquals(id, new Predict().run(input, context).modelId());
      assertEquals(fromFile, Files.readString(output));
    }
  }

  @Test
  void exactlyOneVersionMustBeNamed() throws IOException {
    String data = data("c0,c1,n0\n1,1,0.5\n").toString();
    assertRefused(
        "Give exactly one of --model",
        new Predict.Input(null, null, null, false, data, output.toString()));
    assertRefused(
        "Give exactly one of --model",
        new Predict.Input("toy", "toy-0", null, false, data, output.toString()));
    assertRefused(
        "'nobody' has no champion",
        new Predict.Input("nobody", null, null, false, data, output.toString()));
  }

  @Test
  void whatCannotBeWrittenOrReadIsNamed() throws IOException {
    String model = folder.resolve("model").toString();
    String data = data("c0,c1,n0\n1,1,0.5\n").toString();
    assertRefused(
        "'" + folder.resolve("no/answers.csv") + "' cannot be written",
        new Predict.Input(
            null, null, model, false, data, folder.resolve("no/answers.csv").toString()));
    assertRefused(
        "cannot be written", new Predict.Input(null, null, model, false, data, folder.toString()));
    assertRefused(
        "There is no file",
        new Predict.Input(null, null, model, false, data + "x", output.toString()));
    assertRefused(
        "There is no model at",
        new Predict.Input(null, null, model + "x", false, data, output.toString()));
  }

  private Predict.Output predict(String csv) throws IOException {
    return new Predict().run(input(csv), context);
  }

  private void assertRefused(String expected, String csv) {
    InvalidInputException refusal = assertThrows(InvalidInputException.class, () -> predict(csv));
    assertTrue(String.valueOf(refusal.getMessage()).contains(expected), refusal.getMessage());
  }

  private static void assertRefused(String expected, Predict.Input input) {
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> new Predict().run(input, context));
    assertTrue(String.valueOf(refusal.getMessage()).contains(expected), refusal.getMessage());
  }

  private Predict.Input input(String csv) throws IOException {
    return new Predict.Input(
        null,
        null,
        folder.resolve("model").toString(),
        false,
        data(csv).toString(),
        output.toString());
  }

  private Path data(String csv) throws IOException {
    return Files.writeString(folder.resolve("data.csv"), csv);
  }

  private static float[] logits(Features features) {
    try (Engine engine = Engines.open(MODEL.version(), MODEL.weights())) {
      return engine.head(engine.encode(features), features.rows());
    }
  }
}
