package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.control.RunningControl.json;

import com.mongodb.client.model.Filters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bson.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.judgement.AuditTrail;
import retune.judgement.ChallengerPromotion;
import retune.model.Champions;
import retune.runtime.Json;
import retune.runtime.http.Refusal;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Lease;
import retune.testing.TestContext;
import retune.testing.TestStore;
import tools.jackson.databind.JsonNode;

/** Calls that run steps in processes of their own, which have this test's class path. */
class ProcessLoopsTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";

  private static final Changes.Request REQUEST =
      new Changes.Request("call", "credit", "ops", Json.MAPPER.createObjectNode());

  @TempDir Path folder;

  @Test
  void aRollBackIsDoneByItsSteps() throws Exception {
    try (RunningControl control = start()) {
      String first = control.register("credit");
      String second = control.register("credit", 0.4, false);
      control.promote("credit", second);

      Browser late = new Browser(control);
      late.logIn("ops", TOKEN);
      String action = "/models/credit/actions/roll-back";
      String page = late.page(action);

      JsonNode answer =
          json(200, control.post("/retrain/rollback", "{\"reason\": \"--slow, they say\"}"));

      assertEquals("rolled_back", answer.required("status").stringValue());
      assertEquals(first, answer.required("version").stringValue());
      Champions.Champion champion = new Champions(control.store().documents()).get("credit");
      assertEquals(first, champion.modelId());
      Champions.Bar bar = champion.bar(second).orElseThrow();
      assertEquals(List.of("ops", "--slow, they say"), List.of(bar.by(), bar.reason()));
      Document event = control.event("control_call");
      assertTrue(bar.task().contains(event.getString("run_id")), bar.task());
      String after = late.page(Browser.location(late.press(page, action, Map.of("reason", "me"))));
      assertTrue(
          after.contains("%s is in production now, not %s; nothing".formatted(first, second)),
          after);
    }
  }

  @Test
  void ofTwoRetrainingsTheSecondIsAConflictAndTheEndIsRecorded() throws Exception {
    try (RunningControl control = start()) {
      control.register("credit");

      JsonNode started = json(202, control.post("/retrain", ""));
      JsonNode second = json(409, control.post("/retrain", ""));

      String run = started.required("run_id").stringValue();
      assertEquals(
          run + " of credit runs; wait for its end.", second.required("message").stringValue());
      Document end = control.event("control_run_ended");
      assertEquals(run, end.getString("run_id"));
      assertEquals("ops", end.getString("by"));
      // The step that trains is in another module.
      assertEquals(50, end.getInteger("exit_code"));
      assertTrue(end.getString("message").contains("run_retraining"), end.getString("message"));
      String page = control.get("/models/credit").body();
      assertTrue(page.contains("</span> failed</span>"), page);
      assertTrue(page.contains(", by ops: There is no step &#39;run_retraining&#39;"), page);
      assertEquals(
          "not_started",
          json(200, control.get("/scheduler/status")).at("/scheduler/status").stringValue());
    }
  }

  @Test
  void aPromotedChallengerGoesIntoProductionByTheStepsOfADeployment() throws Exception {
    try (RunningControl control = start()) {
      String first = control.register("credit");
      String second = control.register("credit", 0.4, false);
      json(200, control.post("/retrain/abtest/start", version(second)));

      JsonNode started = json(202, control.post("/retrain/abtest/promote", version(second)));

      String run = started.required("run_id").stringValue();
      Document end = control.event("control_run_ended");
      assertEquals(0, end.getInteger("exit_code"), end.getString("message"));
      assertEquals(run, end.getString("run_id"));
      Champions.Champion champion = new Champions(control.store().documents()).get("credit");
      assertEquals(second, champion.modelId());
      assertEquals(first, champion.previousModelId());
      assertTrue(champion.deployed());
      assertNull(champion.challenger());
      Document deployed = only(control, "deployment_events");
      assertEquals(
          List.of("model_deployed", second, run, "ops"),
          List.of(
              deployed.getString("event_type"),
              deployed.getString("model_id"),
              deployed.getString("run_id"),
              deployed.getString("started_by")));
      assertEquals("deployment_complete", only(control, "notifications").getString("type"));
    }
  }

  @Test
  void anApprovedVersionIsDeployedBeforeTheAnswer() throws Exception {
    try (RunningControl control = start()) {
      control.register("credit");
      String second = control.register("credit", 0.4, false);
      json(200, control.post("/retrain/abtest/start", version(second)));
      ChallengerPromotion.approve(control.store().context(), "credit", second, "anna", "better");

      JsonNode answer = json(200, control.post("/retrain/deploy", version(second)));

      assertEquals("deployed", answer.required("status").stringValue());
      assertEquals(second, answer.required("version").stringValue());
      assertEquals("full", answer.required("mode").stringValue());
      assertTrue(answer.has("timestamp"));
      Champions.Champion champion = new Champions(control.store().documents()).get("credit");
      assertEquals(second, champion.modelId());
      assertTrue(champion.deployed());
    }
  }

  @Test
  void aDeploymentThatFindsNothingToDeployIsAConflict() throws Exception {
    try (RunningControl control = start()) {
      String first = control.register("credit");
      String second = control.register("credit", 0.4, false);
      String third = control.register("credit", 0.3, false);
      json(200, control.post("/retrain/abtest/start", version(second)));
      ChallengerPromotion.approve(control.store().context(), "credit", second, "anna", "better");
      control.promote("credit", third);

      JsonNode refused = json(409, control.post("/retrain/deploy", version(second)));

      assertTrue(
          refused
              .required("message")
              .stringValue()
              .endsWith(
                  " ended without a deployment: %s is in production, and %s was approved to follow another version."
                      .formatted(third, second)),
          refused.toString());
      assertEquals(
          "%s was approved to follow %s, but credit was promoted to %s meanwhile; start it as a challenger again."
              .formatted(second, first, third),
          control.event("control_run_ended").getString("message"));
    }
  }

  @Test
  void aDeploymentThatTakesLongerThanACallerWaitsGoesOn() throws Exception {
    Path gate = folder.resolve("gate");
    try (TestStore store = TestStore.open()) {
      ProcessLoops loops = gated(store.context(), gate, Duration.ofMillis(50));

      assertFalse(loops.deployAndWait(REQUEST, "2026-11-05").isDone());

      assertTrue(loops.isRunning("credit"));
      Files.createFile(gate);
      while (loops.isRunning("credit")) {
        Thread.sleep(5);
      }
      loops.close();
    }
  }

  @Test
  void aDeploymentThatIsAskedForAgainWhileItRunsIsNotStartedTwice() throws Exception {
    Path gate = folder.resolve("gate");
    try (TestStore store = TestStore.open()) {
      ProcessLoops loops = gated(store.context(), gate, Duration.ofMinutes(1));
      Changes.Request again = new Changes.Request("again", "credit", "ops", REQUEST.body());
      assertEquals("call", loops.deploy(REQUEST, "2026-11-05").runId());

      assertEquals("call", loops.deploy(again, "2026-11-05").runId());
      Refusal refusal = assertThrows(Refusal.class, () -> loops.deploy(again, "2026-11-04"));
      assertEquals("call of credit runs; wait for its end.", refusal.sentence());

      Files.createFile(gate);
      assertTrue(loops.deployAndWait(again, "2026-11-05").isDone());
      assertEquals("again", loops.deployAndWait(again, "2026-11-05").runId());
      loops.close();
    }
  }

  @Test
  void aDeploymentThatFailsIsRefusedWithTheSentenceOfItsStep() throws Exception {
    for (int[] expected : new int[][] {{50, 422}, {20, 503}}) {
      try (TestStore store = TestStore.open()) {
        ProcessLoops loops =
            loops(
                store.context(),
                "#!/bin/sh\necho '{\"error\": {\"message\": \"It answers otherwise.\"}}'\nexit %d\n"
                    .formatted(expected[0]),
                Duration.ofMinutes(1));

        Refusal refusal =
            assertThrows(Refusal.class, () -> loops.deployAndWait(REQUEST, "2026-11-05"));

        assertEquals("It answers otherwise.", refusal.sentence());
        assertEquals(expected[1], refusal.status());
        assertFalse(loops.isRunning("credit"), "the next call may start a run");
        loops.close();
      }
    }
  }

  @Test
  void aRollBackWhoseVerificationTakesLongerThanACallerWaitsGoesOnBesideARun() throws Exception {
    Path gate = folder.resolve("gate");
    String wait = "until [ -e '%s' ]; do sleep 0.02; done".formatted(gate);
    try (TestStore store = TestStore.open()) {
      ProcessLoops loops =
          loops(
              store.context(),
              """
              #!/bin/sh
              case $1 in
              rollback) echo '{"model_id": "first", "message": "It is back."}' ;;
              verify_deployment)
                %s
                echo '{"error": {"message": "It is rolled back from first to zeroth."}}'
                exit 50 ;;
              *) %s ;;
              esac
              """
                  .formatted(wait, wait),
              Duration.ofMillis(50));
      loops.retrain(new Changes.Request("run", "credit", "ops", REQUEST.body()), false);

      assertFalse(rollBack(loops).isDone());

      Refusal second = assertThrows(Refusal.class, () -> rollBack(loops));
      assertEquals("409 call of credit runs; wait for its end.", said(second));
      Files.createFile(gate);
      assertEquals(
          "It is rolled back from first to zeroth.", end(store, "call").getString("message"));
      assertEquals(0, end(store, "run").getInteger("exit_code"));
      loops.close();
    }
  }

  @Test
  void ofTwoServicesOnOneStoreOneRunsAModelAtATime() throws Exception {
    Path gate = folder.resolve("gate");
    Path lease = folder.resolve("lease");
    String script =
        """
        #!/bin/sh
        test "$1" = run_retraining && echo "$RETUNE_RUN_LEASE" > '%s'
        until [ -e '%s' ]; do sleep 0.02; done
        echo '{"model_id": "first", "message": "well"}'
        """
            .formatted(lease, gate);
    try (TestStore store = TestStore.open()) {
      ProcessLoops one = loops(store.context(), script, Duration.ofMillis(50));
      ProcessLoops other = loops(store.context(), script, Duration.ofMillis(50));
      one.retrain(REQUEST, false);

      Changes.Request request = new Changes.Request("other", "credit", "ops", REQUEST.body());
      assertEquals(
          "409 call of credit runs; another control service started it, or this one before a"
              + " restart. Wait for its end; if it was killed, try again after"
              + " 2026-11-05T06:02:00Z.",
          said(assertThrows(Refusal.class, () -> other.retrain(request, false))));
      assertFalse(other.isRunning("credit"), "what was refused does not run");
      Changes.Request back = new Changes.Request("back", "credit", "ops", REQUEST.body());
      assertFalse(other.rollBack(back, Optional.empty(), "second", "slow").isDone());

      String holder = Lease.toRun(store.documents(), "credit").find().orElseThrow().holder();
      Files.createFile(gate);
      end(store, "call");
      assertEquals("credit " + holder, Files.readString(lease).strip());
      other.retrain(request, false);
      end(store, "other");
      end(store, "back");
      one.close();
      other.close();
    }
  }

  @Test
  void aRollBackThatIsNotVerifiedSaysWhatStands() throws Exception {
    for (String[] expected :
        new String[][] {
          {"50", "422 It is rolled back from first to zeroth."},
          {
            "20",
            "503 It is back. verify_deployment failed after that: It is rolled back from first to"
                + " zeroth."
          }
        }) {
      try (TestStore store = TestStore.open()) {
        ProcessLoops loops =
            loops(
                store.context(),
                """
                #!/bin/sh
                case $1 in
                rollback) echo '{"model_id": "first", "message": "It is back."}' ;;
                *) echo '{"error": {"message": "It is rolled back from first to zeroth."}}'; exit %s ;;
                esac
                """
                    .formatted(expected[0]),
                Duration.ofMinutes(1));

        assertEquals(expected[1], said(assertThrows(Refusal.class, () -> rollBack(loops))));

        loops.close();
      }
    }
  }

  @Test
  void aRollBackNamesTheVersionOfItsStepAndItsEndIsRecorded() throws Exception {
    try (TestStore store = TestStore.open()) {
      ProcessLoops loops =
          loops(
              store.context(),
              "#!/bin/sh\necho '{\"model_id\": \"first\", \"message\": \"It is back.\"}'\n",
              Duration.ofMinutes(1));

      assertEquals(new LoopRuntime.Started("call", null, true, "first"), rollBack(loops));

      assertEquals("It is back.", end(store, "call").getString("message"));
      loops.close();
    }
  }

  @Test
  void theStepLearnsWhichVersionTheCallerSawInProduction() throws Exception {
    Path inputs = folder.resolve("inputs");
    String script =
        "#!/bin/sh\necho \"$1 $3\" >> '%s'\necho '{\"model_id\": \"first\"}'\n".formatted(inputs);
    try (RunningControl control = start(script)) {
      String first = control.register("credit");
      String second = control.register("credit", 0.4, false);
      control.promote("credit", second);

      JsonNode answer = json(200, control.post("/retrain/rollback", "{\"reason\": \"slow\"}"));

      assertEquals("first", answer.required("version").stringValue(), "not " + first);
      assertEquals(
          List.of(
              "rollback {\"by\":\"ops\",\"model\":\"credit\",\"reason\":\"slow\",\"replaces\":\"%s\"}"
                  .formatted(second),
              "verify_deployment {\"model\":\"credit\",\"model_id\":\"first\"}"),
          Files.readAllLines(inputs));
    }
  }

  private static LoopRuntime.Started rollBack(ProcessLoops loops) throws InterruptedException {
    return loops.rollBack(REQUEST, Optional.empty(), "second", "slow");
  }

  private static String said(Refusal refusal) {
    return refusal.status() + " " + refusal.sentence();
  }

  /** The record of how a run ended; waits for it. */
  private static Document end(TestStore store, String run) throws InterruptedException {
    while (true) {
      Document end =
          store.documents().collection(Changes.EVENTS).find(Filters.eq("run_id", run)).first();
      if (end != null) {
        return end;
      }
      Thread.sleep(5);
    }
  }

  @Test
  void ofTwoTriesOfARunBothEndsAreKeptAndThePageShowsTheLast() throws Exception {
    MovableClock clock = new MovableClock(TestContext.NOW);
    try (RunningControl control = new RunningControl();
        DocumentStore documents =
            DocumentStore.open(control.store().uri(), Duration.ofSeconds(10), clock)) {
      control.register("credit");
      TestContext still = TestContext.of(documents);
      TestContext context = new TestContext(still.run(), clock, still.settings(), still.source());
      String failing =
          "#!/bin/sh\necho '{\"error\": {\"message\": \"The file is not there.\"}}'\nexit 20\n";
      try (ProcessLoops loops = loops(context, failing, Duration.ofMinutes(1))) {
        assertThrows(Refusal.class, () -> loops.deployAndWait(REQUEST, "2026-11-05"));
      }
      clock.pass(Duration.ofMinutes(15));
      String succeeding = "#!/bin/sh\necho '{\"reason\": \"well\"}'\n";
      try (ProcessLoops loops = loops(context, succeeding, Duration.ofMinutes(1))) {
        assertTrue(loops.deployAndWait(REQUEST, "2026-11-05").isDone());
      }

      assertEquals(
          List.of(
              "2026-11-05T06:00:00Z call 20 The file is not there.",
              "2026-11-05T06:15:00Z call 0 well"),
          new AuditTrail(documents)
              .history("credit").stream()
                  .filter(event -> "control_run_ended".equals(event.getString("event")))
                  .map(
                      event ->
                          "%s %s %d %s"
                              .formatted(
                                  event.getString("timestamp"),
                                  event.getString("run_id"),
                                  event.getInteger("exit_code"),
                                  event.getString("reason")))
                  .toList());
      String page = control.get("/models/credit").body();
      assertTrue(page.contains(": well <small>call</small>"), page);
      assertFalse(page.contains("</span> failed</span>"), page);
    }
  }

  @Test
  void aProgramThatIsGoneIsRefused() throws Exception {
    try (TestStore store = TestStore.open()) {
      ProcessLoops loops = loops(store.context(), "#!/bin/sh\n", Duration.ofMinutes(1));
      Files.delete(folder.resolve("retune"));

      Refusal refusal =
          assertThrows(Refusal.class, () -> loops.deployAndWait(REQUEST, "2026-11-05"));

      assertEquals(502, refusal.status());
      assertTrue(refusal.sentence().startsWith(folder.resolve("retune") + " failed: Cannot run"));
      loops.close();
    }
  }

  /** Loops whose steps end well once there is a file. */
  private ProcessLoops gated(TestContext context, Path gate, Duration patience) throws Exception {
    return loops(
        context,
        "#!/bin/sh\nuntil [ -e '%s' ]; do sleep 0.02; done\necho '{\"reason\": \"well\"}'\n"
            .formatted(gate),
        patience);
  }

  private ProcessLoops loops(TestContext context, String script, Duration patience)
      throws Exception {
    Path program = Files.writeString(folder.resolve("retune"), script);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return new ProcessLoops(context.with(Map.of("RETUNE_COMMAND", program.toString())), patience);
  }

  @Test
  void aScheduleIsRefusedForALoopThatCannotRun() throws Exception {
    try (RunningControl control = start()) {
      control.register("credit");

      String refused =
          json(409, control.post("/scheduler/start", "")).required("message").stringValue();

      assertTrue(refused.startsWith("The loop of credit cannot run: "), refused);
      assertTrue(refused.contains("run_loop"), refused);
    }
  }

  @Test
  void ofPauseAndResumeThePageHasTheOneThatChangesSomething() throws Exception {
    try (RunningControl control = start()) {
      control.register("credit");
      String page = control.get("/models/credit").body();
      assertTrue(page.contains("/actions/resume"), "what does not run can be resumed");
      assertFalse(page.contains("/actions/pause"), "and not be paused");
      control.register("busy");
      Document done = new Document();
      for (String job : List.of("daily_loop", "weekly_retrain")) {
        done.append(job, TestContext.NOW.toString());
      }
      control
          .store()
          .documents()
          .collection("schedules")
          .insertOne(new Document("_id", "busy").append("on", true).append("done", done));
      String busy = control.get("/models/busy").body();
      assertTrue(busy.contains("/actions/pause"), "what runs can be paused");
      assertFalse(busy.contains("/actions/resume"), "and not be resumed");
    }
  }

  @Test
  void withoutItsProgramTheServiceDoesNotStart() {
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class, () -> new ProcessLoops(TestContext.withoutStore()));
    assertEquals(
        "--runtime process needs the program ./retune; start the service with it, or set"
            + " RETUNE_COMMAND to its path.",
        refused.getMessage());
  }

  private static String version(String id) {
    return "{\"version_id\": \"%s\"}".formatted(id);
  }

  private static Document only(RunningControl control, String collection) {
    List<Document> found =
        control.store().documents().collection(collection).find().into(new ArrayList<>());
    assertEquals(1, found.size(), found.toString());
    return found.getFirst();
  }

  private RunningControl start() throws Exception {
    return start(
        "#!/bin/sh\nexec '%s' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC --add-modules=jdk.incubator.vector -cp '%s' retune.runtime.Main \"$@\"\n"
            .formatted(
                ProcessHandle.current().info().command().orElseThrow(),
                Objects.requireNonNull(System.getProperty("java.class.path"))));
  }

  private RunningControl start(String script) throws Exception {
    Path tokens = Files.writeString(folder.resolve("tokens"), "ops " + TOKEN + "\n");
    Path program = Files.writeString(folder.resolve("retune"), script);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    RunningControl control =
        new RunningControl(
            Map.of("RETUNE_COMMAND", program.toString()), Control.RuntimeKind.PROCESS, tokens);
    control.useToken(TOKEN);
    return control;
  }
}
