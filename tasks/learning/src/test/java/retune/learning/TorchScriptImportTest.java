package retune.learning;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.metrics.Metric;
import retune.learning.torch.MadeScript;
import retune.learning.torch.ScriptArchive;
import retune.learning.torch.TorchScript;
import retune.learning.training.ArchitectureChoice;
import retune.model.Architecture;
import retune.model.Architecture.TorchScript.Argument;
import retune.model.Architecture.TorchScript.Method;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Archives that PyTorch saved, of networks that are none of Retune's. */
class TorchScriptImportTest {
  static final String SPEC =
      """
      {"format": "retune.model/1", "name": "foreign",
       "architecture": {"type": "torch_script"},
       "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
       "columns": [
         {"name": "c0", "kind": "categorical", "encoding": "codes", "cardinality": 3},
         {"name": "c1", "kind": "categorical", "encoding": "codes", "cardinality": 5, "unknown": 0},
         {"name": "c2", "kind": "categorical", "encoding": "codes", "cardinality": 12},
         {"name": "n0", "kind": "numeric", "encoding": "as_is"},
         {"name": "n1", "kind": "numeric", "encoding": "as_is"}]}
      """;
  private static final String NUMBERS_ONLY = SPEC.replaceAll("\\{\"name\": \"c.*\\},\n", "");
  private static final String SINE =
      """
        def encode(self: __torch__.Made, codes: Tensor, numbers: Tensor) -> Tensor:
          return torch.cat([numbers, torch.sin(numbers)], 1)
      """;
  private static final List<Argument> BOTH = List.of(Argument.CODES, Argument.NUMBERS);

  @TempDir private Path folder;

  @Test
  void aHeadOfTheKnownShapeIsReadOff() throws IOException {
    ModelFolder.Content model = importing("usual_head", SPEC);
    assertEquals(
        new Architecture.TorchScript(Method.ENCODE, BOTH, 10, 12, 0.3),
        model.version().architecture());
    assertEquals(ModelVersion.Kind.FINETUNED, model.version().kind());
    assertPyTorchsLogits("usual_head", model);
  }

  @ParameterizedTest
  @CsvSource({"unusual_head, 2", "frozen, 3"})
  void anyOtherNetworksLogitsAreTheStartToTheLastBit(String name, int classes) throws IOException {
    String target = "[\"0\", \"1\"], \"positive\": \"1\"";
    ModelFolder.Content model =
        importing(name, classes == 2 ? SPEC : SPEC.replace(target, "[\"a\", \"b\", \"c\"]"));
    assertEquals(
        new Architecture.TorchScript(Method.FORWARD, BOTH, classes, 2 * classes, 0),
        model.version().architecture());
    assertPyTorchsLogits(name, model);

    Features features = features(model);
    try (ScriptArchive archive = new ScriptArchive(resource(name + ".pt"));
        Engine engine = Engines.open(model.version(), model.weights())) {
      assertArrayEquals(
          archive.run("forward", BOTH, features).values(),
          engine.head(engine.encode(features), features.rows()));
    }
  }

  @Test
  void aSingleLogitIsThePositiveClassAgainstZero() throws IOException {
    ModelFolder.Content model = importing("traced", NUMBERS_ONLY);
    assertEquals(
        new Architecture.TorchScript(Method.FORWARD, List.of(Argument.NUMBERS), 1, 2, 0),
        model.version().architecture());
    double[] expected =
        rows().get("logits").get("traced").values().stream()
            .mapToDouble(JsonNode::asDouble)
            .toArray();
    float[] logits = logits(model);
    for (int row = 0; row < expected.length; row++) {
      assertEquals(0, logits[2 * row]);
      assertEquals(expected[row], logits[2 * row + 1], 1e-5);
    }

    String first = NUMBERS_ONLY.replace("\"positive\": \"1\"", "\"positive\": \"0\"");
    assertEquals(expected[0], logits(importing("traced", first))[0], 1e-5);
  }

