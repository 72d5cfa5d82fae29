package retune.steps.deployment;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.model.Champions.Champion;
import retune.model.DeploymentFolder;
import retune.model.ModelFolder;
import retune.steps.Deployment;
import retune.testing.TestContext;

class VerifyDeploymentTest {
  private static final List<String> CHECKS =
      List.of("hashes", "shapes", "preprocessing", "golden_rows", "deployment_folder");

  @TempDir Path folder;
  private Deployment deployment;
  private String first;
  private String second;
  private String third;

  @BeforeEach
  void start() throws IOException {
    deployment = new Deployment(folder);
    first = deployment.installChampion(1);
    second = deployment.register(Deployment.model(2, first), VersionStatus.APPROVED);
    third = deployment.register(Deployment.model(3, first), VersionStatus.APPROVED);
    deploy(first);
    deploy(second);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void aVersionThatIsWholeInStoreAndFolderPasses() throws Exception {
    assertEquals(CHECKS, verify(second).checks());
    assertEquals(second, champion().modelId());
  }

  @Test
  void damagedFilesBringTheVersionBeforeBack() throws Exception {
    damageFiles(second);
    assertRefused(
        "credit-default is rolled back from %s to %s by verify_deployment: "
            .formatted(second, first),
        () -> verify(second));
    assertEquals(first, champion().modelId());
    assertTrue(champion().deployed());
    assertEquals(VersionStatus.DEPLOYED, deployment.models.status(first));
    assertEquals(VersionStatus.RETIRED, deployment.models.status(second));
    assertEquals(
        first, new DeploymentFolder(folder, Deployment.MODEL).current().orElseThrow().modelId());
    Document event = document("deployment_events", "rollback/credit-default/3");
    assertEquals("verify_deployment", event.getString("by"));
    assertTrue(event.getString("reason").contains("weights.safetensors"), event.toJson());
    assertEquals(
        "critical", document("notifications", "rollback/credit-default/3").getString("severity"));
    assertRefused(second + " is barred from production", () -> deploy(second));
  }

  @Test
  void theFailedTaskFailsAgainAndMovesNothing() throws Exception {
    damageFiles(second);
    assertRefused("is rolled back", () -> verify(second));
    Map<String, String> before = deployment.everything();
    assertRefused("is rolled back", () -> verify(second));
    assertEquals(before, deployment.everything());
    assertEquals(
        "verify_deployment",
        document("deployment_events", "rollback/credit-default/3").getString("by"));
  }

  @Test
  void aMarkerOfAnotherVersionIsAFailure() throws Exception {
    Path marker = folder.resolve(Deployment.MODEL).resolve("current.json");
    Files.writeString(marker, Files.readString(marker).replace(second, third));
    assertRefused("current.json names " + third, () -> verify(second));
    assertEquals(first, champion().modelId());
  }

  @Test
  void lostWeightsAreAFailure() {
    deployment
        .store
        .collection("fs.files")
        .deleteOne(new Document("_id", "weights/" + deployment.models.get(second).weightsHash()));
    assertRefused(second + " fails the check 'hashes'", () -> verify(second));
    assertEquals(first, champion().modelId());
  }

  @Test
  void aServiceThatFollowsInTimePasses() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    try (Service service =
        new Service(
            () -> asked.incrementAndGet() < 3 ? "{\"model_loaded\":false}" : answer(second))) {
      List<String> checks = verify(second, service.url(), 30).checks();
      assertEquals("service", checks.getLast());
    }
    assertEquals(second, champion().modelId());
  }

  @Test
  void aServiceThatStaysWithTheOldVersionIsAFailure() throws Exception {
    try (Service service =
        new Service(() -> "{\"model_id\":\"" + first + "\",\"warning\":\"It is too large.\"}")) {
      assertRefused(
          "After 0 s, the service on 127.0.0.1 answers with %s and warns: It is too large."
              .formatted(first),
          () -> verify(second, service.url(), 0));
    }
    assertEquals(first, champion().modelId());
  }

