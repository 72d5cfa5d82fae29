package retune.serving.prediction;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.TextColumn;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.ModelVersion.Lineage;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.engine.LinearHead;
import retune.runtime.http.Refusal;

/** Requests to a model of texts: 'card' speaks for the first class, 'pin' for the second. */
class TextRequestTest {
  private static final Preprocessing PREPROCESSING =
      new Preprocessing(
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          null,
          new TextColumn("text", List.of("card", "pin"), 2));

  private final LoadedVersion loaded = LoadedVersion.open(content());

  @AfterEach
  void close() {
    loaded.release();
  }

  @Test
  void aTextIsAnsweredWhateverItsWords() {
    assertEquals("cards", answer("My CARD, please"));
    assertEquals("pins", answer("PIN"));
    assertEquals("cards", answer("1 card and card no pin"));
    assertEquals("cards", answer("something else"), "the bias decides where no word is known");
    assertEquals("sparse", loaded.engineName());
  }

  @Test
  void aBlankOrMissingTextIsRefused() {
    for (String features : List.of("{\"text\": \" \"}", "{\"text\": null}", "{}")) {
      Refusal refusal = assertThrows(Refusal.class, () -> loaded.answer(row(features)));
      assertTrue(String.valueOf(refusal.getMessage()).contains("text"), refusal.getMessage());
    }
  }

  @Test
  void theDescriptionsNameTheTextAndItsExampleIsAnswered() {
    assertEquals(Map.of("text", "card pin"), ExampleRow.of(PREPROCESSING));
    Map<String, Object> schema = ExampleRow.schema(PREPROCESSING);
    assertEquals(List.of("text"), schema.get("required"));
    assertTrue(String.valueOf(schema.get("properties")).contains("minLength=1"), schema.toString());
    assertEquals(
        List.of(Map.of("name", "text", "datatype", "BYTES", "shape", List.of(-1))),
        InferenceProtocol.metadata(loaded.version(), "sparse").get("inputs"));
    Warmup.run(loaded);
  }

  private String answer(String text) {
    return loaded
        .answer(row("{\"text\": \"" + text + "\"}"))
        .predictions()
        .getFirst()
        .answeredClass();
  }

  private static Table row(String features) {
    return RowsOfJson.features(
        ("{\"features\": " + features + "}").getBytes(UTF_8), PREPROCESSING.rawColumns());
  }

  private static ModelFolder.Content content() {
    LinearHead head = new LinearHead(new float[] {2, -2, -2, 2}, new float[] {0.5f, 0});
    TreeMap<String, Tensor> tensors = new TreeMap<>(head.tensors());
    tensors.put("encoder.idf", new Tensor(new int[] {2}, new float[] {1, 1}));
    Weights weights = new Weights(tensors);
    ModelVersion version =
        ModelVersion.of(
                "questions",
                Instant.parse("2026-11-05T06:00:00Z"),
                new ModelVersion.Design(
                    new Architecture.Text(2, 2),
                    PREPROCESSING,
                    new Target("intent", List.of("cards", "pins"), "pins")),
                new Lineage(null, "head", 1, 0.3, "file", Map.of(), List.of()),
                weights)
            .withGolden(
                new Golden(
                    new int[][] {{1}, {0}}, new float[][] {{1}, {0}}, new float[][] {{2.5f, -2}}));
    return new ModelFolder.Content(version, weights);
  }
}