  @Test
  void anEncoderAloneHasNoHead() throws IOException {
    Path file = folder.resolve("encoder.pt");
    MadeScript.write(file, SINE);
    ModelFolder.Content model = importing(file, SPEC);
    assertEquals(ModelVersion.Kind.PRETRAINED, model.version().kind());
    assertEquals(4, model.version().architecture().encodedSize());
    assertFalse(model.weights().hasHead());

    ModelVersion trained = train(model);
    assertEquals(model.version().encoderHash(), trained.encoderHash());
    assertEquals("head", trained.lineage().strategy());
    double accuracy =
        trained.metrics().getOrDefault("test", Map.of()).getOrDefault("accuracy", 0.0);
    assertTrue(accuracy > 0.9, "accuracy " + accuracy);
  }

  @Test
  void theArchiveIsKeptByteForByteAndIsTheEncodersHash() throws IOException {
    ModelFolder.Content model = importing("unusual_head", SPEC);
    assertArrayEquals(
        resource("unusual_head.pt"), Objects.requireNonNull(model.weights().archive()).bytes());
    assertFalse(
        importing("usual_head", SPEC)
            .version()
            .encoderHash()
            .equals(model.version().encoderHash()));
  }

  @ParameterizedTest
  @CsvSource({"usual_head", "unusual_head"})
  void anExportIsOneArchiveWithTheHeadAndCanBeImportedAgain(String name) throws IOException {
    ModelFolder.Content model = importing(name, SPEC);
    for (int turn = 0; turn < 2; turn++) {
      Path export = folder.resolve("export.pt");
      Files.write(export, TorchScript.write(model.version(), model.weights()));
      assertArrayEquals(
          Files.readAllBytes(export), TorchScript.write(model.version(), model.weights()));
      model = importing(export, SPEC);
      assertEquals(
          new Architecture.TorchScript(
              Method.ENCODE,
              BOTH,
              name.equals("usual_head") ? 10 : 2,
              name.equals("usual_head") ? 12 : 4,
              0.3),
          model.version().architecture());
      assertPyTorchsLogits(name, model);
    }
  }

  @Test
  void anEncodersExportHasNoHeadEither() throws IOException {
    Path file = folder.resolve("encoder.pt");
    MadeScript.write(file, SINE);
    ModelFolder.Content model = importing(file, SPEC);
    Files.write(file, TorchScript.write(model.version(), model.weights()));
    try (ScriptArchive archive = new ScriptArchive(Files.readAllBytes(file))) {
      assertEquals(Set.of("encode"), archive.methods());
    }
  }

  @Test
  void anArchiveThatPyTorchDidNotWriteIsNotExported() throws IOException {
    ModelFolder.Content model = importing("usual_head", SPEC);
    Weights.Archive archive = Objects.requireNonNull(model.weights().archive());
    int pickle = new String(archive.bytes(), ISO_8859_1).indexOf("c__torch__");
    archive.bytes()[pickle] = '}';
    assertRefused(
        "does not begin as PyTorch writes it",
        () -> TorchScript.write(model.version(), model.weights()));
  }

