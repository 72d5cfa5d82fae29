package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import retune.core.judgement.VersionStatus;
import retune.model.ChallengerTraffic;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.TrafficControl;
import retune.runtime.Json;
import retune.runtime.store.QueryBlock;
import retune.testing.TestStore;
import tools.jackson.databind.JsonNode;

/** A running service beside whose champion a challenger has traffic. */
@Tag("slow")
class ServedChallengerTest {
  private static final String MODEL = Examples.MODEL.version().modelName();
  private static final String ROW = Examples.json(Map.of("features", Examples.row()));
  private static final ModelFolder.Content CHAMPION = Examples.MODEL;
  private static final ModelFolder.Content CHALLENGER = Examples.withThreshold(0.001);
  private static TestStore store;
  private int starts;

  @BeforeAll
  static void openStore() {
    store = TestStore.open();
  }

  @AfterAll
  static void closeStore() {
    store.close();
  }

  @BeforeEach
  void installTheChampion() {
    for (String collection : List.of("champions", "challenger_events")) {
      store.documents().collection(collection).deleteMany(new Document());
    }
    store.documents().queryLogs().removeBefore(MODEL, LocalDate.of(9999, 1, 1));
    register(CHAMPION);
    new Champions(store.documents()).install(MODEL, CHAMPION.version().modelId());
  }

  @Test
  void aShadowScoresEachRequestAndTheChampionAnswers() throws Exception {
    start(CHALLENGER, 0);
    List<String> ids = new ArrayList<>();
    try (RunningService service = RunningService.ofChampion(store.uri(), 0).awaitReady()) {
      awaitChallenger(service, CHALLENGER);
      JsonNode health = Json.MAPPER.readTree(service.health()).get("challenger");
      assertEquals("shadow", health.get("mode").asString());
      assertEquals(0, health.get("fraction").doubleValue());
      for (int request = 0; request < 5; request++) {
        JsonNode answer = Json.MAPPER.readTree(service.post("/predict", ROW).body());
        assertEquals(CHAMPION.version().modelId(), answer.get("model_id").asString());
        ids.add(answer.get("request_id").asString() + "/0");
      }
      awaitMetric(service, "retune_serving_shadow_requests_total{result=\"scored\"}", 5);
      assertEquals(5, metric(service, "retune_serving_answers_total{role=\"champion\"}"));
      assertEquals(0, metric(service, "retune_serving_answers_total{role=\"challenger\"}"));
      for (String role : List.of("champion", "challenger")) {
        double seconds =
            metric(service, "retune_serving_shadow_seconds_total{role=\"" + role + "\"}");
        assertTrue(seconds > 0 && seconds < 5, role + ": " + seconds);
      }
    }
    Map<String, QueryBlock.Row> logged = logged();
    for (String id : ids) {
      QueryBlock.Row row = Objects.requireNonNull(logged.get(id), id);
      assertEquals(CHAMPION.version().modelId(), row.modelId());
      QueryBlock.Challenger challenger = Objects.requireNonNull(row.challenger(), id);
      assertEquals(CHALLENGER.version().modelId(), challenger.modelId());
      assertEquals("shadow", challenger.mode());
      assertEquals(row.probability(), challenger.probability(), "the same network");
      assertEquals("1", challenger.predicted(), "its threshold is 0.001");
    }
  }

  @Test
  void aCanaryAnswersTheSameKeysEachTimeAndScoresTheOthers() throws Exception {
    start(CHALLENGER, 0.5);
    Map<String, String> answeredBy = new HashMap<>();
    Map<String, String> requests = new HashMap<>();
    try (RunningService service = RunningService.ofChampion(store.uri(), 0).awaitReady()) {
      awaitChallenger(service, CHALLENGER);
      for (int round = 0; round < 2; round++) {
        for (int key = 0; key < 20; key++) {
          JsonNode answer = Json.MAPPER.readTree(predict(service, "user " + key).body());
          String version = answer.get("model_id").asString();
          String before = answeredBy.put("user " + key, version);
          assertTrue(before == null || before.equals(version), "user " + key);
          requests.put(answer.get("request_id").asString() + "/0", version);
          assertEquals(
              version.equals(CHAMPION.version().modelId())
                  ? CHAMPION.version().decisionThreshold()
                  : CHALLENGER.version().decisionThreshold(),
              answer.get("threshold").doubleValue());
        }
      }
      int canary =
          (int) requests.values().stream().filter(CHALLENGER.version().modelId()::equals).count();
      assertTrue(canary > 0 && canary < 40, canary + " of 40");
      assertEquals(canary, metric(service, "retune_serving_answers_total{role=\"challenger\"}"));
      awaitMetric(service, "retune_serving_shadow_requests_total{result=\"scored\"}", 40 - canary);
      assertEquals(0.5, metric(service, "retune_serving_challenger_fraction"));

      String named = "/v2/models/" + MODEL + "/versions/" + CHAMPION.version().modelVersion();
      for (int key = 0; key < 20; key++) {
        JsonNode answer =
            Json.MAPPER.readTree(
                service
                    .send(
                        service
                            .request(named + "/infer")
                            .header("X-Request-Key", "user " + key)
                            .POST(
                                BodyPublishers.ofString(
                                    Examples.json(Map.of("inputs", Examples.tensors())))))
                    .body());
        assertEquals(
            CHAMPION.version().modelId(), answer.at("/parameters/model_id").asString(), "named");
      }
    }
    Map<String, QueryBlock.Row> logged = logged();
    requests.forEach(
        (id, version) -> {
          QueryBlock.Row row = Objects.requireNonNull(logged.get(id), id);
          assertEquals(version, row.modelId());
          QueryBlock.Challenger challenger = Objects.requireNonNull(row.challenger(), id);
          assertEquals(
              version.equals(CHAMPION.version().modelId()) ? "shadow" : "canary",
              challenger.mode());
        });
  }

