package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.Gate;
import retune.core.judgement.Rules;
import retune.core.metrics.Metric;
import retune.devstore.EmbeddedStore;
import retune.judgement.DayKey;
import retune.judgement.DayOutcome;
import retune.judgement.DayOutcome.Status;
import retune.judgement.RetrainingInfo;
import retune.runtime.store.DocumentStore;
import retune.testing.TestContext;

/** The pages as a browser gets them. */
class DashboardTest {
  private static final RunningControl CONTROL = new RunningControl();
  private static final LocalDate FIRST = LocalDate.of(2026, 10, 27);
  private static final List<String> WRITTEN =
      List.of(
          "outcomes",
          "performance_metrics",
          "performance_estimates",
          "drift_reports",
          "comparison_reports",
          "verdicts",
          "attempts",
          "trigger_decisions",
          "deployment_events",
          "training_candidates",
          "retraining_outcomes",
          "retraining_judgements",
          "query_logs",
          "error_ledger");

  private static final Pattern TAG = Pattern.compile("<(/?)([a-z][a-z0-9]*)[^>]*?(/?)>");
  private static final List<String> WITHOUT_END = List.of("meta", "link", "br", "input");

  @AfterAll
  static void stop() {
    CONTROL.close();
  }

  @BeforeEach
  void clear() {
    CONTROL.clear();
    WRITTEN.forEach(
        name -> CONTROL.store().documents().collection(name).deleteMany(new Document()));
  }

  @Test
  void anEmptyStoreSaysWhatToDo() throws Exception {
    assertTrue(page("/").contains("No model yet."));

    CONTROL.register("credit", 0.5, false);

    assertTrue(page("/").contains("Versions are registered, and none is in production."));
  }

