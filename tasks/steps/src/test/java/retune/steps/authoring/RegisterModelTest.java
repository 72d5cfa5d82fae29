package retune.steps.authoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.model.ModelFolder;
import retune.steps.Deployment;

class RegisterModelTest {
  @TempDir Path folder;
  private Deployment deployment;
  private final ModelFolder.Content model = Deployment.model(1, null);
  private final String modelId = model.version().modelId();

  @BeforeEach
  void start() throws IOException {
    deployment = new Deployment(Files.createDirectory(folder.resolve("deployed")));
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void aVersionIsRegisteredAsACandidate() throws IOException {
    RegisterModel.Output output = register(model, false);
    assertEquals(modelId, output.modelId());
    assertEquals("finetuned", output.kind());
    assertEquals(model.weights().hash(), output.weightsHash());
    assertTrue(output.changed());
    assertFalse(output.champion());
    assertEquals(
        modelId + " is registered, but not as the champion of credit-default.", output.message());
    assertEquals(VersionStatus.CANDIDATE, deployment.models.status(modelId));
  }

  @Test
  void aSecondRegistrationAddsNothingAndSaysSo() throws IOException {
    register(model, true);
    Map<String, String> before = deployment.everything();
    RegisterModel.Output output = register(model, true);
    assertFalse(output.changed());
    assertTrue(output.champion());
    assertEquals(
        modelId + " was already registered; it is the champion of credit-default.",
        output.message());
    assertEquals(before, deployment.everything());
  }

  @Test
  void theFirstChampionIsApproved() throws IOException {
    RegisterModel.Output output = register(model, true);
    assertTrue(output.champion());
    assertTrue(output.message().endsWith("is now the champion of credit-default."));
    assertEquals(VersionStatus.APPROVED, deployment.models.status(modelId));
    assertEquals(modelId, deployment.champions.find(Deployment.MODEL).orElseThrow().modelId());
  }

  @Test
  void aCandidateCanBecomeTheFirstChampionLater() throws IOException {
    register(model, false);
    assertTrue(register(model, true).changed());
    assertEquals(VersionStatus.APPROVED, deployment.models.status(modelId));
  }

  @Test
  void anExistingChampionIsNotOverwrittenAndNothingIsWritten() throws IOException {
    register(model, true);
    Map<String, String> before = deployment.everything();
    assertRefused(
        "already has the champion " + modelId, () -> register(Deployment.model(2, null), true));
    assertEquals(before, deployment.everything());
  }

  @Test
  void aChampionOfFormerTimesIsLeftInPeace() throws IOException {
    register(model, true);
    ModelFolder.Content next = Deployment.model(2, null);
    register(next, false);
    deployment.champions.promote(
        deployment.champions.find(Deployment.MODEL).orElseThrow(),
        next.version().modelId(),
        modelId);
    deployment.models.move(modelId, VersionStatus.Event.RETIRE, "Followed by a better one");
    RegisterModel.Output again = register(model, true);
    assertFalse(again.changed());
    assertFalse(again.champion());
    assertTrue(again.message().contains("it was the champion once"), again.message());
  }

  @Test
  void aBareEncoderIsKeptButIsNoChampion() throws IOException {
    assertRefused("is a pre-trained encoder", () -> register(Deployment.encoder(), true));
    assertEquals(Optional.empty(), deployment.champions.find(Deployment.MODEL));
    assertEquals("pretrained", register(Deployment.encoder(), false).kind());
  }

  @Test
  void aDamagedFileIsRefusedAndNothingIsWritten() throws IOException {
    Path files = folder.resolve("model");
    ModelFolder.write(files, model);
    Path weights = files.resolve(ModelFolder.WEIGHTS);
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    Map<String, String> before = deployment.everything();
    assertRefused(
        "its description says " + model.weights().hash(),
        () ->
            new RegisterModel()
                .run(new RegisterModel.Input(files.toString(), true, false), deployment.context()));
    assertEquals(before, deployment.everything());
  }

  @Test
  void aPathWithoutAModelIsRefused() {
    assertRefused(
        "There is no model at",
        () ->
            new RegisterModel()
                .run(
                    new RegisterModel.Input(folder.resolve("none").toString(), false, false),
                    deployment.context()));
  }

  private RegisterModel.Output register(ModelFolder.Content content, boolean champion)
      throws IOException {
    Path files = folder.resolve("model");
    ModelFolder.write(files, content);
    return new RegisterModel()
        .run(new RegisterModel.Input(files.toString(), champion, false), deployment.context());
  }
}
