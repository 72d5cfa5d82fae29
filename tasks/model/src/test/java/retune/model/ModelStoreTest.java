package retune.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bson.Document;
import org.bson.types.Binary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.calibration.Calibrator;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.runtime.store.DocumentStore;
import retune.testing.TestContext;

class ModelStoreTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-05T06:00:00Z"), ZoneOffset.UTC);

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), CLOCK);
  private final ModelStore models = new ModelStore(store, CLOCK);
  private final ModelVersion version = TestModels.small(1).version();
  private final Weights weights = TestModels.small(1).weights();

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aRegisteredVersionIsFoundWhole() {
    assertEquals(Optional.empty(), models.find(version.modelId()));
    assertTrue(models.register(version, weights, VersionStatus.APPROVED));
    assertEquals(version, models.get(version.modelId()));
    assertEquals(weights.hash(), models.weights(version).hash());
    assertEquals(VersionStatus.APPROVED, models.status(version.modelId()));
  }

  @Test
  void aSecondRegistrationAddsNothing() {
    models.register(version, weights, VersionStatus.APPROVED);
    Document before = document();
    assertFalse(models.register(version, weights, VersionStatus.CANDIDATE));
    assertEquals(before, document());
    assertEquals(1, store.collection("model_metadata").countDocuments());
    assertEquals(1, store.collection("fs.files").countDocuments());
  }

  @Test
  void theDocumentHasTheFieldsThatDashboardsRead() {
    models.register(version, weights, VersionStatus.CANDIDATE);
    Document document = document();
    assertEquals("toy", document.getString("model_name"));
    assertEquals("weights/" + weights.hash(), document.getString("model_path"));
    assertEquals("20260109_101500", document.getString("model_version"));
    assertEquals("retune.model/1", document.getString("model_format"));
    assertEquals("candidate", document.getString("status"));
    assertEquals("2026-11-05T06:00:00Z", document.getString("created_at"));
    assertEquals(1, document.getInteger("finetune_epochs"));
    assertEquals(3e-4, document.getDouble("finetune_lr"));
    assertEquals(new Document("f1_score", 0.5), document.get("metrics"));
    assertEquals(
        new Document("finetuned_from", null)
            .append("finetune_epochs", 1)
            .append("finetune_lr", 3e-4)
            .append("strategy", "full")
            .append("seed", 7.0),
        document.get("hyperparameters"));
    assertNull(document.get("calibration"));
  }

  @Test
  void theDocumentSaysHowProbabilitiesAreCalibrated() {
    ModelVersion calibrated = TestModels.calibrated(version, new Calibrator.Platt(0.5, -1));
    models.register(calibrated, weights, VersionStatus.CANDIDATE);
    assertEquals(calibrated, models.get(calibrated.modelId()));
    Document document =
        store.collection("model_metadata").find(Filters.eq(calibrated.modelId())).first();
    assertEquals(
        new Document("method", "platt")
            .append("fitted_on", "4567")
            .append("rows", 1)
            .append("uncalibrated_threshold", 0.4)
            .append(
                "metrics",
                new Document("rows", 1.0)
                    .append("expected_calibration_error_before", 0.22)
                    .append("expected_calibration_error_after", 0.01)
                    .append("log_loss_before", 0.5)
                    .append("log_loss_after", 0.4)
                    .append("class_share_0", 1.0)
                    .append("class_share_1", 0.0)),
        Objects.requireNonNull(document).get("calibration"));
    assertEquals(
        "The probabilities are calibrated by platt on 1 rows: expected calibration error 0.220"
            + " before and 0.010 after, log loss 0.5000 before and 0.4000 after.",
        calibrated.calibrationSentence());
    assertEquals(
        "The probabilities are calibrated by platt on 1 rows.",
        calibrated.withMetrics(Map.of()).calibrationSentence());
  }

  @Test
  void theStatusMovesAndKeepsItsNote() {
    models.register(version, weights, VersionStatus.CANDIDATE);
    models.move(version.modelId(), VersionStatus.Event.REJECT, "F1 Score: 0.4321, Threshold: 0.75");
    assertEquals(VersionStatus.REJECTED, models.status(version.modelId()));
    assertEquals("F1 Score: 0.4321, Threshold: 0.75", document().getString("notes"));
  }

  @Test
  void eachMoveToAnotherStatusIsKeptWithItsReasonAndItsRun() {
    TestContext context =
        TestContext.of(store)
            .with(Map.of("RETUNE_STARTED_BY", "ada", "RETUNE_CODE_REVISION", "0123abc"));
    ModelStore ofStep = new ModelStore(context);
    String id = version.modelId();
    ofStep.register(version, weights, VersionStatus.CANDIDATE);
    ofStep.move(id, VersionStatus.Event.APPROVE, "Passed");
    ofStep.move(id, VersionStatus.Event.APPROVE, "Passed again");
    new ModelStore(context.inRun("later")).move(id, VersionStatus.Event.DEPLOY, "In production");
    List<Document> history = document().getList("status_history", Document.class);
    assertEquals(
        Arrays.asList(null, "candidate", "approved"),
        history.stream().map(move -> move.getString("from")).toList());
    assertEquals(
        List.of("candidate", "approved", "deployed"),
        history.stream().map(move -> move.getString("to")).toList());
    assertEquals(
        List.of("Registered", "Passed", "In production"),
        history.stream().map(move -> move.getString("reason")).toList());
    assertEquals(
        List.of("run", "run", "later"),
        history.stream().map(move -> move.getString("run_id")).toList());
    assertEquals("ada", history.getLast().getString("started_by"));
    assertEquals("0123abc", history.getLast().getString("code_revision"));
    assertEquals("2026-11-05T06:00:00Z", history.getLast().getString("timestamp"));
  }

  @Test
  void aMoveOfAnEarlierRevisionOfThePointerDoesNothing() {
    models.register(version, weights, VersionStatus.APPROVED);
    String id = version.modelId();
    models.move(id, VersionStatus.Event.DEPLOY, "In production", 1);
    models.move(id, VersionStatus.Event.RETIRE, "Followed", 2);
    models.move(id, VersionStatus.Event.RESTORE, "Rolled back", 3);
    models.move(id, VersionStatus.Event.RETIRE, "Followed, says a step that was overtaken", 2);
    assertEquals(VersionStatus.DEPLOYED, models.status(id));
    assertEquals("Rolled back", document().getString("notes"));
    assertEquals(List.of(id), models.deployed("toy"));
    models.move(id, VersionStatus.Event.RETIRE, "Followed", 4);
    assertEquals(VersionStatus.RETIRED, models.status(id));
    assertEquals(List.of(), models.deployed("toy"));
  }

  @Test
  void anUnknownVersionIsRefusedByName() {
    assertRefused("no model version 'toy-0'", () -> models.get("toy-0"));
    assertRefused("no model version 'toy-0'", () -> models.status("toy-0"));
    assertRefused(
        "no model version 'toy-0'", () -> models.move("toy-0", VersionStatus.Event.APPROVE, ""));
  }

  @Test
  void damagedWeightsAreRefusedUntilTheyAreRegisteredAgain() {
    models.register(version, weights, VersionStatus.APPROVED);
    Document chunk = Objects.requireNonNull(store.collection("fs.chunks").find().first());
    byte[] bytes = chunk.get("data", Binary.class).getData();
    bytes[bytes.length - 1] ^= 1;
    store
        .collection("fs.chunks")
        .updateOne(Filters.eq(chunk.get("_id")), Updates.set("data", new Binary(bytes)));
    assertRefused("are damaged", () -> models.weights(version));
    assertRefused(weights.hash(), () -> models.weights(version));
    assertFalse(models.register(version, weights, VersionStatus.APPROVED));
    assertEquals(weights.hash(), models.weights(version).hash());
  }

  @Test
  void weightsOfAnotherVersionAreRefusedWithBothHashes() {
    models.register(version, weights, VersionStatus.APPROVED);
    Weights other = TestModels.small(2).weights();
    store.blobs().put(ModelStore.weightsId(version), Safetensors.write(other));
    assertRefused(weights.hash(), () -> models.weights(version));
    assertRefused(other.hash(), () -> models.weights(version));
    assertRefused(other.hash(), () -> models.register(version, other, VersionStatus.APPROVED));
  }

  @Test
  void aVersionWithoutWeightsIsRefused() {
    models.register(version, weights, VersionStatus.APPROVED);
    store.collection("fs.files").drop();
    assertRefused("are not in the store", () -> models.weights(version));
  }

  @Test
  void aDocumentThatWasChangedIsRefused() {
    models.register(version, weights, VersionStatus.APPROVED);
    String changed =
        document()
            .getString("model_json")
            .replace("\"decision_threshold\" : 0.4", "\"decision_threshold\" : 0.1");
    store
        .collection("model_metadata")
        .updateOne(Filters.eq(version.modelId()), Updates.set("model_json", changed));
    assertRefused("its content is that of", () -> models.get(version.modelId()));
  }

  @Test
  void theRecordOfAVersionWithCodeSaysSo() {
    models.register(version, weights, VersionStatus.CANDIDATE);
    assertFalse(document().containsKey("runs_code"));
    ModelFolder.Content script = TestModels.script();
    models.register(script.version(), script.weights(), VersionStatus.CANDIDATE);
    Document record = document(script.version());
    assertEquals(true, record.get("runs_code"));
    assertEquals(record.get("created_at"), record.get("code_trusted_at"));
  }

  private Document document() {
    return document(version);
  }

  private Document document(ModelVersion version) {
    return Objects.requireNonNull(
        store.collection("model_metadata").find(Filters.eq(version.modelId())).first());
  }
}