  @Test
  void aChallengerThatFailsOnRowsOfUsersIsStoppedWithItsReasonAndNoUserSees() throws Exception {
    ModelFolder.Content refusing = Examples.refusingMissing("AGE");
    start(refusing, 0.5);
    Map<String, Object> row = Examples.row();
    row.put("AGE", null);
    String request = Examples.json(Map.of("features", row));
    try (RunningService service = RunningService.ofChampion(store.uri(), 0).awaitReady()) {
      awaitChallenger(service, refusing);
      for (int key = 0; key < 40; key++) {
        HttpResponse<String> answer =
            service.send(
                service
                    .request("/predict")
                    .header("X-Request-Key", "user " + key)
                    .POST(BodyPublishers.ofString(request)));
        assertEquals(200, answer.statusCode(), answer.body());
        assertTrue(answer.body().contains(CHAMPION.version().modelId()), answer.body());
      }
      RunningService.await("the stop", () -> !service.health().contains("\"challenger\""));
      assertEquals(1, service.metric("retune_serving_challenger_stops_total"));
    }
    assertNull(new Champions(store.documents()).get(MODEL).challenger());
    Document ended =
        store.documents().events().find("challenger_events", MODEL + "/1/ended").orElseThrow();
    assertEquals("serving", ended.getString("by"));
    assertTrue(ended.getString("reason").contains("Row 0 has no value in 'AGE'"), ended::toJson);
  }

  @Test
  void aRequestThatNoVersionCanReadIsNoFaultOfTheChallenger() throws Exception {
    start(CHALLENGER, 0.5);
    Map<String, Object> row = Examples.row();
    row.put("AGE", "old");
    String request = Examples.json(Map.of("features", row));
    try (RunningService service = RunningService.ofChampion(store.uri(), 0).awaitReady()) {
      awaitChallenger(service, CHALLENGER);
      for (int key = 0; key < 40; key++) {
        assertEquals(
            422,
            service
                .send(
                    service
                        .request("/predict")
                        .header("X-Request-Key", "user " + key)
                        .POST(BodyPublishers.ofString(request)))
                .statusCode());
      }
      assertEquals(
          0, metric(service, "retune_serving_challenger_failures_total{reason=\"refused\"}"));
      assertTrue(service.health().contains("\"challenger\""));
    }
  }

  @Test
  void aChallengerThatCannotBeLoadedHasNoTrafficAndTheNextOneHas() throws Exception {
    ModelFolder.Content wrong = Examples.withWrongGoldenRows();
    register(wrong);
    // Steps refuse such a version; its weights may be damaged after that.
    Champions champions = new Champions(store.documents());
    champions.startChallenger(
        champions.get(MODEL),
        new ChallengerTraffic(
            1,
            wrong.version().modelId(),
            ChallengerTraffic.Mode.SHADOW,
            0,
            "2026-11-05T06:00:00Z",
            "kim",
            "newer",
            "task"));
    try (RunningService service = RunningService.ofChampion(store.uri(), 0).awaitReady()) {
      RunningService.await(
          "the warning", () -> service.health().contains("has no traffic here: The "));
      assertEquals(200, service.post("/predict", ROW).statusCode());
      new TrafficControl(store.context(), MODEL, "abort").end(null, "kim", "damaged");
      start(CHALLENGER, 0);
      awaitChallenger(service, CHALLENGER);
      assertFalse(service.health().contains("challenger_warning"));
      assertNotNull(champions.get(MODEL).challenger());

      assertTrue(new TrafficControl(store.context(), MODEL, "end").end(null, "kim", "x").changed());
      RunningService.await("its end", () -> !service.health().contains("\"challenger\""));
      assertEquals(0, service.metric("retune_serving_challenger_active"));
    }
  }

  private static HttpResponse<String> predict(RunningService service, String key) throws Exception {
    return service.send(
        service
            .request("/predict")
            .header("X-Request-Key", key)
            .POST(BodyPublishers.ofString(ROW)));
  }

  private static void register(ModelFolder.Content content) {
    new ModelStore(store.documents())
        .register(content.version(), content.weights(), VersionStatus.APPROVED);
  }

  private void start(ModelFolder.Content content, double fraction) {
    register(content);
    assertTrue(
        new TrafficControl(store.context(), MODEL, "start " + starts++)
            .start(content.version().modelId(), fraction, "kim", "newer")
            .changed());
  }

  private static void awaitChallenger(RunningService service, ModelFolder.Content content)
      throws InterruptedException {
    RunningService.await(
        "the challenger",
        () ->
            service.health().contains("\"challenger\"")
                && service.health().contains(content.version().modelId()));
  }

  private static void awaitMetric(RunningService service, String name, double value)
      throws InterruptedException {
    RunningService.await(name, () -> value == metric(service, name));
  }

  private static double metric(RunningService service, String name) {
    try {
      return service.metric(name);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** What was logged, by key. */
  private static Map<String, QueryBlock.Row> logged() {
    Map<String, QueryBlock.Row> logged = new HashMap<>();
    LocalDate today = LocalDate.now(ZoneOffset.UTC);
    for (LocalDate date : List.of(today.minusDays(1), today)) {
      store
          .documents()
          .queryLogs()
          .answers(MODEL, date)
          .forEachRemaining(
              block ->
                  Objects.requireNonNull(block.rows()).forEach(row -> logged.put(row.key(), row)));
    }
    return logged;
  }
}
