package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.BATCH;
import static retune.steps.evaluation.Loop.CONTENT_HASH;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.judgement.VersionStatus;
import retune.judgement.Judgement;
import retune.model.Champions;
import retune.runtime.Json;
import retune.steps.audit.Explain;
import retune.steps.audit.History;
import retune.steps.deployment.DeployModel;
import tools.jackson.databind.JsonNode;

/** A day on which the second attempt replaces the champion, explained from the store. */
class AuditTest {
  private final Loop loop = new Loop();
  private String champion = "";
  private String refused = "";
  private String promoted = "";

  @BeforeEach
  void runTheDay() throws IOException {
    loop.context =
        loop.context.with(
            Map.of(
                "RETUNE_RUN_URL", "https://airflow.example/runs/run",
                "RETUNE_STARTED_BY", "ada",
                "RETUNE_CODE_REVISION", "0123abc",
                "RETUNE_STEP_IMAGE", "registry.example/step@sha256:4567"));
    champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    new Champions(loop.store).install(MODEL, champion);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    refused = loop.register(USELESS, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(refused, champion, 1);
    promoted = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(promoted, champion, 2);
    loop.sendResults();
    new DeployModel().run(new DeployModel.Input(MODEL, promoted, Loop.DATE, null), loop.context);
  }

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void anExplanationHasDataNumbersDecisionAndCode() {
    Explain.Output explained = explain(promoted);
    assertEquals("deployed", explained.status());
    assertTrue(explained.inProduction());
    assertEquals(
        List.of(promoted, champion),
        explained.lineage().stream().map(made -> made.get("model_id")).toList());
    Document split = new Document(explained.splits().getFirst());
    assertEquals(BATCH, split.getString("data_path"));
    assertEquals(CONTENT_HASH, split.getString("content_hash"));
    int holdout = split.get("counts", Document.class).getInteger("holdout");

    Document verdict = new Document(explained.verdicts().getFirst());
    assertEquals("approved", verdict.getString("status"));
    assertEquals(champion, verdict.getString("champion_id"));
    assertEquals(holdout, verdict.getInteger("rows"));
    assertEquals("0123abc", verdict.getString("code_revision"));
    assertEquals("registry.example/step@sha256:4567", verdict.getString("step_image"));
    assertEquals(
        List.of("approved", "deployed"),
        explained.statusHistory().stream()
            .map(move -> move.get("to"))
            .filter(to -> !to.equals("candidate"))
            .toList());
    assertEquals("retrained", explained.outcomes().getFirst().get("status"));
    assertEquals(promoted, explained.deployments().getFirst().get("model_id"));
  }

  @Test
  void thePageHasEveryNumberOfTheVerdict() {
    Explain.Output explained = explain(promoted);
    String page = explained.text();
    Document verdict = new Document(explained.verdicts().getFirst());
    for (double value : Judgement.numbers(verdict.get("metrics", Document.class)).values()) {
      assertTrue(page.contains("%.4f".formatted(value)), page);
    }
    for (String fact :
        List.of(
            "deployed, in production",
            "calibrated The probabilities are not calibrated.",
            champion + ": head, 5 epochs at 0.0001",
            verdict.getString("reason"),
            CONTENT_HASH,
            "https://airflow.example/runs/run",
            "started by ada, code 0123abc, image registry.example/step@sha256:4567")) {
      assertTrue(page.replaceAll("\\s+", " ").contains(fact), () -> fact + " is not in\n" + page);
    }
  }

  @Test
  void aRefusedVersionSaysWhatRefusedIt() {
    Explain.Output explained = explain(refused);
    assertEquals("rejected", explained.status());
    assertFalse(explained.inProduction());
    Document verdict = new Document(explained.verdicts().getFirst());
    assertEquals("rejected", verdict.getString("status"));
    assertTrue(explained.text().contains("Rejected on " + BATCH + ", attempt 1"));
    assertEquals(List.of(), explained.deployments());
  }

  @Test
  void aFormerChampionHasItsDaysAndItsSuccessor() {
    String page = explain(champion).text();
    assertTrue(page.contains("In production: 1 daily verdict\n"), page);
    assertTrue(page.contains("followed by"), page);
    assertTrue(page.contains(promoted), page);
  }

  @Test
  void theHistoryHasTheCallsOfPeopleAndWhatCameOfThem() {
    call("1", 202, "", new Document("reason", "slow").append("version_id", champion));
    call("2", 409, "One runs already.", new Document());
    loop.store
        .events()
        .append(
            "control_events",
            MODEL + "/1/ended",
            new Document("event_type", "control_run_ended")
                .append("by", "ops")
                .append("run_id", "1")
                .append("exit_code", 20)
                .append("message", "The store was gone."));

    History.Output history = new History().run(new History.Input(MODEL, 0), loop.context);

    List<String> told =
        history.events().stream()
            .filter(event -> "ops".equals(event.get("by")))
            .map(
                event ->
                    Stream.of(
                            "event", "model_id", "run_id", "call", "status", "exit_code", "reason")
                        .map(event::get)
                        .map(String::valueOf)
                        .collect(Collectors.joining(" ")))
            .toList();
    assertEquals(
        Set.of(
            "control_call " + champion + " 1 /retrain/rollback 202 null slow",
            "control_call null 2 /retrain/rollback 409 null One runs already.",
            "control_run_ended null 1 null null 20 The store was gone."),
        Set.copyOf(told));
    assertTrue(history.text().contains("/retrain/rollback, answered 202"), history.text());
  }

  private void call(String id, int status, String message, Document body) {
    loop.store
        .events()
        .append(
            "control_events",
            MODEL + "/" + id,
            new Document("event_type", "control_call")
                .append("call", "/retrain/rollback")
                .append("by", "ops")
                .append("run_id", id)
                .append("body", body)
                .append("status", status)
                .append("message", message));
  }

  @Test
  void theHistoryHasOutcomesAndDeploymentsWithTheirReasons() {
    History.Output history = new History().run(new History.Input(MODEL, 0), loop.context);
    assertEquals(promoted, history.modelId());
    assertEquals(champion, history.previousModelId());
    assertEquals(
        List.of("evaluated_retrained", "model_deployed"),
        history.events().stream().map(event -> event.get("event")).toList());
    for (Map<String, Object> event : history.events()) {
      assertEquals(promoted, event.get("model_id"));
      assertEquals("2026-11-05", event.get("logical_date"));
      assertTrue(String.valueOf(event.get("reason")).contains("is approved to follow"));
      assertTrue(history.text().contains("2026-11-05 06:00:00  model_deployed  " + promoted));
    }
    assertEquals(1, new History().run(new History.Input(MODEL, 1), loop.context).events().size());
  }

  @Test
  void bothAreJsonToo() {
    JsonNode explained = Json.MAPPER.valueToTree(explain(promoted));
    assertEquals("approved", explained.at("/verdicts/0/status").stringValue());
    JsonNode history =
        Json.MAPPER.valueToTree(new History().run(new History.Input(MODEL, 0), loop.context));
    assertEquals(2, history.at("/events/1/revision").intValue());
  }

  @Test
  void anUnknownVersionOrModelIsRefused() {
    assertRefused("There is no model version 'none'", () -> explain("none"));
    assertRefused(
        "There is no champion of 'none'",
        () -> new History().run(new History.Input("none", 0), loop.context));
  }

  private Explain.Output explain(String modelId) {
    return new Explain().run(new Explain.Input(modelId), loop.context);
  }
}