  @Test
  void aVersionThatIsHeldBackWaitsForAPerson() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.HELD_BACK, 0.70, "It passes, and was rolled back before.");

    String page = page("/");

    assertBefore(page, "Decide about 2026-10-27: a version is held back.", "<h3>");
    assertTrue(page.contains("</strong> It passes, and was rolled back before."), page);
  }

  @Test
  void anApprovedVersionThatIsNotInProductionWaitsForAPerson() throws Exception {
    String id = CONTROL.register("credit");
    String better = CONTROL.register("credit", 0.4, false);
    write(
        "retraining_outcomes",
        "credit/retraining-1",
        new Document("retraining_id", "retraining-1")
            .append("approved", true)
            .append("model_id", better)
            .append("champion_id", id));
    String command =
        "./retune deploy_model --model credit --model-id %s --retraining retraining-1"
            .formatted(better);

    assertBefore(page("/"), command, "<h3>");

    CONTROL.promote("credit", CONTROL.register("credit", 0.3, false));
    assertFalse(page("/").contains(command), "it was approved to follow another version");
  }

  @Test
  void aRunIsLinkedToItsPageInAirflow() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.APPROVED, 0.70, "It passes.");
    String run = "http://127.0.0.1:8080/dags/model_evaluation_pipeline/runs/run";
    CONTROL
        .store()
        .documents()
        .collection("outcomes")
        .updateMany(new Document(), new Document("$set", new Document("run_url", run)));

    String page = page("/models/credit");

    assertTrue(page.contains("<a href=\"%s\">run</a>".formatted(run)), page);
  }

  @Test
  void theOverviewTellsTheLastVerdictInWordsFirst() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.APPROVED, 0.70, "It passes.");
    day("credit", id, 1, Status.UNDECIDED, 0.64, "It may be chance.");
    trigger("credit", "Not yet - need 25 more samples or 15 more days. No trigger is on.");
    drift("credit", id, 1, "AGE", true);

    String page = page("/");

    assertTrue(page.contains("below the gate, undecided"), page);
    assertBefore(page, "It may be chance.", "0.64");
    assertTrue(page.contains("Not yet - need 25 more samples or 15 more days."), page);
    assertTrue(page.contains("AGE is not as in the reference."), page);
    assertTrue(page.contains(id + "</a>"), page);
    assertTrue(page.contains("none yet"), page);
    assertFalse(page.contains("It passes."), "an older day");
  }

  @Test
  void theSmallChartShowsWhatTheVersionInProductionHad() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.APPROVED, 0.7, "It passes.");
    day("credit", id, 1, Status.RETRAINED, 0.81, 0.4752, "Another version passes.");

    String page = page("/");

    assertTrue(page.contains("Macro F1 0.4752, limit 0.66"), page);
    assertFalse(page.contains("0.81"), page);
  }

  @Test
  void whatNeedsAPersonStandsFirst() throws Exception {
    String id = CONTROL.register("credit");
    String other = CONTROL.register("quiet");
    day("credit", id, 0, Status.FAILED_MAX_RETRIES, 0.4, "Manual intervention required.");
    day("quiet", other, 0, Status.APPROVED, 0.8, "All is well.");

    String page = page("/");

    assertBefore(page, "Look into 2026-10-27: no version passed.", "<h3>");
    assertTrue(page.contains("Macro F1 of the version in production is 0.4000, the limit 0.66."));
    assertBefore(page, "<h3>", "Manual intervention required.");
    assertTrue(page.contains("is not deployed yet"), page);
    day("credit", id, 1, Status.APPROVED, 0.7, "It passes again.");
    assertFalse(page("/").contains("Look into"), "the next day closes it");
  }

  @Test
  void aDaysLatestRevisionCounts() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.UNDECIDED, 0.64, "As first judged.");
    day("credit", id, 0, Status.APPROVED, 0.7, "As judged again.");

    String page = page("/");

    assertTrue(page.contains("As judged again."), page);
    assertFalse(page.contains("As first judged."), page);
  }

  @Test
  void theModelsPageShowsTheMetricWithIntervalLimitEstimateAndMoves() throws Exception {
    String id = CONTROL.register("credit");
    for (int day = 0; day < 3; day++) {
      day("credit", id, day, Status.APPROVED, 0.70, "It passes.");
      measured("credit", id, day, 0.71);
      drift("credit", id, day, "AGE", day == 1);
    }
    estimate("credit", id, 2, 0.69);
    moved("credit", id, "credit-before", 1, "model_rolled_back", "it was slow");
    attempt("credit", id, 2, "the hold-out says no");

    String page = page("/models/credit?days=30");

    assertTrue(page.contains("Macro F1 by day"), page);
    assertTrue(page.contains("<title>2026-10-28: 0.7100 (0.6"), page);
    assertTrue(page.contains("estimated without labels on 1 days: least 0.6900"), page);
    assertTrue(page.contains("<line class=\"mark back\" x1=\"50.00%\""), page);
    assertTrue(page.contains("it was slow"), page);
    assertTrue(page.contains("It looks like AGE."), page);
    assertTrue(page.contains("<td class=\"d3\"><span class=\"dot\">drift</span>30</td>"), page);
    assertTrue(page.contains("<td class=\"d0\">0</td>"), page);
    assertTrue(page.contains("the hold-out says no"), page);
  }

  @Test
  void aDayWithoutAValueLeavesAGap() throws Exception {
    String id = CONTROL.register("credit");
    for (int day = 0; day < 3; day++) {
      double value = day == 1 ? Double.NaN : 0.7;
      day("credit", id, day, Status.UNDECIDED, value, "It is not known.");
      measured("credit", id, day, value);
      estimate("credit", id, day, value);
    }

    String page = page("/models/credit");

    assertTrue(page.contains("measured with labels on 2 days"), page);
    assertFalse(page.contains("NaN"), page);
    assertFalse(page("/").contains("NaN"), page);
  }

  @Test
  void aReportIsServedWithItsStyleAndNothingElse() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.APPROVED, 0.7, "It passes.");
    drift("credit", id, 0, "AGE", true);
    Matcher link =
        Pattern.compile("href=\"(/reports/drift[^\"]*)\"").matcher(page("/models/credit"));
    assertTrue(link.find());

    HttpResponse<String> report = CONTROL.get(link.group(1));

    assertEquals("<p>the report</p>", report.body());
    assertTrue(policy(report).startsWith("sandbox; default-src 'none'"), policy(report));
    assertEquals(404, CONTROL.get("/reports/drift?id=none").statusCode());
    assertEquals(400, CONTROL.get("/reports/drift").statusCode());
  }

  @Test
  void theVersionsPageExplainsIt() throws Exception {
    String id = CONTROL.register("credit");
    attempt("credit", id, 0, "It is better.");

    String page = page("/models/credit/versions/" + id);

    assertTrue(page.contains("This version is in production."), page);
    assertTrue(page.contains("It is better."), page);
    assertTrue(page.contains("Last comparison with a version in production"), page);
    assertTrue(page.contains("Registered"), page);
  }

  @Test
  void theVersionsPageSaysWhyItWasApprovedWhenALaterComparisonRejectsIt() throws Exception {
    String id = CONTROL.register("credit");
    attempt("credit", id, 0, "It was better.");
    CONTROL
        .store()
        .documents()
        .collection("verdicts")
        .updateMany(
            new Document(),
            Updates.combine(
                Updates.set("status", "approved"),
                Updates.set("timestamp", "2026-10-28T02:00:00Z")));
    String path = "/models/credit/versions/" + id;
    assertFalse(page(path).contains("Why it was approved"), "the last comparison says so");

    attempt("credit", id, 1, "It is worse now.");

    String page = page(path);
    assertBefore(page, "Why it was approved", "It was better.");
    assertBefore(page, "It was better.", "Last comparison with a version in production");
    assertBefore(page, "Last comparison with a version in production", "It is worse now.");
  }

  @Test
  void aRetrainingIsToldWithItsCandidatesAndItsReport() throws Exception {
    String id = CONTROL.register("credit");
    String judgement = "credit/forced-1/credit-before";
    Document told =
        new Document("model", "credit")
            .append("retraining_id", "forced-1")
            .append("model_id", id)
            .append("champion_id", "credit-before")
            .append("status", "rejected");
    write(
        "retraining_events",
        "credit/forced-1/rejected",
        new Document(told)
            .append("trigger", "schedule_weekly")
            .append("details", new Document("deployment_reason", "It is no better.")));
    write(
        "training_candidates",
        "credit/forced-1/1",
        new Document("data_path", "credit/forced-1")
            .append("strategy", "head_long")
            .append("model_id", id)
            .append("validation_value", 0.7123)
            .append("champion_validation_value", 0.7001)
            .append("train_samples", 1_234));
    write("retraining_judgements", judgement, new Document(told).append("reason", "No better."));
    write("comparison_reports", judgement, new Document("html", "<p>the comparison</p>"));
    String link = "<a href=\"/reports/comparison?id=credit%2Fforced-1%2Fcredit-before\">";

    String model = page("/models/credit");
    String version = page("/models/credit/versions/" + id);

    assertTrue(model.contains("schedule weekly"), model);
    assertTrue(model.contains("It is no better."), model);
    assertTrue(model.contains("head long"), model);
    assertTrue(model.contains("0.7123") && model.contains("0.7001"), model);
    assertTrue(model.contains(link), model);
    assertTrue(version.contains("No better."), version);
    assertTrue(version.contains(link), version);
  }

  @Test
  void versionsAreListedAndFiltered() throws Exception {
    String champion = CONTROL.register("credit");
    String approved = CONTROL.register("credit", 0.4, false);
    CONTROL.register("credit-two"); // its ids begin like those of credit

    String all = page("/models/credit/versions");
    String some = page("/models/credit/versions?status=approved");
    String named =
        page("/models/credit/versions?text=" + champion.substring(8).toUpperCase(Locale.ROOT));

    assertTrue(all.contains("2 of 2 versions"), all);
    assertFalse(all.contains("credit-two-"), all);
    assertTrue(some.contains("1 of 2 versions") && some.contains(">" + approved + "</a>"), some);
    assertFalse(some.contains(champion), some);
    assertTrue(some.contains("<option value=\"approved\" selected>"), some);
    assertTrue(named.contains(champion) && !named.contains(approved), named);
    assertTrue(page("/models/credit/versions?text=none").contains("None of the 2 versions"));
    HttpResponse<String> wrong = CONTROL.get("/models/credit/versions?status=good");
    assertEquals(400, wrong.statusCode());
    assertTrue(wrong.body().contains("choose one of candidate, challenger, approved"));
    assertEquals(404, CONTROL.get("/models/none/versions").statusCode());
  }

  @Test
  void twoVersionsStandSideBySide() throws Exception {
    String one = CONTROL.register("credit");
    String other = CONTROL.register("credit", 0.4, false);
    attempt("credit", other, 0, "It is better.");
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(
            new Document("_id", one),
            new Document(
                "$set",
                new Document("metrics", new Document("f1_macro", 0.5).append("accuracy", 0.8))));
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(
            new Document("_id", other),
            new Document(
                "$set",
                new Document("metrics", new Document("f1_macro", 0.625))
                    .append("finetuned_from", one)));
    String link = "/models/credit/versions?one=" + one;
    assertTrue(page("/models/credit/versions/" + one).contains(link));
    assertTrue(page(link).contains("name=\"one\" value=\"" + one + "\" aria-label=\"one: " + one));

    String page = page("/models/credit/compare?one=%s&other=%s".formatted(one, other));

    assertTrue(
        page.contains("f1 macro</th><td class=\"n\">0.5000</td><td class=\"n\">0.6250</td>"));
    assertTrue(page.contains("<td class=\"n\">+0.1250</td>"), page);
    assertTrue(
        page.contains("accuracy</th><td class=\"n\">0.8000</td><td class=\"n\">–</td>"), page);
    assertTrue(page.contains("never beside another version"), page);
    assertTrue(page.contains("made from</th><td class=\"why\">no other version</td>"), page);
    assertTrue(page.contains("It is better."), page);
    assertEquals(400, CONTROL.get("/models/credit/compare?one=" + one).statusCode());
    assertEquals(404, CONTROL.get("/models/credit/compare?one=none&other=" + one).statusCode());
  }

  @Test
  void attemptsSayHowManyPassed() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.APPROVED, 0.7, "It passes.");
    attempt("credit", id, 0, "It is no better.");

    assertTrue(page("/models/credit").contains("the newest first; 0 of 1 passed (0.0 %)"));

    CONTROL
        .store()
        .documents()
        .collection("verdicts")
        .updateMany(new Document(), new Document("$set", new Document("status", "approved")));
    assertTrue(page("/models/credit").contains("the newest first; 1 of 1 passed (100.0 %)"));
  }

  @Test
  void queriesAreCountedByDay() throws Exception {
    String id = CONTROL.register("asked"); // counts are remembered for a minute, by model
    String today = LocalDate.ofInstant(TestContext.NOW, ZoneOffset.UTC).toString();
    queries("asked", today, 1, 1_000);
    queries("asked", today, 2, 234);
    queries("asked", "2026-10-01", 1, 7);
    queries("asked-more", today, 1, 5);

    String page = page("/models/asked");

    assertTrue(page.contains(id), page);
    assertTrue(page.contains(today + "</th><td class=\"n\">1,234</td>"), page);
    assertFalse(page.contains("2026-10-01"), "older than two weeks");
  }

  private static void queries(String model, String date, int number, int rows) {
    write(
        "query_logs",
        "%s/%s/%d".formatted(model, date, number),
        new Document("model_name", model).append("date", date).append("rows", rows));
  }

  @Test
  void aVersionWithoutItsWeightsIsAFallback() throws Exception {
    String id = CONTROL.register("credit");
    assertFalse(page("/").contains("fallback"));

    CONTROL.store().documents().collection("fs.files").deleteMany(new Document());

    String page = page("/");
    assertTrue(page.contains("The weights of " + id + " are not in the store."), page);
    assertTrue(page.contains("fallback: its weights are not in the store"), page);
  }

  @Test
  void aDamagedVersionSaysSo() throws Exception {
    String id = CONTROL.register("credit");
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(new Document("_id", id), new Document("$set", new Document("model_json", "{}")));

    String page = page("/models/credit/versions/" + id);

    assertTrue(page.contains("<p class=\"warn\">"), page);
    assertTrue(page.contains("model_metadata/" + id), page);
  }

  @Test
  void whatIsNotThereIsAPageWithASentence() throws Exception {
    CONTROL.register("credit");
    for (String path :
        List.of("/models/none", "/models/credit/versions/none", "/models/none/versions/none")) {
      HttpResponse<String> response = CONTROL.get(path);
      assertEquals(404, response.statusCode(), path);
      assertTrue(response.body().contains("role=\"alert\">There is no "), response.body());
    }
    assertEquals(400, CONTROL.get("/models/credit?days=many").statusCode());
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void aStoreThatIsAwayIsAPageWithASentenceUntilItIsBack(@TempDir Path folder) throws Exception {
    EmbeddedStore store = store(folder, EmbeddedStore.ANY_PORT);
    int port = URI.create(store.uri()).getPort();
    try (DocumentStore documents =
            DocumentStore.open(store.uri(), Duration.ofSeconds(1), TestContext.CLOCK);
        ControlServer server =
            ControlServer.start(
                new Control.Input("127.0.0.1", 0, null, null, Control.Reading.OPEN, null, null),
                TestContext.of(documents))) {
      HttpRequest.Builder page = HttpRequest.newBuilder(URI.create(server.address() + "/"));
      store.close();

      HttpResponse<String> response = CONTROL.send(page);

      assertEquals(503, response.statusCode());
      assertTrue(response.body().contains("role=\"alert\">The document store no longer answers"));
      assertWellFormed(response.body());
      try (EmbeddedStore _ = storeAgain(folder, port)) {
        while (response.statusCode() == 503) {
          response = CONTROL.send(page);
        }
        assertEquals(200, response.statusCode(), response.body());
      }
    }
  }

  /** Waits while another program has the port, which any may get when the store ends. */
  private static EmbeddedStore storeAgain(Path folder, int port) throws InterruptedException {
    while (true) {
      try {
        return store(folder, port);
      } catch (EmbeddedStore.CannotStartException inUse) {
        Thread.sleep(20);
      }
    }
  }

  private static EmbeddedStore store(Path folder, int port) {
    return EmbeddedStore.start(
        new EmbeddedStore.Settings(folder, EmbeddedStore.LOOPBACK, port, false, false));
  }

  @Test
  void noTextBecomesAPartOfAPage() throws Exception {
    String bad = "</title><script>alert('x')</script>\"><img src=x onerror=alert(1)>";
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.FAILED_MAX_RETRIES, 0.4, bad);
    day("credit", id, 1, Status.HELD_BACK, 0.4, bad);
    measured("credit", id, 1, 0.7);
    trigger("credit", bad);
    drift("credit", id, 1, bad, true);
    moved("credit", id, bad, 1, "model_rolled_back", bad);
    attempt("credit", id, 1, bad);
    write(
        "control_events",
        "credit/1/ended",
        new Document("event_type", "control_run_ended")
            .append("by", bad)
            .append("run_id", bad)
            .append("exit_code", 50)
            .append("message", bad));
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(new Document("_id", id), new Document("$set", new Document("notes", bad)));
    CONTROL
        .store()
        .documents()
        .collection("outcomes")
        .updateMany(
            new Document(), new Document("$set", new Document("run_url", "javascript:alert(1)")));

    for (String path :
        List.of(
            "/",
            "/models/credit",
            "/models/credit/versions/" + id,
            "/models/credit/versions?text=%22%3E%3Cscript%3E",
            "/models/credit/versions?status=%3Cscript%3E",
            "/models/credit/versions?one=%22%3E%3Cscript%3E",
            "/models/credit/compare?one=%s&other=%s".formatted(id, id),
            "/models/credit/compare?one=%3Cscript%3E&other=1",
            "/models/%3Cscript%3E",
            "/models/credit/versions/%3Cscript%3E",
            "/models/credit?days=%3Cscript%3E",
            "/reports/comparison?id=%3Cscript%3E")) {
      String body = CONTROL.get(path).body();
      assertEquals(1, count(body, "<script"), path + "\n" + body);
      assertTrue(body.contains("<script src=\"/dashboard-"), path);
      assertFalse(body.contains("<img"), path + "\n" + body);
      assertFalse(body.contains("href=\"javascript"), path);
      assertTrue(body.contains("&lt;script&gt;"), path + " shows it\n" + body);
      assertWellFormed(body);
    }
  }

  @Test
  void noNameBecomesAPartOfAPage() throws Exception {
    String bad = "<script>alert(1)<script>\"><img src=x>";
    String id = CONTROL.register("credit");
    // No step registers such a name; whoever writes to the store can.
    Document champion =
        Objects.requireNonNull(
            CONTROL
                .store()
                .documents()
                .collection("champions")
                .find(new Document("_id", "credit"))
                .first());
    CONTROL.store().documents().collection("champions").insertOne(champion.append("_id", bad));
    day(bad, id, 0, Status.APPROVED, 0.7, "It passes.");
    day(bad, id, 1, Status.FAILED_MAX_RETRIES, 0.4, "It fails.");
    moved(bad, id, "before", 1, "model_rolled_back", "slow");
    String path = "/models/" + URLEncoder.encode(bad, UTF_8).replace("+", "%20");

    for (String page : List.of("/", path, path + "/versions", path + "/versions/" + id)) {
      String body = CONTROL.get(page).body();
      assertEquals(1, count(body, "<script"), page + "\n" + body);
      assertFalse(body.contains("<img"), page + "\n" + body);
      assertTrue(body.contains("&lt;script&gt;"), page + " shows it\n" + body);
    }
  }

  @Test
  void pagesHaveAnOrderThatAScreenReaderFollows() throws Exception {
    String id = CONTROL.register("credit");
    day("credit", id, 0, Status.APPROVED, 0.7, "It passes.");
    drift("credit", id, 0, "AGE", true);
    for (String path : List.of("/", "/models/credit", "/models/credit/versions/" + id)) {
      String page = page(path);
      assertTrue(page.contains("<html lang=\"en\">"));
      assertTrue(page.contains("<a class=\"skip\" href=\"#main\">"));
      List<String> headings =
          Pattern.compile("<h([1-6])>").matcher(page).results().map(MatchResult::group).toList();
      assertEquals(List.of("<h1>"), headings.stream().filter("<h1>"::equals).toList(), path);
      for (int i = 1; i < headings.size(); i++) {
        assertTrue(
            headings.get(i).charAt(2) - headings.get(i - 1).charAt(2) <= 1, path + " " + headings);
      }
      assertEquals(count(page, "<table"), count(page, "<caption>"), path);
      assertEquals(count(page, "<svg class"), count(page, "aria-label=\"Macro F1"), path);
    }
  }

  @Test
  void theStyleSheetIsKeptByBrowsers() throws Exception {
    Matcher link = Pattern.compile("rel=\"stylesheet\" href=\"([^\"]+)\"").matcher(page("/"));
    assertTrue(link.find());

    HttpResponse<String> style = CONTROL.get(link.group(1));

    assertEquals(200, style.statusCode());
    assertEquals("text/css; charset=utf-8", style.headers().firstValue("Content-Type").orElse(""));
    assertTrue(style.headers().firstValue("Cache-Control").orElse("").contains("immutable"));
    assertTrue(style.body().contains("prefers-color-scheme:dark"));
  }

  /** A page, which must be whole. */
  private static String page(String path) throws Exception {
    HttpResponse<String> response = CONTROL.get(path);
    assertEquals(200, response.statusCode(), response.body());
    assertEquals(
        "text/html; charset=utf-8", response.headers().firstValue("Content-Type").orElse(""));
    assertTrue(policy(response).startsWith("default-src 'none'; script-src 'self'; connect-src"));
    assertFalse(response.body().contains("style=\""), "the policy forbids it");
    assertWellFormed(response.body());
    return response.body();
  }

  private static String policy(HttpResponse<String> response) {
    return response.headers().firstValue("Content-Security-Policy").orElse("");
  }

  /** Each tag that begins ends in its place. */
  private static void assertWellFormed(String page) {
    List<String> open = new ArrayList<>();
    Matcher tags = TAG.matcher(page);
    while (tags.find()) {
      String name = tags.group(2);
      if (tags.group(1).isEmpty()) {
        if (tags.group(3).isEmpty() && !WITHOUT_END.contains(name)) {
          open.add(name);
        }
      } else {
        assertFalse(open.isEmpty(), tags.group() + " ends nothing");
        assertEquals(open.removeLast(), name, () -> page.substring(0, tags.end()));
      }
    }
    assertEquals(List.of(), open);
  }

  private static void assertBefore(String page, String first, String second) {
    assertTrue(page.contains(first), page);
    assertTrue(page.indexOf(first) < page.indexOf(second), page);
  }

  @Test
  void aPageAsksTheStoreNoMoreOftenAfterAMonthThanAfterADay() throws Exception {
    String id = CONTROL.register("credit");
    List<String> paths =
        List.of("/", "/models/credit", "/models/credit/versions/" + id, "/models/credit/versions");
    List<Long> first = new ArrayList<>();
    List<Long> then = new ArrayList<>();
    happened("credit", id, 0);
    for (String path : paths) {
      page(path); // what is remembered is asked for once
      first.add(queriesOf(path));
    }
    for (int day = 1; day < 30; day++) {
      happened("credit", id, day);
    }
    for (String path : paths) {
      then.add(queriesOf(path));
    }

    assertEquals(first, then);
    assertTrue(first.getFirst() > 3, first.toString());
  }

  /** A day on which a version was made of the one before, judged and reported, with an alert. */
  private static void happened(String model, String id, int day) {
    day(model, id, day, Status.FAILED_MAX_RETRIES, 0.5, "Day " + day);
    attempt(model, id, day, "it is worse");
    drift(model, id, day, "AGE", true);
    LocalDate date = FIRST.plusDays(day);
    write(
        "alerts",
        "alert/%s/%s/run/key".formatted(model, date),
        new Document("logical_date", date.toString()).append("message", "It is worse."));
    var versions = CONTROL.store().documents().collection("model_metadata");
    String parent = model + "-parent";
    versions.updateOne(
        Filters.eq(id), Updates.set("finetuned_from", parent + String.format("%02d", day)));
    versions.insertOne(
        new Document("_id", parent + String.format("%02d", day))
            .append("model_name", model)
            .append("status", "retired")
            .append("kind", "finetuned")
            .append("created_at", date + "T02:00:00Z")
            .append("finetuned_from", parent + String.format("%02d", day - 1)));
  }

  /** How many commands a page sends to the store. */
  private static long queriesOf(String path) throws Exception {
    Logger commands = Logger.getLogger("org.mongodb.driver.protocol.command");
    AtomicLong started = new AtomicLong();
    Handler counter =
        new Handler() {
          @Override
          public void publish(LogRecord command) {
            if (command.getMessage().matches("(?s)Command .*started.*")) {
              started.incrementAndGet();
            }
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    commands.addHandler(counter);
    commands.setUseParentHandlers(false);
    commands.setLevel(Level.FINE);
    try {
      page(path);
      return started.get();
    } finally {
      commands.setLevel(null);
      commands.setUseParentHandlers(true);
      commands.removeHandler(counter);
    }
  }

  private static int count(String text, String part) {
    return (int) Pattern.compile(Pattern.quote(part)).matcher(text).results().count();
  }

  private static void day(
      String model, String id, int day, Status status, double value, String message) {
    day(model, id, day, status, value, value, message);
  }

  private static void day(
      String model,
      String id,
      int day,
      Status status,
      double value,
      double championValue,
      String message) {
    LocalDate date = FIRST.plusDays(day);
    DayKey key =
        new DayKey(message, "labels", null, Rules.published(new Gate(Metric.F1_MACRO, 0.66), 3));
    new DayOutcome(
            model,
            date,
            0,
            key,
            "run",
            status,
            id,
            "20261001_101500",
            id,
            status.approves(),
            new RetrainingInfo(
                false,
                null,
                null,
                null,
                null,
                null,
                value,
                0.66,
                0,
                Metric.F1_MACRO,
                value,
                0.66,
                championValue),
            message)
        .add(CONTROL.store().context());
  }

  private static void measured(String model, String id, int day, double value) {
    write(
        "performance_metrics",
        id + "/" + day + "/test",
        new Document("model_id", id)
            .append("dataset_name", "test")
            .append("data_path", model + "/" + FIRST.plusDays(day))
            .append("positive", 1)
            .append(
                "metrics",
                new Document("f1_macro", value)
                    .append("confusion_matrix", List.of(List.of(700, 100), List.of(100, 100)))));
  }

  private static void estimate(String model, String id, int day, double value) {
    write(
        "performance_estimates",
        id + "/" + day + "/f1_macro",
        new Document("model_id", id)
            .append("data_path", model + "/" + FIRST.plusDays(day))
            .append("metric", "f1_macro")
            .append("estimate", value)
            .append("low", value - 0.02)
            .append("high", value + 0.02));
  }

  private static void drift(String model, String id, int day, String column, boolean detected) {
    LocalDate date = FIRST.plusDays(day);
    write(
        "drift_reports",
        "%s/%s/run/%s".formatted(model, date, id),
        new Document("model_id", id)
            .append("logical_date", date.toString())
            .append("overall_drift_detected", detected)
            .append(
                "findings", detected ? List.of(column + " is not as in the reference.") : List.of())
            .append("shift", new Document("reason", "It looks like " + column + "."))
            .append(
                "feature_drift",
                new Document("total_features", 1)
                    .append("drifted_features", detected ? 1 : 0)
                    .append(
                        "features",
                        List.of(
                            new Document("feature", column)
                                .append("drift_detected", detected)
                                .append(
                                    "psi",
                                    new Document("psi", detected ? 0.3 : 0.001)
                                        .append("limit", 0.02)))))
            .append("html", "<p>the report</p>"));
  }

  private static void trigger(String model, String reason) {
    write("trigger_decisions", model + "/dag/run/task", new Document("reason", reason));
  }

  private static void moved(
      String model, String id, String before, int day, String type, String reason) {
    write(
        "deployment_events",
        type + "/" + model + "/" + day,
        new Document("event_type", type)
            .append("model", model)
            .append("model_id", id)
            .append("previous_model_id", before)
            .append("logical_date", FIRST.plusDays(day).toString())
            .append("by", reason)
            .append("reason", reason));
  }

  /** An attempt that made the version, and the verdict on it. */
  private static void attempt(String model, String id, int day, String reason) {
    String batch = model + "/" + FIRST.plusDays(day);
    Document attempt =
        new Document("model_id", id).append("data_path", batch).append("run_id", "run");
    write(
        "attempts",
        batch + "/run/1",
        new Document(attempt)
            .append("attempt", 1)
            .append("strategy", reason)
            .append("validation_value", 0.7));
    write(
        "verdicts",
        batch + "/run/key/1",
        new Document(attempt)
            .append("attempt", 1)
            .append("champion_id", "credit-before")
            .append("status", "rejected")
            .append("value", 0.6)
            .append("threshold", 0.66)
            .append("reason", reason)
            .append(
                "checks",
                List.of(
                    new Document("name", reason)
                        .append("value", 0.6)
                        .append("limit", 0.66)
                        .append("answer", "failed")
                        .append("rows", 10L)
                        .append("sentence", reason))));
  }

  private static void write(String collection, String id, Document document) {
    CONTROL.store().documents().events().record(collection, id, document);
  }
}
