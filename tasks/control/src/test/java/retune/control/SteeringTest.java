package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.control.RunningControl.json;

import com.mongodb.client.model.Filters;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.runtime.http.Tokens;
import retune.runtime.store.Lease;
import tools.jackson.databind.JsonNode;

/** Changing calls, with an Airflow that does not answer. */
class SteeringTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final String PASSWORD = "the-password-of-airflow";
  private static final Path TOKENS =
      RunningControl.tokenFile("# who may steer\n\nops " + TOKEN + "\n");
  private static final RunningControl CONTROL =
      new RunningControl(
          Map.of(
              "RETUNE_AIRFLOW_URL", "http://127.0.0.1:1",
              "RETUNE_AIRFLOW_USER", "control",
              "RETUNE_AIRFLOW_PASSWORD", PASSWORD),
          null,
          TOKENS);

  @AfterAll
  static void stop() throws IOException {
    CONTROL.close();
    Files.delete(TOKENS);
  }

  @BeforeEach
  void clear() {
    CONTROL.clear();
    CONTROL.pass(Duration.ofMinutes(2)); // so that no test uses up another's tries
    CONTROL.useToken(TOKEN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/retrain", "/retrain/rollback", "/scheduler/start", "/scheduler/stop"})
  void whereAirflowIsDownNothingStartsAndASentenceSaysSo(String call) throws Exception {
    CONTROL.register("credit");
    String body = call.equals("/retrain/rollback") ? earlier() : "";

    JsonNode problem = json(502, CONTROL.post(call, body));

    assertEquals(
        "Airflow at 127.0.0.1:1 does not answer (ConnectException); check that it runs, and"
            + " RETUNE_AIRFLOW_URL.",
        problem.required("message").stringValue());
    Document event = event("ops");
    assertEquals("ops", event.getString("by"));
    assertEquals(call, event.getString("call"));
    assertEquals(502, event.getInteger("status"));
    assertTrue(!event.toJson().contains(TOKEN) && !event.toJson().contains(PASSWORD));
  }

  @Test
  void aCallIsRecordedWhateverItsBodyHas() throws Exception {
    CONTROL.register("credit");
    String deep = "[".repeat(300) + "]".repeat(300);

    json(502, CONTROL.post("/scheduler/start?model=credit", "{\"model\": {\"$oid\": \"no id\"}}"));
    json(502, CONTROL.post("/scheduler/stop?model=credit", "{\"model\": %s}".formatted(deep)));
    json(502, CONTROL.post("/retrain", "{\"model\": \"credit\", \"force_retrain\": true}"));

    assertEquals(new Document("model", "{\"$oid\":\"no id\"}"), recorded("/scheduler/start"));
    assertEquals(new Document("model", deep), recorded("/scheduler/stop"));
    assertEquals(
        new Document("model", "credit").append("force_retrain", true), recorded("/retrain"));
  }

  /** The body of a call, as it was recorded. */
  private static @Nullable Document recorded(String call) {
    return CONTROL
        .store()
        .documents()
        .collection("control_events")
        .find(Filters.eq("call", call))
        .map(event -> event.get("body", Document.class))
        .first();
  }

  private static String earlier() {
    return "{\"version_id\": \"%s\"}".formatted(CONTROL.register("credit", 0.4, false));
  }

  @Test
  void theStatusOfAModelIsToldWithoutAirflow() throws Exception {
    CONTROL.register("credit");

    JsonNode scheduler = json(200, CONTROL.get("/model/status")).required("scheduler_status");

    assertEquals("unknown", scheduler.required("status").stringValue());
    assertTrue(scheduler.required("error").stringValue().startsWith("Airflow at 127.0.0.1:1"));
    json(502, CONTROL.get("/scheduler/status"));
  }

  @Test
  void aRetrainingThatRunsIsAConflict() throws Exception {
    CONTROL.register("credit");
    CONTROL
        .store()
        .documents()
        .collection("retraining_leases")
        .insertOne(
            new Document("_id", "credit")
                .append("holder", "retraining-1")
                .append("taken_at", "2026-11-05T06:00:00Z")
                .append("expires_at", "2099-01-01T00:00:00Z"));

    assertEquals(
        "retraining-1 of credit runs since 2026-11-05T06:00:00Z, at most until"
            + " 2099-01-01T00:00:00Z; wait for its end.",
        message(409, "/retrain", "{\"force_retrain\": true}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/retrain",
        "/retrain/deploy",
        "/retrain/rollback",
        "/retrain/abtest/start",
        "/retrain/abtest/stop",
        "/retrain/abtest/promote",
        "/approve",
        "/reject",
        "/scheduler/start",
        "/scheduler/stop"
      })
  void whileAnotherCallChangesTheModelEveryCallThatDoesIsAConflict(String call) throws Exception {
    CONTROL.register("credit");
    Lease turn = Lease.toChange(CONTROL.store().documents(), "credit");
    turn.take("night (control__1)", Instant.parse("2099-01-01T00:00:00Z"), Duration.ZERO);

    assertEquals(
        "night (control__1) changes credit right now; look at what came of it, and try again.",
        message(409, call, ""));
  }

  @Test
  void onlyVersionsThatTheRulesPermitAreAskedFor() throws Exception {
    String champion = CONTROL.register("credit");
    CONTROL.register("another");
    String foreign = CONTROL.register("another", 0.3, false);
    String candidate = CONTROL.register("credit", 0.2, false);
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(
            new Document("_id", candidate),
            new Document("$set", new Document("status", "candidate")));

    assertEquals(
        "credit has no earlier version: %s is its first.".formatted(champion),
        message(409, "/retrain/rollback?model=credit", ""));
    assertEquals(
        "%s is the version in production already.".formatted(champion),
        message(409, "/retrain/rollback?model=credit", version(champion)));
    assertEquals(
        "%s is candidate; only a version that was approved once comes back into production."
            .formatted(candidate),
        message(409, "/retrain/rollback?model=credit", version(candidate)));
    assertEquals(
        "%s is candidate; only a version that an evaluation, a retraining or a person has approved is deployed."
            .formatted(candidate),
        message(409, "/retrain/deploy?model=credit", version(candidate)));
    for (String call : List.of("/retrain/rollback", "/retrain/deploy")) {
      assertEquals(
          "The model 'credit' has no version '%s'; see /retrain/versions.".formatted(foreign),
          message(404, call + "?model=credit", version(foreign)));
    }
  }

  @Test
  void aVersionIsDeployedByTheOutcomeThatApprovedIt() throws Exception {
    CONTROL.register("credit");
    String approved = CONTROL.register("credit", 0.2, false);

    assertEquals(
        "No evaluation, retraining or promotion of credit ended with %s; there is nothing to deploy it by."
            .formatted(approved),
        message(409, "/retrain/deploy", version(approved)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "[]|The body must be a JSON object, such as {\"model\": \"NAME\"}.",
        "{\"forced\": true}|The body has 'forced', which this call does not know; it knows"
            + " force_retrain, model.",
        "{\"force_retrain\": \"yes\"}|'force_retrain' must be true or false, not \"yes\".",
        "{\"model\": 3}|'model' must be a model's name, not 3."
      })
  void aBodyWithAMistakeIsRefused(String body, String sentence) throws Exception {
    CONTROL.register("credit");
    assertEquals(sentence, message(400, "/retrain", body));
  }

  @Test
  void aBodyThatIsTooLargeIsRefused() throws Exception {
    CONTROL.register("credit");
    message(413, "/retrain", " ".repeat(70_000));
  }

  @Test
  void whatIsTurnedAwayBeforeItsActionHasNoRecord() throws Exception {
    CONTROL.register("credit");
    message(400, "/retrain", "{\"forced\": true}");
    message(404, "/retrain?model=nobody", "");
    assertEquals(0, CONTROL.store().documents().collection("control_events").countDocuments());

    message(400, "/retrain", "{\"force_retrain\": \"yes\"}");
    assertEquals(400, event("ops").getInteger("status"));
  }

  @Test
  void withoutATokenNothingIsAskedFor() throws Exception {
    CONTROL.register("credit");
    CONTROL.useToken(null);

    assertEquals(
        "This call needs a token; send the header 'Authorization: Bearer TOKEN'.",
        message(401, "/retrain", ""));
    assertEquals(0, CONTROL.store().documents().collection("control_events").countDocuments());
  }

  @Test
  void wrongTokensOfAnAddressAreFewAndARightOneAlwaysPasses() throws Exception {
    CONTROL.register("credit");
    CONTROL.useToken("a-wrong-token-of-some-length");
    for (int i = 0; i < Tokens.MOST_WRONG; i++) {
      message(401, "/retrain", "");
    }
    HttpResponse<String> refused = CONTROL.post("/retrain", "");
    assertEquals(
        "Too many wrong tokens came from 127.0.0.1; try again in 6 s.",
        json(429, refused).required("message").stringValue());
    assertEquals("6", refused.headers().firstValue("Retry-After").orElse(""));

    CONTROL.useToken(TOKEN);
    message(502, "/retrain", "");
    CONTROL.useToken("a-wrong-token-of-some-length");
    message(429, "/retrain", "");
    CONTROL.pass(Duration.ofSeconds(6));
    message(401, "/retrain", "");
  }

  @Test
  void changingCallsAreLimitedForEachOwnerOfAToken() throws Exception {
    CONTROL.register("credit");
    String other = "another-token-of-good-length";
    Files.writeString(TOKENS, "ops %s\nnight %s\n".formatted(TOKEN, other));
    try {
      for (int i = 0; i < Changes.MOST_A_MINUTE; i++) {
        json(200, CONTROL.post("/retrain/abtest/stop", ""));
      }
      assertEquals(
          "ops made more than 60 changing calls a minute; try again in 1 s.",
          message(429, "/retrain/abtest/stop", ""));
      CONTROL.useToken(other);
      json(200, CONTROL.post("/retrain/abtest/stop", ""));
    } finally {
      Files.writeString(TOKENS, "ops " + TOKEN + "\n");
    }
  }

  @Test
  void aTokenIsReplacedWithoutARestart() throws Exception {
    CONTROL.register("credit");
    message(502, "/retrain", "");
    String fresh = "another-token-of-good-length";
    Files.writeString(TOKENS, "night " + fresh + "\n");
    try {
      message(401, "/retrain", "");
      CONTROL.useToken(fresh);
      message(502, "/retrain", "");
      assertEquals(502, event("night").getInteger("status"));
      Files.writeString(TOKENS, "short 123\n");
      assertEquals(
          "The tokens of this service cannot be read; see its log.", message(503, "/retrain", ""));
    } finally {
      Files.writeString(TOKENS, "ops " + TOKEN + "\n");
    }
  }

  private static String version(String id) {
    return "{\"version_id\": \"%s\"}".formatted(id);
  }

  private static String message(int status, String call, String body) throws Exception {
    return json(status, CONTROL.post(call, body)).required("message").stringValue();
  }

  /** The call of an owner of a token, as it was recorded. */
  private static Document event(String by) {
    return Objects.requireNonNull(
        CONTROL
            .store()
            .documents()
            .collection("control_events")
            .find(Filters.eq("by", by))
            .first());
  }
}
