package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.control.RunningControl.json;

import java.net.http.HttpResponse;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
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

    assertEquals("ok", status.required("status").stringValue());
    JsonNode info = status.required("model_info");
    assertEquals(
        Set.of(
            "version",
            "accuracy",
            "f1_macro",
            "f1_weighted",
            "n_classes",
            "n_features",
            "n_samples"),
        names(info));
    assertEquals(id, info.required("version").stringValue());
    assertEquals(2, info.required("n_classes").intValue());
    assertEquals(23, info.required("n_features").intValue());
    assertEquals(
        "Overdue - data is 30+ days old",
        status.at("/retraining_info/next_retrain_recommended").stringValue());
    assertEquals(0, status.at("/retraining_info/retrain_count").intValue());
    assertTrue(status.at("/model_files/exists").booleanValue());
    assertTrue(status.at("/model_files/size_mb").doubleValue() > 0);
    assertFalse(status.at("/classifier_status/fallback_mode").booleanValue());
    assertEquals("2026-11-05T06:00:00Z", status.required("timestamp").stringValue());
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
