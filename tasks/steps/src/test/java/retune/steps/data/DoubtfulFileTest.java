package retune.steps.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.runtime.store.DocumentStore;
import retune.steps.ToyModel;
import retune.steps.prediction.Predict;
import retune.testing.TestContext;

/** What people send instead of a table: used as what it means, or refused whole. */
class DoubtfulFileTest {
  private static final String PLAIN = "c0,c1,n0,word\n1,2,0.5,a\n2,1,-1.5,b\n";
  private static final String GIGANTIC = "x".repeat(10_100_000);

  @TempDir Path folder;
  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  private final TestContext context = TestContext.of(store);
  private Path file;
  private Path output;

  @BeforeEach
  void install() {
    ModelFolder.Content model = ToyModel.of("toy");
    new ModelStore(store).register(model.version(), model.weights(), VersionStatus.APPROVED);
    new Champions(store).install("toy", model.version().modelId());
    file = folder.resolve("day.csv");
    output = folder.resolve("answers.csv");
  }

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  static Stream<Arguments> whatIsRefused() {
    return Stream.of(
        refused("a short row", "c0,c1,n0\n1,2,0.5\n1,2\n", "Line 3 of"),
        refused("a long row", "c0,c1,n0\n1,2,0.5\n1,2,3,4\n", "has 4 fields"),
        refused("an unusual delimiter", PLAIN.replace(',', '^'), "The data lacks [c0, c1, n0]"),
        refused("no header", "1,2,0.5\n2,1,-1.5\n", "has no header"),
        refused("a name twice", "c0,c1,c1,n0\n1,2,2,0.5\n", "has two columns 'c1'"),
        refused("a blank name", "c0,c1, ,n0\n1,2,2,0.5\n", "Column 3 of"),
        refused("a missing column", "c0,n0\n1,0.5\n", "The data lacks [c1]"),
        refused("no byte", "", "is empty"),
        refused("blank lines", "\n\r\n\n", "is empty"),
        refused("no row", "c0,c1,n0\n", "has a header but no rows"),
        refused("a zip", "PK\u0003\u0004\u0014\u0000\u0000", "is not text"),
        Arguments.of("UTF-16", PLAIN, UTF_16, "is not text"),
        refused("a gigantic field", PLAIN + "1,2,3," + GIGANTIC, "a row of more than"),
        refused("an open quote", PLAIN + "1,2,\"3,a\n1,2,3,a\n", "a quote that nothing closes"),
        refused("text behind a quote", PLAIN + "1,2,3,\"a\"b\n", "Line 4 of"),
        refused("infinity", PLAIN.replace("-1.5", "-inf"), "Line 3 of"),
        refused("infinity after many rows", many("Infinity"), "Line 3002 of"),
        refused("a number too large", PLAIN.replace("-1.5", "1e999"), "holds finite numbers"));
  }

  private static Arguments refused(String what, String content, String words) {
    return Arguments.of(what, content, ISO_8859_1, words);
  }

  private static String many(String last) {
    return "c0,c1,n0\n" + "1,2,0.5\n".repeat(3_000) + "1,2," + last + "\n";
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void whatIsRefused(String what, String content, Charset encoding, String words)
      throws IOException {
    Files.writeString(file, content, encoding);
    for (Executable step : List.<Executable>of(this::ingest, this::predict)) {
      String sentence =
          String.valueOf(assertThrows(InvalidInputException.class, step).getMessage());
      assertTrue(sentence.contains(words), sentence);
      assertTrue(sentence.matches("[^\n]{1,400}[.?]"), what + ": " + sentence);
    }
    for (String collection : List.of("raw_batches", "raw_columns", "raw_data")) {
      assertEquals(0, store.collection(collection).countDocuments(), collection);
    }
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(file), left.toList());
    }
  }

  static Stream<Arguments> whatIsUsed() {
    return Stream.of(
        Arguments.of("a byte order mark", "\uFEFF" + PLAIN, UTF_8),
        Arguments.of("line ends of Windows", PLAIN.replace("\n", "\r\n"), UTF_8),
        Arguments.of("line ends of old", PLAIN.replace("\n", "\r"), UTF_8),
        Arguments.of("no last line end", PLAIN.strip(), UTF_8),
        Arguments.of("blank lines", PLAIN.replace("\n", "\n\n"), UTF_8),
        Arguments.of("a quoted line end", PLAIN.replace(",b", ",\"b\r\n\"\"c\"\",d\""), UTF_8),
        Arguments.of("umlauts of Latin-1", PLAIN.replace("word", "größe"), ISO_8859_1),
        Arguments.of("semicolons", PLAIN.replace(',', ';'), UTF_8),
        Arguments.of("tabs", PLAIN.replace(',', '\t'), UTF_8),
        Arguments.of("a column of nothing", PLAIN.replace(",a", ",").replace(",b", ","), UTF_8),
        Arguments.of("a word for infinity among words", PLAIN.replace(",b", ",inf"), UTF_8));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void whatIsUsed(String what, String content, Charset encoding) throws IOException {
    Files.writeString(file, PLAIN);
    predict();
    String answers = Files.readString(output);
    Files.writeString(file, content, encoding);
    assertEquals(2, predict().predicted(), what);
    assertEquals(answers, Files.readString(output), what);
    assertEquals(2, ingest().rows(), what);
  }

  @Test
  void oneRowIsATable() throws IOException {
    Files.writeString(file, "c0,c1,n0\n1,2,0.5\n");
    assertEquals(1, predict().predicted());
    assertEquals(1, ingest().rows());
  }

  @Test
  void aColumnOfTheModelWithoutAnyValueIsTakenAndItsRowsAreRejectedByName() throws IOException {
    Files.writeString(file, "c0,c1,n0\n1,2,\n2,1,\n");
    assertEquals(Map.of("missing_value.n0", 2L), predict().rejected());
    assertEquals(2, ingest().rows());
    assertFalse(ingest().changed());
  }

  private Ingest.Output ingest() throws IOException {
    return new Ingest()
        .run(
            new Ingest.Input(
                "toy", LocalDate.parse("2026-11-05"), file.toString(), null, null, null, 100),
            context);
  }

  private Predict.Output predict() throws IOException {
    return new Predict()
        .run(
            new Predict.Input("toy", null, null, false, file.toString(), output.toString()),
            context);
  }
}
