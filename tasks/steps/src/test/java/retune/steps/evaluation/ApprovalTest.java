package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;
import static retune.testing.Refusals.assertRefused;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Selection;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.judgement.ApprovalRequest;
import retune.judgement.AuditTrail;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import retune.steps.audit.Explain;
import retune.steps.audit.History;
import retune.steps.deployment.ReleaseVersion;
import retune.steps.deployment.WaitForModelReady;
import retune.testing.CutConnection;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;

/** A person is asked whether a version may follow the champion, and answers. */
class ApprovalTest {
  private final Loop loop = new Loop();
  private String champion = "";

  @BeforeEach
  void install() {
    loop.belowGate = BelowGate.ASK;
    loop.selection = Selection.BEST_ON_VALIDATION;
    champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    loop.champions.install(MODEL, champion);
  }

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void aPersonIsAskedAboutABetterCandidateBelowTheGate() {
    String candidate = judge();
    JudgeCandidate.Output judged = loop.judgeCandidate(champion);
    assertFalse(judged.passed());
    assertTrue(judged.asked());
    assertRefused(
        "The run 'run' ended with a version of 'credit-default' that is approved, or that a person"
            + " is asked about; no alert is needed.",
        loop::sendAlert);

    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("asked", results.status());
    assertFalse(results.approved());
    assertEquals(champion, results.modelId(), "it stays in production");
    assertEquals("2026-11-12T06:00:00Z", results.expiresAt());
    assertTrue(
        results
            .message()
            .matches(
                "May %s follow %s\\? A person decides\\. On the rows of 2026-11-05, accuracy"
                        .formatted(candidate, champion)
                    + " 0\\.\\d{4} is below the threshold of 0\\.8 but is above the champion's"
                    + " 0\\.\\d{4} on the same rows by 0\\.\\d{4} \\(at least 0\\.\\d{4} with 95 %"
                    + " confidence\\)\\. The gain in accuracy is \\+0\\.\\d{4} \\(90 % interval"
                    + " \\+0\\.\\d{4} to \\+0\\.\\d{4}\\)\\. Answer until 2026-11-12T06:00:00Z with"
                    + " '\\./retune approve %s' or '\\./retune reject %s'; the version in"
                        .formatted(candidate, candidate)
                    + " production stays until then\\."),
        results.message());
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(candidate));
    assertEquals(champion, loop.champions.find(MODEL).orElseThrow().modelId());
    assertEquals(0, loop.store.collection("alerts").countDocuments());
    WaitForModelReady.Output ready = ready();
    assertFalse(ready.ready());
    assertEquals("Nothing was approved: the evaluation ended as asked.", ready.reason());
  }

  @Test
  void peopleAreToldOnceWithNumbersAndCommands() {
    String candidate = ask();
    loop.startRun("again");
    loop.check(champion);
    assertEquals("asked", loop.sendResults().status());
    Document told = loop.single("notifications");
    assertEquals("approval_request", told.getString("type"));
    assertEquals("info", told.getString("severity"));
    assertEquals(loop.single("approval_requests").getString("question"), told.getString("message"));
    Document details = told.get("details", Document.class);
    assertEquals(candidate, details.getString("best_candidate_id"));
    assertEquals(champion, details.getString("champion_id"));
    assertEquals("./retune approve " + candidate, details.getString("approve"));
    assertEquals("./retune reject " + candidate, details.getString("reject"));
    assertTrue(details.getString("gain_interval").matches("0\\.\\d{4} to 0\\.\\d{4}"));
    assertEquals("run", details.getString("run_id"), "the run that asked");
  }

  @Test
  void anApprovedVersionIsDeployedLikeAnyOther() throws Exception {
    String candidate = ask();
    JsonNode answer = answer("approve", candidate);
    assertEquals("approved", answer.required("answer").stringValue());
    assertTrue(answer.required("changed").booleanValue());
    assertEquals(
        "kim approved %s (it is what we have).".formatted(candidate),
        answer.required("message").stringValue());
    assertEquals(
        "./retune deploy_model --model credit-default --model-id %s --logical-date 2026-11-05"
            .formatted(candidate),
        answer.required("next_command").stringValue());
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
    Document outcome = loop.document("outcomes", MODEL + "/2026-11-05/2");
    assertEquals("retrained", outcome.getString("status"));
    assertTrue(
        outcome
            .getString("message")
            .startsWith(
                "%s is approved to follow %s by kim (it is what we have). accuracy 0."
                    .formatted(candidate, champion)));
    assertEquals(candidate, loop.deploy().modelId());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(candidate));

    JsonNode again = answer("approve", candidate);
    assertFalse(again.required("changed").booleanValue());
    assertEquals(
        "%s was approved before, by kim at 2026-11-05T06:00:00Z (it is what we have); nothing changed."
            .formatted(candidate),
        again.required("message").stringValue());
    assertEquals(VersionStatus.DEPLOYED, loop.models.status(candidate));
  }

  @Test
  void aRejectedVersionIsNoChallengerAnyMore() {
    String candidate = ask();
    JsonNode answer = answer("reject", candidate);
    assertEquals("rejected", answer.required("answer").stringValue());
    assertFalse(answer.has("next_command"), answer.toString());
    assertEquals(VersionStatus.REJECTED, loop.models.status(candidate));
    assertFalse(ready().ready());
    assertFalse(answer("reject", candidate).required("changed").booleanValue());
    assertEquals(1, loop.store.collection("outcomes").countDocuments());
    loop.sendResults();
    assertEquals(VersionStatus.REJECTED, loop.models.status(candidate), "the day runs again");
  }

  @Test
  void theFirstAnswerCounts() {
    String candidate = ask();
    answer("reject", candidate);
    assertRefused(
        "The question about %s is answered: kim rejected %s (it is what we have). The first answer, of"
                .formatted(candidate, candidate)
            + " 2026-11-05T06:00:00Z, counts.",
        () -> answer("approve", candidate));
    assertEquals(VersionStatus.REJECTED, loop.models.status(candidate));
  }

  @Test
  void ofTwentyAnswersAtOnceOneCounts() throws Exception {
    String candidate = ask();
    List<Callable<Boolean>> answers = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      String word = i % 2 == 0 ? "approve" : "reject";
      answers.add(
          () -> {
            try {
              answer(word, candidate);
              return word.equals("approve");
            } catch (InvalidInputException other) {
              return !word.equals("approve");
            }
          });
    }
    List<Boolean> approvals = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(10)) {
      for (Future<Boolean> answered : threads.invokeAll(answers)) {
        approvals.add(answered.get());
      }
    }
    assertEquals(1, approvals.stream().distinct().count(), "all hear of the same answer");
    boolean approved = approvals.getFirst();
    assertEquals(
        approved ? VersionStatus.APPROVED : VersionStatus.REJECTED, loop.models.status(candidate));
    assertEquals(approved ? 2 : 1, loop.store.collection("outcomes").countDocuments());
  }

  @Test
  void anAnswerAfterAWeekComesTooLate() {
    String candidate = ask();
    Instant last = TestContext.NOW.plus(ApprovalRequest.OPEN_FOR).minusSeconds(1);
    StepContext late = loop.context.at(last.plusSeconds(1));
    for (String word : List.of("approve", "reject")) {
      assertRefused(
          "The question about %s expired at 2026-11-12T06:00:00Z; a later evaluation asks again if it comes to the same."
              .formatted(candidate),
          () -> answer(word, candidate, late));
    }
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(candidate));
    assertTrue(
        answer("approve", candidate, loop.context.at(last)).required("changed").booleanValue());
    assertFalse(answer("approve", candidate, late).required("changed").booleanValue());
  }

  @Test
  void aLaterPromotionClosesTheQuestion() {
    String candidate = ask();
    String other = loop.register(EXCELLENT, 9, champion, VersionStatus.APPROVED);
    Champion asked = loop.champions.find(MODEL).orElseThrow();
    loop.champions.promote(asked, other, other);
    assertRefused(
        "The question about %s is closed: credit-default was promoted to %s since it was asked."
            .formatted(candidate, other),
        () -> answer("approve", candidate));
    assertRefused(
        "The question about %s is closed".formatted(candidate), () -> answer("reject", candidate));
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(candidate));
  }

  @Test
  void aRollbackToTheSameChampionClosesItToo() {
    String candidate = ask();
    String other = loop.register(EXCELLENT, 9, champion, VersionStatus.APPROVED);
    Champion asked = loop.champions.find(MODEL).orElseThrow();
    loop.champions.promote(asked, other, other);
    Champion promoted = loop.champions.find(MODEL).orElseThrow();
    Bar bar = new Bar(other, 3, "kim", "slow", "rollback", "2026-11-05T06:00:00Z");
    loop.champions.rollBack(promoted, champion, bar);
    assertEquals(champion, loop.champions.find(MODEL).orElseThrow().modelId());
    assertRefused(
        "The question about %s is closed: credit-default was rolled back to %s since it was asked."
            .formatted(candidate, champion),
        () -> answer("approve", candidate));
  }

  @Test
  void aDayThatIsJudgedAgainClosesItsQuestion() {
    String candidate = ask();
    loop.relabel();
    loop.startRun("relabelled");
    loop.belowGate = BelowGate.ALERT;
    judge();
    loop.judgeCandidate(champion);
    loop.sendAlert();
    loop.sendResults();
    assertRefused(
        "The question about %s is closed: 2026-11-05 was judged again since, with other rows,"
                .formatted(candidate)
            + " labels or rules, and ended as failed_max_retries.",
        () -> answer("approve", candidate));
  }

  @Test
  void aBarredVersionIsNotApprovedUntilItIsReleased() {
    String candidate = ask();
    loop.store
        .collection("champions")
        .updateOne(
            new Document("_id", MODEL),
            new Document(
                "$push",
                new Document(
                    "barred",
                    new Document("model_id", candidate)
                        .append("revision", 1L)
                        .append("by", "kim")
                        .append("reason", "too slow")
                        .append("task", "rollback")
                        .append("since", "2026-11-04T06:00:00Z"))));
    assertRefused(
        "%s is barred from production: kim rolled it back at 2026-11-04T06:00:00Z (too slow)."
            .formatted(candidate),
        () -> answer("approve", candidate));
    new ReleaseVersion()
        .run(new ReleaseVersion.Input(candidate, "faster now", "kim"), loop.context);
    assertTrue(answer("approve", candidate).required("changed").booleanValue());
  }

  @Test
  void aLossOnOrdinaryRowsIsAskedAbout() {
    loop.onConflict = OnConflict.ASK;
    loop.selection = Selection.FIRST_PASSING;
    String original = loop.register(EXCELLENT, null, VersionStatus.APPROVED);
    loop.champions.promote(loop.champions.find(MODEL).orElseThrow(), original, original);
    loop.models.move(original, Event.DEPLOY, "");
    loop.evaluate(original);
    loop.check(original);
    assertEquals("approved", loop.sendResults().status());
    loop.startDay(Loop.DATE.plusDays(1), true);
    loop.evaluate(original);
    loop.check(original);
    loop.prepare(original);
    String candidate = loop.register(USELESS, 2, original, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, original, 1);
    assertTrue(judged.asked(), judged.reason());
    for (int attempt = 2; attempt <= 3; attempt++) {
      String poorer = loop.register(GOOD, attempt, original, VersionStatus.CANDIDATE);
      assertFalse(loop.evaluateFinetuned(poorer, original, attempt).passed());
    }
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("asked", results.status());
    assertTrue(
        results
            .message()
            .matches(
                "May %s follow .* reaches the threshold of 0\\.8 and is not below the champion's"
                        .formatted(candidate)
                    + " 0\\.\\d{4} on the same rows\\. But on the \\S+ ordinary rows of"
                    + " credit-default/2026-11-05 the candidate has 0\\.\\d{4}, 0\\.\\d{4} below"
                    + " the champion's 0\\.\\d{4}; 0\\.05 may be lost\\. The gain in accuracy is"
                    + " \\+0.*"),
        results.message());
    assertEquals(3, results.retrainingInfo().retryCount());
    answer("approve", candidate);
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
  }

  @Test
  void theBestOfAllAttemptsIsAskedAbout() {
    loop.selection = Selection.FIRST_PASSING;
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String better = loop.register(POOR, 1, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(better, champion, 1);
    for (int attempt = 2; attempt <= 3; attempt++) {
      String useless = loop.register(USELESS, attempt, champion, VersionStatus.CANDIDATE);
      loop.evaluateFinetuned(useless, champion, attempt);
    }
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("asked", results.status());
    assertEquals(better, loop.single("approval_requests").getString("model_id"));
    assertEquals(VersionStatus.CHALLENGER, loop.models.status(better));
  }

  @Test
  void aCandidateThatFailsAnythingElseIsNotAskedAbout() {
    loop.policy = "superior(0.5)";
    judge();
    assertFalse(loop.judgeCandidate(champion).asked());
    loop.sendAlert();
    assertEquals("failed_max_retries", loop.sendResults().status());
    assertEquals(0, loop.store.collection("approval_requests").countDocuments());
  }

  @Test
  void aDayThatIsOlderThanTheLastOneAsksNobodyUnlessItMay() {
    loop.addOutcome(Loop.DATE.plusDays(1), champion);
    String candidate = judge();
    loop.judgeCandidate(champion);
    SendEvaluationResults.Output held = loop.sendResults();
    assertEquals("held_back", held.status());
    assertEquals(
        "%s needs a person's approval for 2026-11-05, but a later day has been evaluated since. To ask for it, allow back-fill promotion."
            .formatted(candidate),
        held.message());
    assertEquals(0, loop.store.collection("approval_requests").countDocuments());
    assertEquals("asked", loop.sendResults(true).status());
  }

  @Test
  void askingAgainChangesNothing() {
    ask();
    List<String> before = loop.content();
    loop.check(champion);
    loop.judgeCandidate(champion);
    loop.sendResults();
    assertEquals(before, loop.content());
  }

  @Test
  void aRunThatDiedAfterTheQuestionAsksItOnce() {
    ask();
    loop.store.collection("outcomes").deleteMany(new Document());
    assertEquals("asked", loop.sendResults().status());
    assertEquals(1, loop.store.collection("approval_requests").countDocuments());
    assertEquals(1, loop.store.collection("notifications").countDocuments());
  }

  /** Writes: question, status, event, outcome, notification. */
  @ParameterizedTest
  @EnumSource
  @Tag("slow")
  void aRunThatIsKilledAnywhereAsksOnceWhenItRunsAgain(CutConnection.Moment moment)
      throws Exception {
    judge();
    loop.judgeCandidate(champion);
    int writes = 5;
    for (int write = 1; write <= writes + 1; write++) {
      for (String written :
          List.of("approval_requests", "evaluation_events", "outcomes", "notifications")) {
        loop.store.collection(written).deleteMany(new Document());
      }
      boolean died = loop.dies(write, moment, loop::sendResults);
      assertEquals(write <= writes, died, "it has " + writes + " writes");
      boolean decided = loop.store.collection("outcomes").countDocuments() == 1;
      boolean asked = loop.store.collection("approval_requests").countDocuments() == 1;
      assertTrue(asked || !decided, "a day that says it asked has its question");
      assertEquals("asked", loop.sendResults().status());
      loop.single("approval_requests");
      loop.single("outcomes");
      loop.single("notifications");
    }
  }

  @Test
  void anAnswerBeforeTheOutcomeCounts() {
    String candidate = ask();
    loop.store.collection("outcomes").deleteMany(new Document());
    answer("approve", candidate);
    SendEvaluationResults.Output results = loop.sendResults();
    assertEquals("retrained", results.status());
    assertEquals(1, results.revision());
    assertEquals(VersionStatus.APPROVED, loop.models.status(candidate));
  }

  @Test
  void anotherChampionThanTheJudgedOneEndsTheDayWithoutAQuestion() {
    String candidate = judge();
    loop.judgeCandidate(champion);
    String other = loop.register(EXCELLENT, 9, champion, VersionStatus.APPROVED);
    loop.champions.promote(loop.champions.find(MODEL).orElseThrow(), other, other);
    SendEvaluationResults.Output held = loop.sendResults();
    assertEquals("held_back", held.status());
    assertEquals(
        "%s needs a person's approval for 2026-11-05. It was judged against %s, but"
                .formatted(candidate, champion)
            + " credit-default was promoted to %s meanwhile; evaluate again.".formatted(other),
        held.message());
    assertEquals(0, loop.store.collection("approval_requests").countDocuments());
  }

  @Test
  void theExplanationAndTheHistoryHaveQuestionAndAnswer() {
    String candidate = ask();
    assertTrue(
        explain(candidate).text().replaceAll("\\s+", " ").contains("answer none"),
        explain(candidate).text());
    answer("approve", candidate);
    String page = explain(candidate).text().replaceAll("\\s+", " ");
    for (String fact :
        List.of(
            "A person was asked for 2026-11-05",
            "expires 2026-11-12T06:00:00Z",
            "answer approved, 2026-11-05T06:00:00Z",
            "by kim",
            "reason it is what we have")) {
      assertTrue(page.contains(fact), () -> fact + " is not in\n" + page);
    }
    List<Map<String, Object>> events =
        new History().run(new History.Input(MODEL, 0), loop.context).events();
    assertEquals(
        List.of("evaluated_asked", "evaluated_retrained", "version_approved"),
        events.stream().map(event -> event.get("event")).sorted().toList());
    assertEquals(1, new AuditTrail(loop.store).questions(MODEL).size());
  }

  @Test
  void theQuestionIsReadWithItsReportWhileItIsOpen() {
    String candidate = ask();
    Document request = loop.single("approval_requests");
    JsonNode open = run("read_approval_request", Map.of("request", request.getString("_id")));
    assertTrue(open.required("open").booleanValue());
    assertEquals(request.getString("question"), open.required("message").stringValue());
    assertEquals("2026-11-12T06:00:00Z", open.required("expires_at").stringValue());
    assertEquals(request.getString("verdict_id"), open.required("report_id").stringValue());
    assertNotNull(loop.document("comparison_reports", request.getString("verdict_id")));

    answer("reject", candidate);
    JsonNode answered = run("read_approval_request", Map.of("request", request.getString("_id")));
    assertFalse(answered.required("open").booleanValue());
    assertEquals(
        "It is answered: kim rejected %s (it is what we have).".formatted(candidate),
        answered.required("message").stringValue());
  }

  @Test
  void aQuestionThatExpiredOrIsClosedIsNotOpen() {
    ask();
    Map<String, String> request =
        Map.of("request", loop.single("approval_requests").getString("_id"));
    StepContext late = loop.context.at(TestContext.NOW.plus(ApprovalRequest.OPEN_FOR));
    JsonNode expired = run("read_approval_request", request, late);
    assertFalse(expired.required("open").booleanValue());
    assertTrue(expired.required("message").stringValue().contains("expired at 2026-11-12"));
    String other = loop.register(EXCELLENT, 9, champion, VersionStatus.APPROVED);
    loop.champions.promote(loop.champions.find(MODEL).orElseThrow(), other, other);
    JsonNode closed = run("read_approval_request", request);
    assertFalse(closed.required("open").booleanValue());
    assertTrue(closed.required("message").stringValue().contains("was promoted to " + other));
  }

  @Test
  void theQuestionMustBeNamed() {
    String candidate = ask();
    String request = loop.single("approval_requests").getString("_id");
    assertRefused(
        "Give the version that is asked about, or the question's id with --request.",
        () -> Steps.run("approve", Map.of(), loop.context, loop.context.run()));
    assertRefused(
        "There is no question 'none'; give the id that the day's outcome names, MODEL/DATE/HASH.",
        () -> run("approve", Map.of("request", "none")));
    assertRefused(
        "The question '%s' is about %s, not about %s; leave one of them out."
            .formatted(request, candidate, champion),
        () -> run("approve", Map.of("request", request, "model_id", champion)));
    assertRefused(
        "Nobody is asked about %s; './retune history credit-default' lists the questions, as evaluated_asked."
            .formatted(champion),
        () -> run("approve", Map.of("model_id", champion)));
    assertNotNull(run("approve", Map.of("request", request)).required("changed"));
  }

  /** Trains the attempts, of which the last is the best; returns it. */
  private String judge() {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    loop.attempt(1, USELESS, champion, 0.45, 0.35);
    loop.attempt(2, USELESS, champion, 0.45, 0.35);
    return loop.attempt(3, POOR, champion);
  }

  /** A day that ends with a question; returns the version that it is about. */
  private String ask() {
    String candidate = judge();
    loop.judgeCandidate(champion);
    assertEquals("asked", loop.sendResults().status());
    return candidate;
  }

  private JsonNode answer(String step, String modelId) {
    return answer(step, modelId, loop.context);
  }

  private JsonNode answer(String step, String modelId, StepContext context) {
    return run(
        step, Map.of("model_id", modelId, "by", "kim", "reason", "it is what we have."), context);
  }

  private JsonNode run(String step, Map<String, String> inputs) {
    return run(step, inputs, loop.context);
  }

  private static JsonNode run(String step, Map<String, String> inputs, StepContext context) {
    Map<String, JsonNode> values = new HashMap<>();
    inputs.forEach((name, value) -> values.put(name, Json.MAPPER.valueToTree(value)));
    try {
      return Steps.run(step, values, context, context.run());
    } catch (RuntimeException refusal) {
      throw refusal;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private WaitForModelReady.Output ready() {
    try {
      return new WaitForModelReady()
          .run(new WaitForModelReady.Input(MODEL, Loop.DATE, null, 0), loop.context);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private Explain.Output explain(String modelId) {
    return new Explain().run(new Explain.Input(modelId), loop.context);
  }
}
