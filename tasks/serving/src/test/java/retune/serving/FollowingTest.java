package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.model.ChallengerTraffic;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.runtime.Json;
import retune.runtime.http.Endpoint;
import retune.runtime.store.DocumentStore;
import retune.serving.challenger.ServedChallenger;
import retune.serving.http.PredictionServer;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.QueryLog;
import tools.jackson.databind.JsonNode;

@Tag("slow")
class FollowingTest {
  private static final String MODEL = Examples.MODEL.version().modelName();
  private static final String ROW = Examples.json(Map.of("features", Examples.row()));
  private static final int SWAPS = 50;
  private static final String CANARY_ANSWERS = "retune_serving_answers_total{role=\"challenger\"}";
  private static final int OUTAGE_REQUESTS = 20;

  /** Enough rows for more than one thread of the engine. */
  private static final String ROWS =
      Examples.json(Map.of("instances", Collections.nCopies(200, Examples.row())));

  private EmbeddedStore server;
  private DocumentStore store;

  @BeforeEach
  void startStore(@TempDir Path folder) {
    start(folder, 0);
  }

  private void start(Path folder, int port) {
    server =
        EmbeddedStore.start(new EmbeddedStore.Settings(folder, "127.0.0.1", port, false, false));
    store = DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  }

  @AfterEach
  void stopStore() {
    store.close();
    server.close();
  }