  @Test
  void codesAreCheckedBeforePyTorchSeesThem() throws IOException {
    ModelFolder.Content model = importing("usual_head", SPEC);
    Features features = features(model);
    features.codes()[2][1] = 12;
    try (Engine engine = Engines.open(model.version(), model.weights())) {
      assertRefused(
          "Row 1 has the code 12 for 'c2', whose codes are 0 to 11", () -> engine.encode(features));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          numbers[0]                       | forward' gives the shape [2] for 64 rows
          torch.unsqueeze(numbers, 1)      | gives the shape [64, 1, 2] for 64 rows; it must give
          torch.cat([numbers, numbers], 1) | gives 4 numbers a row, but the spec's target has 2
          torch.to(numbers, 7)             | gives FLOAT64; it must give one tensor of float32
          torch.softmax(numbers, 1)        | returns probabilities instead of logits. Save
          torch.mul(torch.relu(numbers), inf) | gives Infinity for standard normal numbers
          torch.reshape(numbers, [32, 4])  | gives the shape [32, 4] for 64 rows
          torch.matmul(numbers, numbers)   | The method 'forward' fails: RuntimeError: mat1 and mat2
          torch.div(numbers, torch.mean(numbers)) | gives a row a different result alone than among
          torch.rand_like(numbers)         | gives a row a different result alone than among
          torch.no_such_thing(numbers)     | PyTorch cannot load the TorchScript archive:
          """)
  void aForwardThatGivesNoLogitsIsRefused(String result, String sentence) throws IOException {
    Path file = folder.resolve("made.pt");
    MadeScript.forward(file, result);
    assertRefused(file + ": ", () -> importing(file, SPEC));
    assertRefused(sentence, () -> importing(file, SPEC));
  }

  @Test
  void anArchiveRunsOnlyIfItsCodeIsTrusted() throws IOException {
    Path written = folder.resolve("written-by-the-archive");
    Path file = folder.resolve("made.pt");
    MadeScript.write(
        file,
        """
          def forward(self: __torch__.Made, codes: Tensor, numbers: Tensor) -> Tensor:
            zeros = torch.from_file("FILE", True, 4)
            return torch.add(numbers, torch.select(zeros, 0, 0))
        """
            .replace("FILE", written.toString()));
    assertRefused(
        file
            + " contains TorchScript, which is code and can read and write files when it runs. If"
            + " you trust its source, repeat the command with --trust-code.",
        () -> importing(file, SPEC, false));
    assertFalse(Files.exists(written));
    importing(file, SPEC, true);
    assertTrue(Files.exists(written));

    Files.delete(written);
    assertRefused(
        "contains TorchScript", () -> ModelFolder.read(folder.resolve("model"), CodeTrust.REFUSED));
    assertFalse(Files.exists(written));
  }

  @Test
  void methodsThatAreNotEnoughAreListed() throws IOException {
    Path file = folder.resolve("made.pt");
    MadeScript.write(
        file,
        """
          def answer(self: __torch__.Made, codes: Tensor, numbers: Tensor) -> Tensor:
            return numbers
        """);
    assertRefused("The archive has the methods [answer]", () -> importing(file, SPEC));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          , "cardinality": 3 | `` | column 'c0' lacks its 'cardinality', which a TorchScript archive
          "cardinality": 5   | "cardinality": 50 | The method 'encode' fails: RuntimeError: index out of
          "unknown": 0       | "unknown": 5      | has the code 5 for the unknown
          torch_script"      | torch_script", "heads": 4 | whose sizes are found by running it
          torch_script"      | torch_script", "inputs": ["codes"] | leave out numeric columns
          torch_script"      | torch_script", "inputs": ["numbers", "codes"] | 'encode' fails:
          torch_script"      | mlp", "inputs": ["codes"] | which only a torch_script has
          "as_is"            | "as_is", "cardinality": 2 | is numeric and has no codes
          ["0", "1"]         | ["0", "1", "2"]   | gives 2 numbers a row, but the spec's target has 3
          """)
  void aSpecThatContradictsTheArchiveIsRefused(String part, String changed, String sentence) {
    String spec = SPEC.replaceFirst(Pattern.quote(part), changed);
    assertRefused(sentence, () -> importing("usual_head", spec));
    assertFalse(Files.exists(folder.resolve("model")));
  }

  @Test
  void aFileThatIsNoTorchScriptIsRefused() throws IOException {
    Path file = folder.resolve("made.pt");
    Files.writeString(file, "hello");
    assertRefused("is neither a zip that torch.save wrote", () -> importing(file, SPEC));
    byte[] whole = resource("usual_head.pt");
    Files.write(file, Arrays.copyOf(whole, whole.length / 2));
    assertRefused("is a damaged or truncated zip", () -> importing(file, SPEC));
    byte[] damaged = whole.clone();
    int data = new String(whole, ISO_8859_1).indexOf("data/3");
    damaged[data + 20] ^= 1;
    Files.write(file, damaged);
    assertRefused("does not match its checksum", () -> importing(file, SPEC));
    int header = new String(whole, ISO_8859_1).indexOf("PK", 10);
    damaged[header] = 0;
    Files.write(file, damaged);
    assertRefused("has a damaged entry archive/", () -> importing(file, SPEC));
  }

  /** Trains a head on rows whose label is the sign of n0. */
  private ModelVersion train(ModelFolder.Content encoder) throws IOException {
    Features rows = Examples.features(encoder.version().preprocessing().schema(), 400, 1);
    StringBuilder table = new StringBuilder("c0,c1,c2,n0,n1,label\n");
    for (int row = 0; row < rows.rows(); row++) {
      for (int[] codes : rows.codes()) {
        table.append(codes[row]).append(',');
      }
      float first = rows.numbers()[0][row];
      table.append(first).append(',').append(rows.numbers()[1][row]);
      table.append(first > 0 ? ",1\n" : ",0\n");
    }
    Path data = Files.writeString(folder.resolve("data.csv"), table);
    Path output = folder.resolve("trained");
    new TrainModel()
        .run(
            new TrainModel.Input(
                data.toString(),
                "label",
                "1",
                null,
                null,
                null,
                "foreign",
                folder.resolve("model").toString(),
                true,
                ArchitectureChoice.MLP,
                20,
                null,
                1e-2,
                32,
                true,
                Metric.ACCURACY,
                0,
                output.toString()),
            TestContext.withoutStore());
    return ModelFolder.read(output, CodeTrust.GRANTED).version();
  }

  /** What import_model makes of a fixture. */
  private ModelFolder.Content importing(String fixture, String spec) throws IOException {
    Path file = folder.resolve(fixture + ".pt");
    Files.write(file, resource(fixture + ".pt"));
    return importing(file, spec);
  }

  private ModelFolder.Content importing(Path file, String spec) throws IOException {
    return importing(file, spec, true);
  }

  private ModelFolder.Content importing(Path file, String spec, boolean trustCode)
      throws IOException {
    Path specFile = Files.writeString(folder.resolve("spec.json"), spec);
    Path output = folder.resolve("model");
    new ImportModel()
        .run(
            new ImportModel.Input(
                file.toString(),
                specFile.toString(),
                null,
                output.toString(),
                false,
                trustCode,
                null),
            TestContext.withoutStore());
    return ModelFolder.read(output, CodeTrust.GRANTED);
  }

  static byte[] resource(String name) throws IOException {
    try (InputStream stream = TorchScriptImportTest.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(stream, name).readAllBytes();
    }
  }

  private static JsonNode rows() throws IOException {
    return JsonMapper.shared().readTree(new String(resource("rows.json"), UTF_8));
  }

  private static Features features(ModelFolder.Content model) throws IOException {
    JsonNode rows = rows();
    int[][] codes = JsonMapper.shared().treeToValue(rows.get("codes"), int[][].class);
    float[][] numbers = JsonMapper.shared().treeToValue(rows.get("numbers"), float[][].class);
    FeatureSchema schema = model.version().preprocessing().schema();
    return new Features(
        schema, numbers[0].length, schema.categorical().isEmpty() ? new int[0][] : codes, numbers);
  }

  private static float[] logits(ModelFolder.Content model) throws IOException {
    Features features = features(model);
    try (Engine engine = Engines.open(model.version(), model.weights(), features.rows())) {
      assertEquals("pytorch", engine.name());
      return engine.head(engine.encode(features), features.rows());
    }
  }

  private static void assertPyTorchsLogits(String name, ModelFolder.Content model)
      throws IOException {
    double[][] expected =
        JsonMapper.shared().treeToValue(rows().get("logits").get(name), double[][].class);
    float[] logits = logits(model);
    int classes = expected[0].length;
    assertEquals(expected.length * classes, logits.length);
    for (int i = 0; i < logits.length; i++) {
      assertEquals(expected[i / classes][i % classes], logits[i], 1e-5);
    }
  }

  private static void assertRefused(String part, Executable attempt) {
    String message =
        String.valueOf(assertThrows(InvalidInputException.class, attempt).getMessage());
    assertTrue(message.contains(part), message);
    assertFalse(message.contains("\n"), message);
  }
}
