package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.judgement.VersionStatus;
import retune.judgement.ApprovalRequest;
import retune.judgement.DayOutcome.Status;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.TrafficControl;
import retune.runtime.store.Lease;
import retune.testing.TestContext;
import tools.jackson.databind.JsonNode;

/** The pages' buttons, with an Airflow that does not answer. */
class ButtonsTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final LocalDate DAY = LocalDate.of(2026, 11, 4);
  private static final String NO_AIRFLOW =
      "Airflow at 127.0.0.1:1 does not answer (ConnectException); check that it runs, and"
          + " RETUNE_AIRFLOW_URL.";
  private static final Path TOKENS =
      RunningControl.tokenFile("ops %s\nnight %s\n".formatted(TOKEN, TOKEN + "q"));
  private static final RunningControl CONTROL =
      new RunningControl(Map.of("RETUNE_AIRFLOW_URL", "http://127.0.0.1:1"), null, TOKENS);

  private Browser browser = new Browser(CONTROL);

  @AfterAll
  static void stop() throws IOException {
    CONTROL.close();
    Files.delete(TOKENS);
  }

  @BeforeEach
  void logIn() throws Exception {
    CONTROL.clear();
    CONTROL.pass(Duration.ofMinutes(2)); // so that no test uses up another's calls
    browser = new Browser(CONTROL);
    browser.logIn("ops", TOKEN);
  }

  @Test
  void whoeverIsNotLoggedInIsLedToTheLogInAndBack() throws Exception {
    CONTROL.register("credit");
    Browser nobody = new Browser(CONTROL);

    String logIn = Browser.location(nobody.get("/models/credit/actions/retrain"));

    assertEquals("/login?next=%2Fmodels%2Fcredit%2Factions%2Fretrain", logIn);
    HttpResponse<String> answer =
        nobody.press(nobody.page(logIn), "/login", Map.of("name", "ops", "token", TOKEN));
    assertEquals("/models/credit/actions/retrain", Browser.location(answer));
  }

  @ParameterizedTest
  @CsvSource({"retrain,/retrain", "pause,/scheduler/stop", "resume,/scheduler/start"})
  void whereAirflowIsDownThePageSaysSoAndTheCallIsRecorded(String button, String call)
      throws Exception {
    CONTROL.register("credit");
    assertTrue(browser.page("/models/credit").contains("href=\"/models/credit/actions/" + button));

    String page = pressed(browser, "credit", button, "", Map.of());

    assertSays(page, "warn", NO_AIRFLOW);
    Document event = event(call);
    assertEquals(
        List.of("ops", "credit", 502),
        List.of(event.getString("by"), event.getString("model"), event.getInteger("status")));
    assertEquals(NO_AIRFLOW, event.getString("message"));
  }

  @Test
  void thePageOfAModelSaysWhyTheScheduleIsNotKnown() throws Exception {
    CONTROL.register("credit");

    String page = browser.page("/models/credit");

    assertTrue(page.contains("<h2>Schedule</h2>\n<p class=\"warn\">" + NO_AIRFLOW), page);
  }

  @Test
  void aRollbackSaysWhatFollowsAndNeedsAReason() throws Exception {
    String first = CONTROL.register("credit");
    String second = CONTROL.register("credit", 0.4, false);
    CONTROL.promote("credit", second);
    String action = "/models/credit/actions/roll-back";

    String page = browser.page(action);

    assertTrue(page.contains(second + " is barred: no evaluation brings it back"), page);
    assertTrue(page.contains(first + " goes into production."), page);
    String without = browser.page(Browser.location(browser.press(page, action, Map.of())));
    assertSays(without, "warn", "Say why; the record keeps it. Nothing was done.");
    String down =
        browser.page(Browser.location(browser.press(page, action, Map.of("reason", "slow"))));
    assertSays(down, "warn", NO_AIRFLOW);
    assertEquals(
        new Document("version_id", first).append("replaces", second).append("reason", "slow"),
        event("/retrain/rollback").get("body"));
    assertEquals(second, new Champions(CONTROL.store().documents()).get("credit").modelId());
  }

  @Test
  void aRollbackFromAPageThatIsOutOfDateIsRefused() throws Exception {
    String first = CONTROL.register("credit");
    String second = CONTROL.register("credit", 0.4, false);
    CONTROL.promote("credit", second);
    String action = "/models/credit/actions/roll-back";
    String page = browser.page(action + "?id=" + first);
    CONTROL.promote("credit", CONTROL.register("credit", 0.3, false));
    String now = new Champions(CONTROL.store().documents()).get("credit").modelId();

    String after =
        browser.page(Browser.location(browser.press(page, action, Map.of("reason", "slow"))));

    assertSays(
        after,
        "warn",
        "%s is in production now, not %s; nothing was rolled back.".formatted(now, second));
  }

  @Test
  void whatCannotBePressedHasNoButton() throws Exception {
    String champion = CONTROL.register("credit");
    String candidate = CONTROL.register("credit", 0.4, false);
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(
            new Document("_id", candidate),
            new Document("$set", new Document("status", "candidate")));

    for (String[] expected :
        new String[][] {
          {"roll-back", champion + " is the first version of credit; there is none to go back to."},
          {"roll-back?id=" + champion, champion + " is the version in production already."},
          {"roll-back?id=" + candidate, candidate + " is candidate; only a version that was"},
          {"deploy?id=" + candidate, candidate + " is candidate; only an approved version"},
        }) {
      String page = browser.page("/models/credit/actions/" + expected[0]);
      assertSays(page, "warn", expected[1]);
      assertFalse(page.contains("action=\"/models/"), page);
    }
    for (String[] expected :
        new String[][] {
          {"404", "fly", "There is no button"},
          {"400", "deploy", "The address does not say which version"},
          {"404", "deploy?id=none", "There is no version"},
          {"404", "approve?id=none", "There is no question"},
          {"404", "acknowledge?id=none", "There is no alert"},
        }) {
      HttpResponse<String> answer = browser.get("/models/credit/actions/" + expected[1]);
      assertEquals(expected[0], Integer.toString(answer.statusCode()));
      assertSays(answer.body(), "warn", expected[2]);
    }
    assertEquals(404, browser.get("/models/none/actions/retrain").statusCode());
  }

  @Test
  void anApprovedVersionHasAButtonThatDeploysIt() throws Exception {
    CONTROL.register("credit");
    String approved = CONTROL.register("credit", 0.4, false);
    String path = "/models/credit/versions/" + approved;
    assertTrue(browser.page(path).contains("/models/credit/actions/deploy?id=" + approved));

    String page = pressed(browser, "credit", "deploy", approved, Map.of());

    assertTrue(page.contains("<h1>" + approved), page);
    assertSays(
        page, "warn", "No evaluation, retraining or promotion of credit ended with " + approved);
  }

  @Test
  void aQuestionIsAnsweredOnceAndSaysWhatBecameOfTheDeployment() throws Exception {
    String version = question();
    String id = asked(version).id();
    String needs = browser.page("/");
    assertTrue(needs.contains("May %s follow".formatted(version)), needs);
    assertTrue(needs.contains("/models/credit/actions/approve?id="), needs);
    Browser other = new Browser(CONTROL);
    other.logIn("night", TOKEN + "q");
    String late = other.page("/models/credit/actions/reject?id=" + id.replace("/", "%2F"));

    String page = pressed(browser, "credit", "approve", id, Map.of("reason", "the labels allow"));

    assertSays(page, "done", "ops approved %s (the labels allow).".formatted(version));
    assertTrue(page.contains("Its deployment has not started: Airflow at 127.0.0.1:1"), page);
    assertFalse(page.contains("Approve or reject"), page);
    assertEquals(VersionStatus.APPROVED, new ModelStore(context()).status(version));
    assertEquals(200, event("/approve").getInteger("status"));
    String refused =
        other.page(
            Browser.location(
                other.press(late, "/models/credit/actions/reject", Map.of("reason", "no"))));
    assertSays(
        refused, "warn", "The question about %s is answered: ops approved".formatted(version));
    assertEquals(409, event("/reject").getInteger("status"));
  }

  @Test
  void anApprovalWhoseDeploymentHasNotStartedStartsItWhenItIsMadeAgain() throws Exception {
    String version = question();
    CONTROL.useToken(TOKEN);
    String approval = approval(version);

    for (int i = 0; i < 2; i++) {
      JsonNode answer = RunningControl.json(200, CONTROL.post("/approve", approval));
      assertEquals("approved", answer.required("status").stringValue());
      assertEquals(
          "ops approved %s (it may). Its deployment has not started: %s Deploy it, or call /approve again, to start that."
              .formatted(version, NO_AIRFLOW),
          answer.required("message").stringValue());
    }

    String champion = asked(version).championId();
    Outcomes.add(CONTROL, DAY, champion, Status.UNDECIDED, "Judged again.", "new labels");
    assertNothingChanged(approval, version);
  }

  @Test
  void anApprovalWhoseVersionWasDeployedIsOverWhateverBecameOfThat() throws Exception {
    String version = question();
    String before = asked(version).championId();
    CONTROL.useToken(TOKEN);
    String approval = approval(version);
    RunningControl.json(200, CONTROL.post("/approve", approval));
    Champions champions = new Champions(CONTROL.store().documents());
    assertTrue(champions.promote(champions.get("credit"), version, version));

    // The deployment died after it moved the pointer.
    RunningControl.json(200, CONTROL.post("/approve", approval));

    assertTrue(champions.markDeployed(champions.get("credit"), context().clock().instant()));
    ModelStore versions = new ModelStore(context());
    versions.move(version, VersionStatus.Event.DEPLOY, "deployed", 2);
    assertNothingChanged(approval, version);

    Champions.Bar bar = new Champions.Bar(version, 3, "ops", "slow", "test", "now");
    assertTrue(champions.rollBack(champions.get("credit"), before, bar));
    assertNothingChanged(approval, version);
    versions.move(version, VersionStatus.Event.RETIRE, "rolled back", 3);
    assertTrue(champions.release("credit", bar));
    assertNothingChanged(approval, version);
  }

  @Test
  void anApprovedVersionWaitsForAPersonUntilItIsInProduction() throws Exception {
    String version = question();
    String champion = asked(version).championId();
    String need = "Deploy <a href=\"/models/credit/versions/%1$s\">%1$s</a>".formatted(version);
    assertFalse(browser.page("/").contains(need), "nobody has approved it");

    pressed(browser, "credit", "approve", asked(version).id(), Map.of("reason", "it may"));

    Outcomes.add(
        CONTROL, DAY.plusDays(1), champion, Status.UNDECIDED, "It may be chance.", "labels");
    for (String path : List.of("/", "/models/credit")) {
      String page = browser.page(path);
      assertTrue(page.contains(need + ".</strong> It was approved to follow " + champion), page);
      assertTrue(page.contains("href=\"/models/credit/actions/deploy?id=" + version), page);
    }
    new ModelStore(context()).move(version, VersionStatus.Event.REJECT, "worse");
    assertFalse(browser.page("/").contains(need), "an evaluation has rejected it since");
    new ModelStore(context()).move(version, VersionStatus.Event.APPROVE, "better");
    assertTrue(browser.page("/").contains(need));
    Champions champions = new Champions(CONTROL.store().documents());
    assertTrue(champions.promote(champions.get("credit"), version, version));
    assertFalse(browser.page("/").contains(need), "it is in production");
  }

  private static String approval(String version) {
    return "{\"request_id\": \"%s\", \"reason\": \"it may\"}".formatted(asked(version).id());
  }

  private static void assertNothingChanged(String approval, String version) throws Exception {
    String refused =
        RunningControl.json(409, CONTROL.post("/approve", approval))
            .required("message")
            .stringValue();
    assertTrue(refused.startsWith(version + " was approved before, by ops at "), refused);
    assertTrue(refused.endsWith(" (it may); nothing changed."), refused);
  }

  @Test
  void aRejectedVersionIsNoChallengerAnyMore() throws Exception {
    String version = question();

    String page =
        pressed(browser, "credit", "reject", asked(version).id(), Map.of("reason", "wait"));

    assertSays(page, "done", "ops rejected %s (wait).".formatted(version));
    assertEquals(VersionStatus.REJECTED, new ModelStore(context()).status(version));
  }

  @Test
  void aChallengerIsTriedPromotedAndEnded() throws Exception {
    String champion = CONTROL.register("credit");
    String challenger = CONTROL.register("credit", 0.4, false);
    assertTrue(
        browser
            .page("/models/credit/versions/" + challenger)
            .contains("/models/credit/actions/try?id=" + challenger));

    String tried =
        pressed(browser, "credit", "try", challenger, Map.of("reason", "newer", "fraction", "0.1"));

    assertSays(
        tried,
        "done",
        "%s answers 10 %% of the requests, beside %s.".formatted(challenger, champion));
    assertTrue(tried.contains("started by ops (newer)"), tried);
    assertTrue(tried.contains("No day of its requests has been weighed yet."), tried);
    new TrafficControl(context(), "credit").start(challenger, 0.2, "ops", "more of it");
    waits(1, "2 days wait for labels of the smaller share.");
    assertFalse(browser.page("/models/credit").contains("of the smaller share"));
    waits(2, "88 days wait for labels, the first: 0 of 9 rows.");
    weighed(champion, challenger);
    String weighed = browser.page("/models/credit");
    assertTrue(
        weighed.contains("<p>88 days wait for labels, the first: 0 of 9 rows.</p>"), weighed);
    assertTrue(
        weighed.contains(
            "Weighed on 3 days, the last 2026-11-04 with 500 labelled rows: gathering. Evidence"
                + " that it is better 4, that it is worse 0.5; either decides from 20."),
        weighed);
    String promoted =
        pressed(browser, "credit", "promote", challenger, Map.of("reason", "it is better"));
    assertSays(
        promoted,
        "warn",
        "%s, which had traffic as a challenger, is approved to follow %s by ops (it is better)."
            .formatted(challenger, champion));
    assertTrue(promoted.contains("Its deployment has not started: " + NO_AIRFLOW), promoted);
    assertEquals(502, event("/retrain/abtest/promote").getInteger("status"));
    assertTrue(browser.page("/").contains("/models/credit/actions/deploy?id=" + challenger));
    String stale = browser.page("/models/credit/actions/abort?id=" + challenger);
    String ended = pressed(browser, "credit", "abort", challenger, Map.of("reason", "slow"));
    assertSays(ended, "done", "The traffic of %s has ended (slow, by ops).".formatted(challenger));
    assertFalse(ended.contains("Challenger on traffic"), ended);
    String again =
        browser.page(
            Browser.location(
                browser.press(
                    stale, "/models/credit/actions/abort", Map.of("reason", "once more"))));
    assertSays(again, "done", "No challenger of credit has traffic; nothing changed.");
    assertSays(
        browser.page("/models/credit/actions/promote?id=" + challenger),
        "warn",
        challenger + " has no traffic.");
  }

  @Test
  void aShareThatIsTooLargeIsRefusedAndRecorded() throws Exception {
    CONTROL.register("credit");
    String challenger = CONTROL.register("credit", 0.4, false);

    String page =
        pressed(browser, "credit", "try", challenger, Map.of("reason", "all", "fraction", "0.9"));

    assertSays(page, "warn", "The fraction 0.9 is not between 0 (shadow) and 0.5");
    Document event = event("/retrain/abtest/start");
    assertEquals(422, event.getInteger("status"));
    assertTrue(event.getString("message").startsWith("The fraction 0.9"), event.toJson());
    assertSays(
        pressed(browser, "credit", "try", challenger, Map.of("reason", "x", "fraction", "half")),
        "warn",
        "The share 'half' is not a number. Nothing was done.");
  }

  @Test
  void anAcknowledgedAlertNeedsNobodyAnyMoreAndIsKept() throws Exception {
    String id = alert("No version passed on the fourth.");
    String before = browser.page("/");
    assertTrue(before.contains("Look into 2026-11-04: no version passed."), before);

    String page = pressed(browser, "credit", "acknowledge", id, Map.of("reason", "known"));

    assertSays(page, "done", "The alert of 2026-11-04 is acknowledged.");
    assertFalse(page.contains("Look into"), page);
    assertFalse(browser.page("/").contains("Look into"));
    assertTrue(page.contains("by ops, <time"), page);
    assertTrue(page.contains(": known</td>"), page);
    alert("Again.", "later");
    assertTrue(browser.page("/").contains("Look into"), "a later alert of the day is another one");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10})
  void ofTwoDashboardsThatPressTheSameButtonOneTakesEffect(int minutesAhead) throws Exception {
    String id = alert("No version passed on the fourth.");
    try (RunningControl beside = CONTROL.beside();
        ExecutorService both = Executors.newFixedThreadPool(2)) {
      beside.pass(Duration.ofMinutes(minutesAhead));
      Browser other = new Browser(beside);
      other.logIn("night", TOKEN + "q");
      CyclicBarrier together = new CyclicBarrier(2);
      List<Future<String>> pages = new ArrayList<>();
      for (Browser one : List.of(browser, other)) {
        String action = "/models/credit/actions/acknowledge";
        String page = one.page(action + "?id=" + id.replace("/", "%2F"));
        pages.add(
            both.submit(
                () -> {
                  together.await();
                  return one.page(
                      Browser.location(one.press(page, action, Map.of("reason", "seen"))));
                }));
      }
      String first = pages.getFirst().get();
      String second = pages.getLast().get();

      boolean isFirst = first.contains("The alert of 2026-11-04 is acknowledged.");
      assertSays(isFirst ? first : second, "done", "The alert of 2026-11-04 is acknowledged.");
      assertSays(
          isFirst ? second : first,
          "warn",
          (isFirst ? "ops" : "night") + " acknowledged this alert at ");
      assertEquals(
          1, CONTROL.store().documents().collection("alert_acknowledgements").countDocuments());
    }
  }

  @Test
  void aModelThatAnotherServiceChangesIsNotChangedMeanwhile() throws Exception {
    CONTROL.register("credit");
    Lease turn = Lease.toChange(CONTROL.store().documents(), "credit");
    turn.take("night (control__earlier)", Instant.parse("2099-01-01T00:00:00Z"), Duration.ZERO);

    assertSays(
        pressed(browser, "credit", "retrain", "", Map.of()),
        "warn",
        "night (control__earlier) changes credit right now; look at what came of it");

    // The service that had the turn has died.
    turn.take("night (control__earlier)", Instant.EPOCH, Duration.ZERO);
    assertSays(pressed(browser, "credit", "retrain", "", Map.of()), "warn", NO_AIRFLOW);
    assertTrue(turn.find().orElseThrow().holder().startsWith("ops (control__"));
  }

  @ParameterizedTest
  @ValueSource(ints = {-10, 10})
  void aServiceWhoseClockIsWrongHoldsNobodyUp(int minutes) throws Exception {
    CONTROL.register("credit");
    try (RunningControl beside = CONTROL.beside()) {
      beside.pass(Duration.ofMinutes(minutes));
      Browser other = new Browser(beside);
      other.logIn("night", TOKEN + "q");
      assertSays(pressed(other, "credit", "retrain", "", Map.of()), "warn", NO_AIRFLOW);
      assertSays(pressed(browser, "credit", "retrain", "", Map.of()), "warn", NO_AIRFLOW);
      assertSays(pressed(other, "credit", "retrain", "", Map.of()), "warn", NO_AIRFLOW);
    }
  }

  @Test
  void buttonsAreLimitedAsCallsAre() throws Exception {
    CONTROL.register("credit");
    String action = "/models/credit/actions/retrain";
    String page = browser.page(action);
    for (int i = 0; i < 60; i++) {
      browser.press(page, action, Map.of());
    }

    assertSays(
        browser.page(Browser.location(browser.press(page, action, Map.of()))),
        "warn",
        "ops made more than 60 changing calls a minute; try again in 1 s.");
  }

  @Test
  void aFormOfAnotherSiteOrSessionPressesNothing() throws Exception {
    CONTROL.register("credit");
    String action = "/models/credit/actions/retrain";
    Map<String, String> fields = Browser.hidden(browser.page(action), action);

    for (HttpResponse<String> refused :
        List.of(
            browser.send(browser.form(action, fields).header("Origin", "https://evil.example")),
            browser.post(action, Map.of()),
            new Browser(CONTROL).post(action, fields))) {
      assertTrue(refused.statusCode() == 403 || refused.statusCode() == 401, refused.body());
      assertTrue(refused.body().contains("so nothing was done."), refused.body());
    }
    assertEquals(0, CONTROL.store().documents().collection("control_events").countDocuments());
  }

  @Test
  void noTextBecomesAPartOfAPage() throws Exception {
    String bad = "</p><script>alert(1)</script><img src=x>";
    String version = question(bad);
    String id = alert(bad, "run");
    String question = asked(version).id();
    List<String> pages = new ArrayList<>();
    pages.add(browser.page("/models/credit/actions/approve?id=" + question.replace("/", "%2F")));
    pages.add(browser.page("/models/credit/actions/acknowledge?id=" + id.replace("/", "%2F")));
    pages.add(browser.get("/models/credit/actions/deploy?id=%3Cscript%3E").body());
    pages.add(browser.get("/models/credit/actions/%3Cscript%3E").body());
    pages.add(pressed(browser, "credit", "reject", question, Map.of("reason", bad)));
    pages.add(pressed(browser, "credit", "acknowledge", id, Map.of("reason", bad)));
    pages.add(browser.page("/models/credit/actions/acknowledge?id=" + id.replace("/", "%2F")));
    pages.add(browser.page("/models/credit/versions/" + version));
    String other = CONTROL.register("credit", 0.2, false);
    pages.add(pressed(browser, "credit", "try", other, Map.of("reason", bad, "fraction", "0")));
    pages.add(
        pressed(browser, "credit", "try", other, Map.of("reason", "x", "fraction", "<script>")));

    for (String page : pages) {
      assertEquals(1, page.split("<script", -1).length - 1, page);
      assertFalse(page.contains("<img"), page);
      assertTrue(page.contains("&lt;script&gt;"), page);
    }
  }

  @Test
  void withoutTokensThereAreNoButtons() throws Exception {
    try (RunningControl telling = new RunningControl()) {
      telling.register("credit");
      assertFalse(new Browser(telling).page("/models/credit").contains("/actions/"));
    }
  }

  private static void waits(int number, String message) {
    CONTROL
        .store()
        .documents()
        .events()
        .record("challenger_waits", "credit/" + number, new Document("message", message));
  }

  private static void weighed(String champion, String challenger) {
    CONTROL
        .store()
        .documents()
        .events()
        .record(
            "challenger_ledger",
            "credit/1",
            new Document("model_id", challenger)
                .append("champion_id", champion)
                .append("number", 1)
                .append("logical_date", DAY.toString())
                .append("days", 3)
                .append("rows", 500L)
                .append("standing", "gathering")
                .append("e_value", 4.0)
                .append("worse_e_value", 0.5)
                .append("limit", 20.0));
  }

  /** The page after a button was pressed on its own page. */
  private static String pressed(
      Browser browser, String model, String button, String subject, Map<String, String> filledIn)
      throws Exception {
    String action = "/models/%s/actions/%s".formatted(model, button);
    String query = subject.isEmpty() ? "" : "?id=" + subject.replace("/", "%2F");
    HttpResponse<String> answer = browser.press(browser.page(action + query), action, filledIn);
    return browser.page(Browser.location(answer));
  }

  /** An alert of the last day, on which no version passed; its id. */
  private static String alert(String message) {
    outcome(CONTROL.register("credit"), Status.FAILED_MAX_RETRIES, message);
    return alert(message, "run");
  }

  private static String alert(String message, String run) {
    String id = "alert/credit/%s/%s/key".formatted(DAY, run);
    CONTROL
        .store()
        .documents()
        .events()
        .record(
            "alerts", id, new Document("message", message).append("logical_date", DAY.toString()));
    CONTROL.pass(Duration.ofSeconds(1));
    return id;
  }

  private static String question() {
    return question("it is below the gate.");
  }

  private static String question(String reason) {
    return Outcomes.ask(CONTROL, DAY, reason);
  }

  private static ApprovalRequest asked(String version) {
    return ApprovalRequest.ofVersion(CONTROL.store().documents(), "credit", version).orElseThrow();
  }

  private static void outcome(String champion, Status status, String message) {
    Outcomes.add(CONTROL, DAY, champion, status, message, "labels");
  }

  private static TestContext context() {
    return CONTROL.store().context();
  }

  /** The last call of that path, as it was recorded. */
  private static Document event(String call) {
    return Objects.requireNonNull(
        CONTROL
            .store()
            .documents()
            .collection("control_events")
            .find(new Document("call", call))
            .sort(new Document("timestamp", -1))
            .first());
  }

  private static void assertSays(String page, String tone, String sentence) {
    String role = tone.equals("done") ? "status" : "alert";
    String escaped = sentence.replace("'", "&#39;");
    assertTrue(
        page.contains("<p class=\"%s\" role=\"%s\">%s".formatted(tone, role, escaped)),
        () -> sentence + " in\n" + page);
  }
}