  @Test
  void fiftyPromotionsAndRollbacksUnderLoadWithCanariesFailNoRequest() throws Exception {
    List<ModelFolder.Content> versions = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      versions.add(Examples.withThreshold(0.3 + i / 10.0));
    }
    versions.forEach(this::register);
    install(versions.getFirst());
    try (RunningService service = RunningService.ofChampion(server.uri(), 0).awaitReady()) {
      ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
      AtomicInteger answered = new AtomicInteger();
      AtomicBoolean goOn = new AtomicBoolean(true);
      List<Thread> callers = new ArrayList<>();
      for (String path : List.of("/predict", "/predict", "/predict", "/batch_predict")) {
        String body = path.equals("/predict") ? ROW : ROWS;
        callers.add(
            Thread.startVirtualThread(
                () -> {
                  while (goOn.get()) {
                    try {
                      String key = Integer.toString(answered.get());
                      HttpResponse<String> answer =
                          service.send(
                              service
                                  .request(path)
                                  .header("X-Request-Key", key)
                                  .POST(BodyPublishers.ofString(body)));
                      if (answer.statusCode() != 200) {
                        failures.add(answer.body());
                      }
                    } catch (Exception e) {
                      failures.add(e.toString());
                    }
                    answered.incrementAndGet();
                  }
                }));
      }
      for (int swap = 1; swap <= SWAPS; swap++) {
        ModelFolder.Content next = versions.get(swap % versions.size());
        long moved = System.nanoTime();
        if (swap % 3 == 0) {
          rollBack(next);
        } else {
          promoteAndRetire(next);
        }
        service.awaitServed(next.version().modelId());
        assertTrue(System.nanoTime() - moved < 10e9, "swap " + swap + " took 10 s or more");
        startCanary(versions.get((swap + 2) % versions.size()));
        if (swap % 10 == 0) {
          RunningService.await(
              "the canary", () -> metric(service, "retune_serving_challenger_active") == 1);
          double before = metric(service, CANARY_ANSWERS);
          RunningService.await("an answer of it", () -> metric(service, CANARY_ANSWERS) > before);
        }
      }
      goOn.set(false);
      for (Thread caller : callers) {
        caller.join();
      }
      assertEquals(List.of(), List.copyOf(failures));
      assertTrue(answered.get() > SWAPS, answered + " requests");
      assertEquals(SWAPS + 1, service.metric("retune_serving_model_swaps_total"));
      endCanary();
      RunningService.await(
          "engines of the versions before to be closed",
          () -> engineThreads() <= Runtime.getRuntime().availableProcessors());
    }
  }

  /** Number of engine threads; a closed engine has none. */
  private static long engineThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("engine-"))
        .count();
  }

  @Test
  void aCalibratedChampionStatesCalibratedProbabilitiesAndDecidesAlike() throws Exception {
    Calibrator platt = new Calibrator.Platt(0.5, -1);
    ModelFolder.Content calibrated = Examples.calibrated(platt);
    install(register(Examples.MODEL));
    try (RunningService service = RunningService.ofChampion(server.uri(), 0).awaitReady()) {
      JsonNode before = Json.MAPPER.readTree(service.post("/predict", ROW).body());
      promote(register(calibrated));
      service.awaitServed(calibrated.version().modelId());
      JsonNode after = Json.MAPPER.readTree(service.post("/predict", ROW).body());
      double stated = before.get("prediction").doubleValue();
      double logOdds = platt.calibrated(Math.log(stated / (1 - stated)));
      assertEquals(1 / (1 + Math.exp(-logOdds)), after.get("prediction").doubleValue(), 1e-6);
      assertTrue(after.get("calibrated").booleanValue());
      assertEquals(calibrated.version().decisionThreshold(), after.get("threshold").doubleValue());
      assertEquals(before.get("prediction_class"), after.get("prediction_class"));
    }
  }

  @Test
  void aChampionWhoseSharesAreCorrectedAnswersWithTheCorrection() throws Exception {
    Calibrator.Prior prior = new Calibrator.Prior(null, new double[] {-20});
    ModelFolder.Content corrected = Examples.corrected(prior);
    assertEquals(Examples.MODEL.version().weightsHash(), corrected.version().weightsHash());
    install(register(Examples.withThreshold(0.001)));
    try (RunningService service = RunningService.ofChampion(server.uri(), 0).awaitReady()) {
      JsonNode before = Json.MAPPER.readTree(service.post("/predict", ROW).body());
      promote(register(corrected));
      service.awaitServed(corrected.version().modelId());
      JsonNode after = Json.MAPPER.readTree(service.post("/predict", ROW).body());
      double stated = before.get("prediction").doubleValue();
      double odds = stated / (1 - stated) * Math.exp(-20);
      assertEquals(odds / (1 + odds), after.get("prediction").doubleValue(), 1e-9);
      assertNotEquals(before.get("prediction_class"), after.get("prediction_class"));
    }
  }

  @Test
  void aChampionThatFailsItsGoldenRowsIsNotServed() throws Exception {
    install(register(Examples.MODEL));
    try (RunningService service = RunningService.ofChampion(server.uri(), 0).awaitReady()) {
      promote(register(Examples.withWrongGoldenRows()));
      RunningService.await(
          "the refusal", () -> metric(service, "retune_serving_model_refusals_total") == 1);
      assertEquals(1, service.metric("retune_serving_behind_champion"));
      assertEquals(
          Examples.MODEL.version().modelId(),
          service
              .answer("/predict", Map.of("features", Examples.row()))
              .get("model_id")
              .asString());

      promote(register(Examples.withThreshold(0.6)));
      service.awaitServed(Examples.withThreshold(0.6).version().modelId());
      assertEquals(0, service.metric("retune_serving_behind_champion"));
    }
  }

  @Test
  void aChampionThatNobodyApprovedIsNotServed() throws Exception {
    install(register(Examples.MODEL));
    ModelFolder.Content next = Examples.withThreshold(0.6);
    String id = next.version().modelId();
    ModelStore models = new ModelStore(store);
    models.register(next.version(), next.weights(), VersionStatus.CANDIDATE);
    try (RunningService service = RunningService.ofChampion(server.uri(), 0).awaitReady()) {
      promote(next);
      awaitWarning(service, id, "candidate");
      assertTrue(
          service.health().contains(Examples.MODEL.version().modelId()), "the old one stays");
      assertEquals(1, service.metric("retune_serving_behind_champion"));
      assertTrue(service.metric("retune_serving_model_refusals_total") >= 1);

      models.move(id, VersionStatus.Event.REJECT, "by the test");
      awaitWarning(service, id, "rejected");

      models.move(id, VersionStatus.Event.APPROVE, "by the test");
      service.awaitServed(id);
      RunningService.await("no warning", () -> !service.health().contains("warning"));
    }
  }

  private static void awaitWarning(RunningService service, String id, String status)
      throws InterruptedException {
    String warning =
        "The champion %s is not served: its status is '%s', not approved or deployed."
            .formatted(id, status);
    RunningService.await(warning, () -> service.health().contains(warning));
  }

  @Test
  void aServiceWithoutAChampionWaitsForOne() throws Exception {
    try (RunningService service = RunningService.ofChampion(server.uri(), 0)) {
      RunningService.await("an answer", () -> service.status("/v2/health/live") == 200);
      assertEquals(503, service.status("/v2/health/ready"));
      assertEquals(503, service.status("/health"));
      HttpResponse<String> refused = service.post("/predict", ROW);
      assertEquals(503, refused.statusCode());
      assertTrue(refused.body().contains("No version is loaded yet"), refused.body());
      assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));

      install(register(Examples.MODEL));
      service.awaitReady();
      assertEquals(200, service.post("/predict", ROW).statusCode());
    }
  }

  @Test
  void theServiceSurvivesAnOutageOfItsStore(@TempDir Path folder) throws Exception {
    install(register(Examples.MODEL));
    int port = Integer.parseInt(server.uri().replaceAll(".*:(\\d+)/.*", "$1"));
    try (RunningService service = RunningService.ofChampion(server.uri(), 0).awaitReady()) {
      stopStore();
      RunningService.await("the outage", () -> metric(service, "retune_serving_store_up") == 0);
      for (int i = 0; i < OUTAGE_REQUESTS; i++) {
        assertEquals(200, service.post("/predict", ROW).statusCode());
      }
      assertEquals(200, service.status("/v2/health/ready"));
      assertEquals(OUTAGE_REQUESTS, service.metric("retune_query_log_queued_rows"));

      start(folder, port);
      install(register(Examples.withThreshold(0.6)));
      service.awaitServed(Examples.withThreshold(0.6).version().modelId());
      assertEquals(1, service.metric("retune_serving_store_up"));
      RunningService.await(
          "the query log",
          () -> metric(service, "retune_query_log_written_total") == OUTAGE_REQUESTS);
      assertEquals(0, service.metric("retune_query_log_queued_rows"));
    }
  }

  @Test
  void afterSigtermTheServiceAnswersWhileItDrains() throws Exception {
    install(register(Examples.MODEL));
    try (RunningService service = RunningService.ofChampion(server.uri(), 2).awaitReady()) {
      service.tellToStop();
      RunningService.await("not ready", () -> service.status("/v2/health/ready") == 503);
      HttpResponse<String> last = service.post("/predict", ROW);
      assertEquals(200, last.statusCode());
      assertEquals("close", last.headers().firstValue("Connection").orElse(""));
      Serving.Output output = service.output();
      assertEquals(Examples.MODEL.version().modelId(), output.modelId());
      assertEquals(1, output.predictions());
      assertTrue(output.requests() >= 3 && output.seconds() >= 2, output.toString());
      assertEquals(0, service.status("/v2/health/live"), "the port is closed");
    }
  }

  @Test
  void anUnreachableStoreDoesNotDelayTheShutdown() throws Exception {
    try (RunningService service =
        RunningService.ofChampion("mongodb://192.0.2.1/retune?connectTimeoutMS=60000", 0, "60")) {
      RunningService.await("an answer", () -> service.status("/v2/health/live") == 200);
      long told = System.nanoTime();
      service.tellToStop();
      service.output();
      assertTrue(System.nanoTime() - told < 30e9, "it waited for the store");
    }
  }

  @Test
  void anInvalidAddressOfTheStoreEndsTheService() throws Exception {
    try (RunningService service = RunningService.ofChampion("http://nowhere", 0)) {
      InvalidInputException refused = assertThrows(InvalidInputException.class, service::output);
      assertTrue(
          String.valueOf(refused.getMessage())
              .startsWith("RETUNE_MONGO_URI is not the address of a document store"),
          refused.getMessage());
    }
  }

  @Test
  void anInFlightRequestIsAnsweredAfterSigterm() throws Exception {
    try (RunningService service = RunningService.ofFolder().awaitReady();
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.port())) {
      byte[] body = ROW.getBytes(StandardCharsets.UTF_8);
      String head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length;
      socket.getOutputStream().write((head + "\r\n\r\n").getBytes(StandardCharsets.UTF_8));
      socket.getOutputStream().write(body, 0, 10);
      RunningService.await(
          "the request", () -> metric(service, "retune_serving_in_flight_requests") == 2);

      service.tellToStop();
      Thread.sleep(200);
      socket.getOutputStream().write(body, 10, body.length - 10);

      byte[] answer = socket.getInputStream().readNBytes(15);
      assertEquals("HTTP/1.1 200 OK", new String(answer, StandardCharsets.UTF_8));
      assertEquals(1, service.output().predictions());
    }
  }

  @Test
  void clientsThatDisconnectAreCountedAndDoNotDelayTheShutdown() throws Exception {
    try (RunningService service = RunningService.ofFolder().awaitReady()) {
      for (int i = 0; i < 20; i++) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.port())) {
          socket.setSoLinger(i % 2 == 0, 0); // by a reset, and by an end
          String head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{";
          socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
          socket.getOutputStream().flush();
          RunningService.await(
              "the request", () -> metric(service, "retune_serving_in_flight_requests") == 2);
        }
        RunningService.await(
            "its end", () -> metric(service, "retune_serving_in_flight_requests") == 1);
      }
      assertEquals(200, service.post("/predict", ROW).statusCode());
      String counted = "retune_serving_requests_total{endpoint=\"predict\",status=\"400\"} 20.0";
      assertTrue(service.get("/metrics").body().contains(counted));
      long told = System.nanoTime();
      service.tellToStop();
      service.output();
      assertTrue(System.nanoTime() - told < 5e9, "it waited for disconnected clients");
    }
  }

  @Test
  void aSlowSenderDoesNotBlockOthers() throws Exception {
    try (RunningService service = RunningService.ofFolder().awaitReady()) {
      List<Socket> slow = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.port());
        slow.add(socket);
        String head =
            "POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
      }
      RunningService.await(
          "the requests", () -> metric(service, "retune_serving_in_flight_requests") == 41);
      assertEquals(200, service.post("/predict", ROW).statusCode());
      for (Socket socket : slow) {
        socket.close();
      }
    }
  }

  @Test
  void anAddressThatIsInUseOrInvalidIsNamed() throws Exception {
    try (RunningService service = RunningService.ofFolder().awaitReady()) {
      assertThrowsFor(
          "127.0.0.1",
          service.port(),
          "Port %d on 127.0.0.1 is already in use; choose another one with --port"
              .formatted(service.port()));
      assertThrowsFor("no-such-host.invalid", 0, "The host 'no-such-host.invalid' cannot be");
      assertThrowsFor("192.0.2.1", 0, "The service cannot listen on 192.0.2.1, port 0:");
    }
  }

  private static void assertThrowsFor(String host, int port, String sentence) {
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () ->
                PredictionServer.start(
                    new Endpoint(host, port, null),
                    new ServedModel(),
                    new ServingMetrics(),
                    QueryLog.OFF,
                    new ServedChallenger(new ServingMetrics().challenger()),
                    List::of,
                    Clock.systemUTC()));
    assertTrue(String.valueOf(refused.getMessage()).startsWith(sentence), refused.getMessage());
  }

  private ModelFolder.Content register(ModelFolder.Content content) {
    new ModelStore(store).register(content.version(), content.weights(), VersionStatus.APPROVED);
    return content;
  }

  private void install(ModelFolder.Content first) {
    new Champions(store).install(MODEL, first.version().modelId());
  }

  private void promote(ModelFolder.Content next) {
    Champions champions = new Champions(store);
    String id = next.version().modelId();
    assertTrue(champions.promote(champions.find(MODEL).orElseThrow(), id, id));
  }

  /** As a day does: an evaluation approves the version, and the one before it retires. */
  private void promoteAndRetire(ModelFolder.Content next) {
    ModelStore models = new ModelStore(store);
    Champion before = new Champions(store).find(MODEL).orElseThrow();
    models.move(next.version().modelId(), VersionStatus.Event.APPROVE, "by the test");
    promote(next);
    models.move(before.modelId(), VersionStatus.Event.RETIRE, "by the test", before.revision() + 1);
  }

  /** Lets a version answer half of the requests, and score the others. */
  private void startCanary(ModelFolder.Content content) {
    Champions champions = new Champions(store);
    Champion champion = champions.find(MODEL).orElseThrow();
    assertTrue(
        champions.startChallenger(
            champion,
            new ChallengerTraffic(
                champion.challengers() + 1,
                content.version().modelId(),
                ChallengerTraffic.Mode.CANARY,
                0.5,
                "now",
                "the test",
                "to see",
                "task")));
  }

  private void endCanary() {
    Champions champions = new Champions(store);
    ChallengerTraffic traffic = champions.find(MODEL).orElseThrow().challenger();
    assertTrue(champions.endChallenger(MODEL, Objects.requireNonNull(traffic)));
  }

  /** In the order of the step rollback; the bar is lifted for the next round. */
  private void rollBack(ModelFolder.Content earlier) {
    ModelStore models = new ModelStore(store);
    Champions champions = new Champions(store);
    Champion before = champions.find(MODEL).orElseThrow();
    String id = earlier.version().modelId();
    Bar bar =
        new Bar(before.modelId(), before.revision() + 1, "the test", "too slow", "task", "now");
    models.move(id, VersionStatus.Event.RESTORE, "by the test", bar.revision());
    assertTrue(champions.rollBack(before, id, bar));
    models.move(before.modelId(), VersionStatus.Event.RETIRE, "by the test", bar.revision());
    assertTrue(champions.release(MODEL, bar));
  }

  private static double metric(RunningService service, String name) {
    try {
      return service.metric(name);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
