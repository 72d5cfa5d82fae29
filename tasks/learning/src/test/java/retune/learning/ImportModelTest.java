package retune.learning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.learning.training.InitialWeights;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.Safetensors;
import retune.model.Tensor;
import retune.model.Weights;
import retune.runtime.store.DocumentStore;
import retune.testing.TestContext;

/** What an import does with the version that it made. */
class ImportModelTest {
  private static final String SPEC =
      """
      {"format": "retune.model/1", "name": "toy", "architecture": {"type": "mlp"},
       "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
       "columns": [{"name": "n0", "kind": "numeric", "encoding": "as_is"},
                   {"name": "n1", "kind": "numeric", "encoding": "as_is"}]}
      """;
  private static final Weights WEIGHTS =
      InitialWeights.of(
          new Architecture.Mlp(1, List.of(4), 4, 0.3),
          Examples.schema(0, 2),
          2,
          new SplittableRandom(1));

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK);

  @TempDir private Path folder;

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aVersionIsRegisteredAsACandidateAndTheAnswerSaysHowItBecomesTheChampion()
      throws IOException {
    ImportModel.Output output = importing(WEIGHTS, null, false);
    assertTrue(output.registered());
    assertFalse(output.champion());
    assertEquals(
        output.modelId()
            + " is registered, but not as the champion of toy. If the model has no champion yet,"
            + " repeat the import with --champion.",
        output.message());
    assertEquals(VersionStatus.CANDIDATE, new ModelStore(store).status(output.modelId()));
  }

  @Test
  void theFirstVersionBecomesTheChampionIfAsked() throws IOException {
    ImportModel.Output output = importing(WEIGHTS, null, true);
    assertEquals(
        output.modelId() + " is registered and is now the champion of toy.", output.message());
    assertEquals(output.modelId(), new Champions(store).find("toy").orElseThrow().modelId());
    assertEquals(VersionStatus.APPROVED, new ModelStore(store).status(output.modelId()));
  }

  @Test
  void aFolderIsNotRegisteredAndTheAnswerSaysHowToRegisterIt() throws IOException {
    String files = folder.resolve("model").toString();
    ImportModel.Output output = importing(WEIGHTS, files, false);
    assertFalse(output.registered());
    assertEquals(
        output.modelId()
            + " is in the folder %s and is not registered; register it with: register_model --path %s --champion"
                .formatted(files, files),
        output.message());
    assertTrue(new ModelStore(store).find(output.modelId()).isEmpty());

    ImportModel.Output both = importing(WEIGHTS, files, true);
    assertTrue(both.champion());
    assertTrue(both.message().endsWith("It is in the folder " + files + ", too."), both.message());
  }

  @Test
  void weightsWhoseLogitsOverflowAreRefusedAndNothingIsWritten() throws IOException {
    SortedMap<String, Tensor> huge = new TreeMap<>();
    WEIGHTS
        .tensors()
        .forEach(
            (name, tensor) -> {
              float[] values = tensor.values().clone();
              Arrays.fill(values, 3e38f);
              huge.put(name, new Tensor(tensor.shape(), values));
            });
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> importing(new Weights(huge), folder.resolve("model").toString(), true));
    assertTrue(
        String.valueOf(refusal.getMessage()).contains("The model's logit for golden row"),
        refusal.getMessage());
    assertTrue(new Champions(store).find("toy").isEmpty());
    assertFalse(Files.exists(folder.resolve("model")));
  }

  private ImportModel.Output importing(Weights weights, @Nullable String output, boolean champion)
      throws IOException {
    Path file = Files.write(folder.resolve("toy.safetensors"), Safetensors.write(weights));
    Path spec = Files.writeString(folder.resolve("spec.json"), SPEC);
    return new ImportModel()
        .run(
            new ImportModel.Input(file.toString(), spec.toString(), null, output, champion, false),
            TestContext.of(store));
  }
}
