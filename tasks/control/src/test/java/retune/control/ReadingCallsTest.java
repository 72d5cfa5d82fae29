package retune.control;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.control.RunningControl.json;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.TextColumn;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.Weights;
import retune.runtime.Json;
import retune.runtime.http.Endpoint;
import retune.runtime.http.HttpService;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;

class ReadingCallsTest {
  private static final RunningControl CONTROL = new RunningControl();

  @AfterAll
  static void stop() {
    CONTROL.close();
  }

  @BeforeEach
  void clear() {
    CONTROL.clear();
  }

  @Test
  void theModelsStatusHasThePublishedShape() throws Exception {
    String id = CONTROL.register("credit");

    JsonNode status = json(200, CONTROL.get("/model/status"));

    assertEquals(
        Json.MAPPER.readTree(
            """
            {
              "status": "ok",
              "model": "credit",
              "model_info": {
                "version": "%s",
                "accuracy": 0.8053333333333333,
                "f1_macro": 0.7034073395472831,
                "f1_weighted": 0.8004649954951824,
                "n_classes": 2,
                "n_features": 23,
                "n_samples": 21000
              },
              "retraining_info": {
                "last_retrain": null,
                "next_retrain_recommended": "Overdue - data is 30+ days old",
                "retrain_count": 0
              },
              "dataset_info": {"total_samples": 0},
              "model_files": {"exists": true, "size_mb": 0.25, "last_modified": "2026-11-05T06:00:00Z"},
              "classifier_status": {
                "ml_classifier_loaded": true,
                "ml_labels_count": 2,
                "fallback_mode": false
              },
              "scheduler_status": {"status": "not_started", "jobs": [], "next_runs": {}},
              "challenger": null,
              "timestamp": "2026-11-05T06:00:00Z"
            }
            """
                .formatted(id)),
        status);
  }

  @Test
  void theMetricsAreThoseOfTheVersionWhenItWasMade() throws Exception {
    String id = CONTROL.register("credit");

    assertEquals(
        Json.MAPPER.readTree(
            """
            {
              "status": "ok",
              "model": "credit",
              "metrics": {
                "accuracy": 0.8053333333333333,
                "f1_macro": 0.7034073395472831,
                "f1_weighted": 0.8004649954951824,
                "n_classes": 2,
                "n_features": 23,
                "n_samples": 21000,
                "model_id": "%s",
                "training_date": "2026-10-01T10:15:00Z"
              },
              "timestamp": "2026-11-05T06:00:00Z"
            }
            """
                .formatted(id)),
        json(200, CONTROL.get("/retrain/metrics")));
  }

  @Test
  void theFeaturesOfAModelOfTextsAreItsTerms() throws Exception {
    Weights weights =
        new Weights(
            new TreeMap<>(
                Map.of(
                    "encoder.idf", new Tensor(new int[] {3}, new float[] {1, 1, 1}),
                    "fc.0.weight", new Tensor(new int[] {2, 3}, new float[6]),
                    "fc.0.bias", new Tensor(new int[] {2}, new float[2]))));
    ModelVersion version =
        ModelVersion.of(
            "questions",
            TestContext.NOW,
            new ModelVersion.Design(
                new Architecture.Text(2, 3),
                new Preprocessing(
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of(),
                    null,
                    new TextColumn("text", List.of("card", "pin", "card pin"), 2)),
                new Target("intent", List.of("cards", "pins"), "pins")),
            new ModelVersion.Lineage(null, "imported", 0, 0, "unknown", Map.of(), List.of()),
            weights);
    new ModelStore(CONTROL.store().context()).register(version, weights, VersionStatus.DEPLOYED);
    new Champions(CONTROL.store().documents()).install("questions", version.modelId());

    JsonNode metrics = json(200, CONTROL.get("/retrain/metrics")).required("metrics");

    assertEquals(3, metrics.required("n_features").intValue());
    assertTrue(metrics.required("n_samples").isNull(), "it was trained elsewhere");
    assertTrue(metrics.required("accuracy").isNull());
  }

  @Test
  void aVersionWhoseWeightsAreLostIsNotLoaded() throws Exception {
    CONTROL.register("credit");
    CONTROL.store().documents().collection("fs.files").deleteMany(new Document());

    JsonNode status = json(200, CONTROL.get("/model/status"));

    assertFalse(status.at("/model_files/exists").booleanValue());
    assertFalse(status.at("/classifier_status/ml_classifier_loaded").booleanValue());
    assertTrue(status.at("/classifier_status/fallback_mode").booleanValue());
  }

