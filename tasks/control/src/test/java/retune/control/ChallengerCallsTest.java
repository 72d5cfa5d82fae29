package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.control.RunningControl.json;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import tools.jackson.databind.JsonNode;

/** Traffic for a challenger over the control API, with an Airflow that does not answer. */
class ChallengerCallsTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final Path TOKENS = RunningControl.tokenFile("ops " + TOKEN + "\n");
  private static final RunningControl CONTROL =
      new RunningControl(Map.of("RETUNE_AIRFLOW_URL", "http://127.0.0.1:1"), null, TOKENS);
  private String champion;
  private String other;

  @AfterAll
  static void stop() throws IOException {
    CONTROL.close();
    Files.delete(TOKENS);
  }

  @BeforeEach
  void registerTwoVersions() {
    CONTROL.clear();
    CONTROL.pass(Duration.ofMinutes(2)); // so that no test uses up another's calls
    CONTROL.useToken(TOKEN);
    champion = CONTROL.register("credit");
    other = CONTROL.register("credit", 0.3, false);
  }

  @Test
  void aTestStartsInShadowAndStopsInThePublishedShapes() throws Exception {
    JsonNode started = post(200, "/retrain/abtest/start", version(other, ""));
    assertEquals("ab_started", started.required("status").stringValue());
    assertEquals(other, started.required("version_id").stringValue());
    assertEquals(0, started.required("fraction").doubleValue());
    assertEquals("shadow", started.required("mode").stringValue());
    assertTrue(started.has("timestamp"));

    JsonNode told = json(200, CONTROL.get("/model/status")).required("challenger");
    assertEquals(other, told.required("version_id").stringValue());
    assertEquals("ops", told.required("by").stringValue());
    assertEquals("shadow", mode(other));
    assertEquals("full", mode(champion));

    JsonNode stopped = post(200, "/retrain/abtest/stop", "{\"reason\": \"enough\"}");
    assertEquals("ab_stopped", stopped.required("status").stringValue());
    assertEquals(other, stopped.required("version_id").stringValue());
    assertEquals(
        "The traffic of " + other + " has ended (enough, by ops).",
        stopped.required("message").stringValue());
    assertNull(pointer().challenger());
    assertTrue(json(200, CONTROL.get("/model/status")).required("challenger").isNull());
    JsonNode again = post(200, "/retrain/abtest/stop", "");
    assertTrue(again.required("version_id").isNull());
    assertEquals(
        "No challenger of credit has traffic; nothing changed.",
        again.required("message").stringValue());
  }

  @Test
  void aCanaryIsADeploymentOfAShare() throws Exception {
    JsonNode deployed = post(200, "/retrain/deploy", version(other, ", \"mode\": \"canary\""));
    assertEquals("deployed", deployed.required("status").stringValue());
    assertEquals("canary", deployed.required("mode").stringValue());
    assertEquals(0.1, deployed.required("fraction").doubleValue());
    assertEquals("canary", mode(other));

    JsonNode more = post(200, "/retrain/abtest/start", version(other, ", \"fraction\": 0.25"));
    assertEquals(0.25, more.required("fraction").doubleValue());
    Champion pointer = pointer();
    assertEquals(champion, pointer.modelId());
    assertEquals(2, pointer.challengers());
    Document second =
        CONTROL
            .store()
            .documents()
            .events()
            .find("challenger_events", "credit/2/started")
            .orElseThrow();
    assertEquals("ops", second.getString("by"));
  }

  @Test
  void aPromotionIsApprovedAndLeftToTheDeployment() throws Exception {
    post(200, "/retrain/abtest/start", version(other, ""));
    new ModelStore(CONTROL.store().context())
        .move(other, VersionStatus.Event.REJECT, "by the test");

    for (int i = 0; i < 2; i++) {
      assertEquals(
          ("%s, which had traffic as a challenger, is approved to follow %s by ops (better). Its"
                  + " deployment has not started: Airflow at 127.0.0.1:1 does not answer"
                  + " (ConnectException); check that it runs, and RETUNE_AIRFLOW_URL. Promote it"
                  + " again to start that.")
              .formatted(other, champion),
          message(502, "/retrain/abtest/promote", "{\"reason\": \"better\"}"));
    }

    assertEquals(champion, pointer().modelId());
    assertEquals(VersionStatus.APPROVED, new ModelStore(CONTROL.store().context()).status(other));
    Document promotion =
        CONTROL
            .store()
            .documents()
            .events()
            .find("challenger_promotions", "credit/promotion-1-" + other)
            .orElseThrow();
    assertEquals("ops", promotion.getString("by"));
    assertEquals("better", promotion.getString("reason"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "400|/retrain/abtest/start|{}|'version_id' is missing in the body.",
        "404|/retrain/abtest/start|{\"version_id\": \"nobody\"}|The model 'credit' has no version"
            + " 'nobody'; see /retrain/versions.",
        "400|/retrain/abtest/start|{\"version_id\": \"V\", \"fraction\": \"half\"}|'fraction'"
            + " must be a number, not \"half\".",
        "422|/retrain/abtest/start|{\"version_id\": \"V\", \"fraction\": 0.9}|The fraction 0.9 is"
            + " not between 0 (shadow) and 0.5: the version in production answers the other"
            + " requests, and pairs of answers come from these.",
        "422|/retrain/abtest/promote|{}|No challenger of credit has traffic; C is in production."
            + " Start one with './retune start_challenger' first.",
        "400|/retrain/deploy|{\"version_id\": \"V\", \"mode\": \"half\"}|'mode' must be full or"
            + " canary, not 'half'."
      })
  void aCallWithAMistakeIsRefused(int status, String call, String body, String sentence)
      throws Exception {
    assertEquals(
        sentence.replace("C is", champion + " is"),
        message(status, call, body.replace("\"V\"", "\"" + other + "\"")));
    assertNull(pointer().challenger());
  }

  private static String version(String id, String more) {
    return "{\"version_id\": \"%s\"%s}".formatted(id, more);
  }

  private static JsonNode post(int status, String call, String body) throws Exception {
    return json(status, CONTROL.post(call, body));
  }

  private static String message(int status, String call, String body) throws Exception {
    return post(status, call, body).required("message").stringValue();
  }

  private static String mode(String version) throws Exception {
    return json(200, CONTROL.get("/retrain/versions"))
        .required("versions")
        .required(version)
        .required("deploy_mode")
        .stringValue();
  }

  private static Champion pointer() {
    return new Champions(CONTROL.store().documents()).get("credit");
  }
}
