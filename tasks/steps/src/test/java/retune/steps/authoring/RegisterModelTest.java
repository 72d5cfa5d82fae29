package retune.steps.authoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.model.ModelFolder;
import retune.model.batch.Batch;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
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
  void theFoldersReferenceBelongsToTheChampion() throws IOException {
    writeReference("n0,n1,default,note", 16_000);
    assertEquals(0, register(model, false).referenceRows());
    RegisterModel.Output output = register(model, true);
    assertEquals(ModelFolder.MOST_REFERENCE_ROWS, output.referenceRows());
    ProcessedBatch reference = reference().orElseThrow();
    assertEquals(ModelFolder.MOST_REFERENCE_ROWS, reference.rows());
    assertEquals("holdout", reference.datasetName());
    assertEquals(LocalDate.parse("2026-01-09"), reference.logicalDate());
    assertEquals(model.version().preprocessing().hash(), reference.preprocessingHash());
    Rows rows = deployment.store.processedBatches().readAll(reference);
    // Every fourth row has no label; the others are spread over the file.
    assertEquals(1, rows.features().numbers()[0][0]);
    assertTrue(rows.features().numbers()[0][9_999] > 15_990);
    assertTrue(Arrays.stream(rows.labels()).allMatch(label -> label >= 0));

    assertFalse(register(model, true).changed());
    writeReference("n0,n1,default,note", 400);
    assertTrue(register(model, true).changed());
    assertEquals(300, reference().orElseThrow().rows());
  }

  @Test
  void aReferenceThatTheModelCannotReadIsRefusedByName() throws IOException {
    writeReference("n0,n1,label,note", 40);
    assertRefused("reference.csv: There is no column 'default'", () -> register(model, true));
    writeReference("n0,n7,default,note", 40);
    assertRefused("reference.csv: ", () -> register(model, true));
    Files.writeString(referenceFile(), "n0,n1,default\n1,2,\n");
    assertRefused("No row has a value of 'default'", () -> register(model, true));
    assertEquals(Optional.empty(), reference());
    Files.delete(referenceFile());
    assertEquals(0, register(model, true).referenceRows());
  }

  @Test
  void withoutRowsOfItsOwnAModelGetsRowsOfItsDistribution() throws IOException {
    Path example = Path.of("../../examples/credit-default");
    Path distribution = example.resolve("distribution.json");
    registerDistribution("credit-default", distribution);
    assertEquals(Optional.empty(), reference());
    RegisterModel.Input champion =
        new RegisterModel.Input(example.resolve("finetuned").toString(), true, false);
    RegisterModel.Output output = new RegisterModel().run(champion, deployment.context());
    assertEquals(ModelFolder.MOST_REFERENCE_ROWS, output.referenceRows());
    ProcessedBatch drawn = reference().orElseThrow();
    assertEquals("synthetic", drawn.datasetName());
    assertEquals(drawn.rows(), drawn.labelled());

    assertFalse(new RegisterModel().run(champion, deployment.context()).changed());
    deployment.store.collection("processing_metadata").deleteMany(new Document());
    registerDistribution("credit-default", distribution);
    assertEquals(drawn.contentHash(), reference().orElseThrow().contentHash());
  }

  @Test
  void aDistributionThatDoesNotFitTheModelGivesNoReference() throws IOException {
    registerDistribution(
        "credit-default", Path.of("../../examples/credit-default/distribution.json"));
    RegisterModel.Output output = register(model, true);
    assertTrue(output.champion());
    assertEquals(0, output.referenceRows());
    assertEquals(Optional.empty(), reference());
  }

  private void registerDistribution(String name, Path file) throws IOException {
    new RegisterDistribution()
        .run(new RegisterDistribution.Input(name, file.toString()), deployment.context());
  }

  private Optional<ProcessedBatch> reference() {
    return deployment.store.processedBatches().find(Batch.referenceId(Deployment.MODEL));
  }

  private Path referenceFile() throws IOException {
    return Files.createDirectories(folder.resolve("model")).resolve(ModelFolder.REFERENCE);
  }

  private void writeReference(String header, int rows) throws IOException {
    Files.write(
        referenceFile(),
        Stream.concat(
                Stream.of(header),
                IntStream.range(0, rows)
                    .mapToObj(row -> "%d,0.5,%s,x".formatted(row, row % 4 == 0 ? "" : row % 2)))
            .toList());
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