  @Test
  void theRetrainStatusCountsFromTheLastRetrainingThatEnded() throws Exception {
    CONTROL.register("credit");
    event("failed", "2026-10-01T00:00:00Z");
    event("started", "2026-11-04T05:00:00Z");
    event("rejected", "2026-11-04T06:00:00Z");

    JsonNode answer = json(200, CONTROL.get("/retrain/status"));

    JsonNode status = answer.required("retrain_status");
    assertEquals("2026-11-04T06:00:00Z", status.required("last_retrain").stringValue());
    assertEquals(
        "Not yet - need 50 more samples or 29 more days",
        status.required("next_retrain_recommended").stringValue());
    assertEquals(0, status.at("/logged_data_status/sample_count").intValue());
    assertEquals(34, status.at("/model_status/days_old").intValue());
    assertEquals(
        List.of("Not yet - no new labelled samples since the last training."),
        status.required("recommendations").valueStream().map(JsonNode::stringValue).toList());
    assertEquals(2, answer.at("/current_model_status/ml_labels_count").intValue());
    assertEquals(
        2, json(200, CONTROL.get("/model/status")).at("/retraining_info/retrain_count").intValue());
  }

  @Test
  void theSchedulesConfigurationIsUnknownBeforeTheFirstDecision() throws Exception {
    CONTROL.register("credit");

    assertEquals(
        "[null,null,null,null,null]", enabled(json(200, CONTROL.get("/scheduler/status"))));

    CONTROL
        .store()
        .documents()
        .events()
        .append(
            "trigger_decisions",
            "credit/check",
            new Document("triggers", List.of("weekly", "adaptive"))
                .append("rules", new Document("min_samples", 40)));
    assertEquals("[true,false,true,40,7]", enabled(json(200, CONTROL.get("/scheduler/status"))));
  }

  private static String enabled(JsonNode status) {
    JsonNode config = status.at("/scheduler/config");
    return Stream.of(
            "/weekly_retrain/enabled",
            "/monthly_retrain/enabled",
            "/adaptive_retrain/enabled",
            "/adaptive_retrain/min_samples",
            "/adaptive_retrain/min_days")
        .map(path -> config.at(path).toString())
        .collect(Collectors.joining(",", "[", "]"));
  }

  @Test
  void theVersionsSayWhichOneIsInProduction() throws Exception {
    String champion = CONTROL.register("credit");
    String other = CONTROL.register("credit", 0.4, false);

    JsonNode versions = json(200, CONTROL.get("/retrain/versions")).required("versions");

    assertEquals(Set.of(champion, other), names(versions));
    assertTrue(versions.required(champion).required("deployed").booleanValue());
    assertEquals("full", versions.required(champion).required("deploy_mode").stringValue());
    assertFalse(versions.required(other).required("deployed").booleanValue());
    assertTrue(versions.required(other).required("deploy_mode").isNull());
    JsonNode metrics = json(200, CONTROL.get("/retrain/metrics")).required("metrics");
    assertEquals("2026-10-01T10:15:00Z", metrics.required("training_date").stringValue());
  }

  @Test
  void ofSeveralModelsOneIsChosenByName() throws Exception {
    CONTROL.register("credit");
    String second = CONTROL.register("second");

    JsonNode refused = json(400, CONTROL.get("/model/status"));
    assertEquals(
        "There are several models; choose one with ?model=NAME. The models are credit, second.",
        refused.required("message").stringValue());
    assertEquals(400, refused.required("status").intValue());
    assertEquals(
        second,
        json(200, CONTROL.get("/model/status?model=second"))
            .at("/model_info/version")
            .stringValue());
    assertEquals(
        "There is no model 'third' in production; the models are credit, second.",
        json(404, CONTROL.get("/model/status?model=third")).required("message").stringValue());
  }

