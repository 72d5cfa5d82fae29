package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.Safetensors;
import retune.steps.Deployment;

class ValidateModelTest {
  @TempDir Path folder;
  private Deployment deployment;
  private final ModelFolder.Content model = Deployment.model(1, null);

  @BeforeEach
  void start() {
    deployment = new Deployment(folder);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void aSoundVersionPassesEachCheckOnTheServingEngine() {
    ValidateModel.Output output = validate(model);
    assertTrue(output.valid());
    assertEquals(List.of("hashes", "shapes", "preprocessing", "golden_rows"), output.checks());
    assertEquals("vector", output.engine());
    assertTrue(output.maxDifference() < 1e-5);
  }

  @Test
  void weightsOfAnotherVersionFailTheHashes() {
    String modelId = deployment.register(model, VersionStatus.APPROVED);
    ModelFolder.Content other = Deployment.model(2, null);
    deployment
        .store
        .blobs()
        .put(ModelStore.weightsId(model.version()), Safetensors.write(other.weights()));
    assertRefused(
        "fails the check 'hashes'",
        () -> new ValidateModel().run(new ValidateModel.Input(modelId), deployment.context()));
  }

  @Test
  void aBareEncoderFails() {
    assertRefused(
        "fails the check 'shapes': It is a pre-trained encoder",
        () -> validate(Deployment.encoder()));
  }

  @Test
  void answersThatDifferFromTrainingsFail() {
    Golden golden = Objects.requireNonNull(model.version().golden());
    golden.logits()[2][1] += 0.01f;
    ModelVersion wrong = Deployment.version(model.weights(), 1, null, golden);
    assertRefused(
        "fails the check 'golden_rows': The vector engine gives golden row 2",
        () -> validate(new ModelFolder.Content(wrong, model.weights())));
  }

  @Test
  void aVersionWithoutGoldenRowsFails() {
    assertRefused(
        "has no golden rows", () -> validate(Deployment.model(model.weights(), 1, null, false)));
  }

  @Test
  void anUnknownVersionIsRefused() {
    assertRefused(
        "no model version 'none'",
        () -> new ValidateModel().run(new ValidateModel.Input("none"), deployment.context()));
  }

  private ValidateModel.Output validate(ModelFolder.Content content) {
    String modelId = deployment.register(content, VersionStatus.APPROVED);
    return new ValidateModel().run(new ValidateModel.Input(modelId), deployment.context());
  }
}