  @Test
  void aServiceThatCannotBeAskedIsAFailure() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    assertRefused(
        "the service on 127.0.0.1 cannot be reached (ConnectException)",
        () -> verify(second, "http://127.0.0.1:" + port, 0));
    try (Service service = new Service(() -> "<html>")) {
      assertRefused("does not answer with JSON", () -> verify(first, service.url(), 0));
    }
  }

  @Test
  void anAddressThatIsNoneIsRefusedBeforeAnythingMoves() {
    assertNothingMoves("RETUNE_SERVING_URL is not an http", () -> verify(second, "serving:x", 0));
  }

  @Test
  void aFirstVersionThatFailsStaysAndPeopleAreTold(@TempDir Path other) throws Exception {
    try (Deployment fresh = new Deployment(other)) {
      String only = fresh.installChampion(1);
      new DeployModel()
          .run(new DeployModel.Input(Deployment.MODEL, only, null, null), fresh.context());
      Files.delete(other.resolve(Deployment.MODEL).resolve("current.json"));
      assertRefused(
          only + " fails in production and was not rolled back.",
          () ->
              new VerifyDeployment()
                  .run(new VerifyDeployment.Input(Deployment.MODEL, only, 0), fresh.context()));
      Document told =
          fresh.store.events().find("notifications", "verification/credit-default/1").orElseThrow();
      assertEquals("critical", told.getString("severity"));
      assertTrue(told.getString("message").endsWith("There is no earlier version."));
    }
  }

  /** Otherwise two broken versions would take turns for ever. */
  @Test
  void aBarredVersionDoesNotComeBackAutomatically() throws Exception {
    new Rollback()
        .run(
            new Rollback.Input(Deployment.MODEL, null, "too slow", "kim", null),
            deployment.context().inRun("rollback"));
    damageFiles(first);
    assertRefused(second + " is barred from production: kim", () -> verify(first));
    assertEquals(first, champion().modelId());
  }

  @Test
  void aVersionThatIsNotInProductionIsRefused() throws Exception {
    deploy(third);
    assertNothingMoves(
        second + " is not in production: credit-default was promoted to " + third,
        () -> verify(second));
    deployment.champions.promote(champion(), second, second);
    assertNothingMoves("run deploy_model first", () -> verify(second));
  }

  private void assertNothingMoves(String sentence, Executable call) {
    Map<String, String> before = deployment.everything();
    assertRefused(sentence, call);
    assertEquals(before, deployment.everything());
  }

  private static String answer(String modelId) {
    return "{\"status\":\"healthy\",\"model_id\":\"" + modelId + "\"}";
  }

  private void damageFiles(String modelId) throws IOException {
    Path weights =
        new DeploymentFolder(folder, Deployment.MODEL)
            .path(deployment.models.get(modelId))
            .resolve(ModelFolder.WEIGHTS);
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
  }

  private Document document(String collection, String id) {
    return deployment.store.events().find(collection, id).orElseThrow();
  }

  private Champion champion() {
    return deployment.champions.find(Deployment.MODEL).orElseThrow();
  }

  private void deploy(String modelId) throws IOException {
    new DeployModel()
        .run(new DeployModel.Input(Deployment.MODEL, modelId, null, null), deployment.context());
  }

  private VerifyDeployment.Output verify(String modelId) throws Exception {
    return verify(modelId, "", 0);
  }

  private VerifyDeployment.Output verify(String modelId, String url, int seconds) throws Exception {
    Map<String, String> environment = new HashMap<>(deployment.context().settings().environment());
    environment.put("RETUNE_SERVING_URL", url);
    TestContext context = deployment.context().with(environment).inRun("verifies " + modelId);
    return new VerifyDeployment()
        .run(new VerifyDeployment.Input(Deployment.MODEL, modelId, seconds), context);
  }

  /** A service that answers as the test says, at an address with the model's name. */
  private static final class Service implements AutoCloseable {
    private final HttpServer server;

    Service(Supplier<String> answer) throws IOException {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.createContext(
          "/" + Deployment.MODEL + "/health",
          exchange -> {
            byte[] body = answer.get().getBytes(UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
          });
      server.start();
    }

    String url() {
      return "http://127.0.0.1:" + server.getAddress().getPort() + "/{model}/";
    }

    @Override
    public void close() {
      server.stop(0);
    }
  }
}