  @Test
  void theHealthNamesTheVersionOfTheChosenModelOrOfTheFirstByName() throws Exception {
    String second = CONTROL.register("second");
    String first = CONTROL.register("first");

    assertEquals(first, json(200, CONTROL.get("/health")).required("model_version").stringValue());
    JsonNode chosen = json(200, CONTROL.get("/health?model=second"));
    assertEquals(second, chosen.required("model_version").stringValue());
    assertTrue(chosen.required("model_loaded").booleanValue());
    assertEquals(
        "There is no model 'third' in production; the models are first, second.",
        json(404, CONTROL.get("/health?model=third")).required("message").stringValue());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/model/status", "/retrain/status", "/retrain/metrics"})
  void withoutAModelThereIsNothingToTell(String path) throws Exception {
    JsonNode problem = json(404, CONTROL.get(path));
    assertEquals(
        "No model has a version in production; register one with register_model --champion.",
        problem.required("message").stringValue());
    assertFalse(json(200, CONTROL.get("/health")).required("model_loaded").booleanValue());
  }

  @Test
  void everyAnswerHasTheSecurityHeaders() throws Exception {
    for (String path : List.of("/health", "/nothing")) {
      HttpResponse<String> response = CONTROL.get(path);
      String policy = response.headers().firstValue("Content-Security-Policy").orElseThrow();
      assertTrue(policy.startsWith("default-src 'none'; script-src 'self';"), policy);
      assertFalse(policy.contains("unsafe"), policy);
      assertEquals(
          "nosniff", response.headers().firstValue("X-Content-Type-Options").orElseThrow());
      assertEquals("no-store", response.headers().firstValue("Cache-Control").orElseThrow());
    }
  }

  /** A page elsewhere whose name resolves to this machine reads nothing. */
  @Test
  void aServiceOnLoopbackAnswersToItsOwnNamesAlone() throws Exception {
    for (String name : List.of("evil.example", "127.0.0.1.evil.example", "evil.example:8091")) {
      String answer = asked(name);
      assertTrue(answer.startsWith("HTTP/1.1 421 "), answer);
      assertTrue(answer.contains("'%s' is not a name of this service;".formatted(name)), answer);
    }
    for (String name : List.of("localhost", "127.0.0.1:8091", "[::1]:8091", "10.1.2.3:8091")) {
      String answer = asked(name);
      assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
    }
  }

  /** As in an image, which listens on all addresses of a container behind a port of the machine. */
  @Test
  void aServiceElsewhereAnswersToTheNamesThatAreSet() throws Exception {
    try (HttpService service = listeningElsewhere("Retune.example.com, control")) {
      for (String name : List.of("evil.example", "retune.example.com.evil.example:8091")) {
        String answer = asked(service.address(), name);
        assertTrue(answer.startsWith("HTTP/1.1 421 "), answer);
        assertTrue(answer.contains("or set RETUNE_HOSTS to the names"), answer);
      }
      for (String name :
          List.of(
              "retune.example.com",
              "CONTROL:8091",
              "localhost:8091",
              "10.1.2.3",
              "[fd00::1]:8091")) {
        String answer = asked(service.address(), name);
        assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
      }
    }
    try (HttpService service = listeningElsewhere("")) {
      String answer = asked(service.address(), "evil.example");
      assertTrue(answer.startsWith("HTTP/1.1 200 "), "by default any name: " + answer);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://retune.example.com", "control:8091", "a,,b", "*"})
  void namesThatNoBrowserSendsAreRefused(String names) {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> listeningElsewhere(names));
    assertEquals(
        "RETUNE_HOSTS is '%s'; set it to host names without scheme and port, separated by commas, such as retune.example.com,control."
            .formatted(names),
        refused.getMessage());
  }

  private static HttpService listeningElsewhere(String names) throws IOException {
    TestContext context = CONTROL.store().context().with(Map.of("RETUNE_HOSTS", names));
    return HttpService.start(
        new Endpoint("127.0.0.1", 0, null),
        new HealthRoutes(context).routes(),
        new Requests("0.0.0.0", context.settings(), new Metrics(context)),
        context.clock());
  }

  private static String asked(String host) throws IOException {
    return asked(CONTROL.address(), host);
  }

  /** The answer to a request whose host has this name, which an HTTP client would not send. */
  private static String asked(String service, String host) throws IOException {
    URI address = URI.create(service);
    try (Socket socket = new Socket(address.getHost(), address.getPort())) {
      socket
          .getOutputStream()
          .write(
              "GET /health/live HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                  .formatted(host)
                  .getBytes(US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), UTF_8);
    }
  }

  private void event(String status, String timestamp) {
    CONTROL
        .store()
        .documents()
        .collection("retraining_events")
        .insertOne(
            new Document("_id", "credit/retraining-1/" + status)
                .append("status", status)
                .append("trigger", "forced")
                .append("last_day", "2026-11-03")
                .append("timestamp", timestamp));
  }

  private static Set<String> names(JsonNode object) {
    return new TreeSet<>(object.propertyNames());
  }
}
