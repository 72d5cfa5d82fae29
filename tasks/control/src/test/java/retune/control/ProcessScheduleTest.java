package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.control.LoopRuntime.Job;
import retune.runtime.Json;
import retune.testing.TestContext;
import retune.testing.TestStore;

/**
 * When what runs. The program writes down how it was called; that it runs a day is tested in
 * airflow/tests.
 */
class ProcessScheduleTest {
  /** A Thursday, 06:00. */
  private static final Instant START = TestContext.NOW;

  private static final Changes.Request REQUEST =
      new Changes.Request("call", "credit", "ops", Json.MAPPER.createObjectNode());

  @TempDir Path folder;
  private final TestStore store = TestStore.open();
  private final MovableClock clock = new MovableClock(START);
  private ProcessLoops loops;

  @BeforeEach
  void start() throws Exception {
    endWith(0);
    loops = service();
    loops.schedule(REQUEST, true);
    Files.delete(folder.resolve("calls")); // the call that asks whether the loop can run
  }

  @AfterEach
  void stop() {
    loops.close();
    store.close();
  }

  @Test
  void aDayRunsOnceAfterItsEnd() throws Exception {
    assertEquals(List.of(), look());
    assertEquals("2026-11-06T00:00:00Z", job("daily_loop").nextRun());

    clock.pass(Duration.ofHours(18));

    assertEquals(
        List.of("run-loop__2026-11-05 run_loop {\"date\":\"2026-11-05\",\"name\":\"credit\"}"),
        look());
    assertEquals(List.of(), look());
    LoopRuntime.LastRun last = Objects.requireNonNull(job("daily_loop").lastRun());
    assertEquals(
        "2026-11-06T00:00:00Z 0 well",
        last.endedAt() + " " + last.exitCode() + " " + last.message());
  }

  @Test
  void missedTimesAreMadeUpOnceByAServiceThatStartsAgain() throws Exception {
    loops.close();
    clock.pass(Duration.ofDays(3));
    loops = service();

    assertEquals(List.of("run-loop__2026-11-07"), runs(look()));
    assertEquals(List.of(), look());
  }

  @Test
  void whatTheServiceDidNotSeeEndRunsAgainUnderItsName() throws Exception {
    clock.pass(Duration.ofHours(18));
    endWith(137); // as a step that was killed together with the service
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    loops.close();
    loops = service();
    endWith(0);

    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    assertEquals(List.of(), look());
  }

  @Test
  void aDayThatMaySucceedLaterIsTriedAgainAndARefusedOneIsNot() throws Exception {
    clock.pass(Duration.ofHours(18));
    endWith(20);
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    assertEquals(List.of(), look());
    clock.pass(Duration.ofMinutes(15));
    endWith(50);
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    clock.pass(Duration.ofMinutes(15));
    assertEquals(List.of(), look());
    assertEquals(50, Objects.requireNonNull(job("daily_loop").lastRun()).exitCode());
  }

  @Test
  void theLastDecisionSaysWhichRetrainingsAreChecked() throws Exception {
    store
        .documents()
        .events()
        .append(
            "trigger_decisions",
            "credit/check",
            new Document("triggers", List.of("harm", "weekly", "monthly")));
    clock.pass(Duration.ofHours(6));
    assertEquals(
        List.of(
            "schedule__adaptive_retrain__2026-11-05T12:00:00Z run_retraining"
                + " {\"name\":\"credit\",\"request\":\"none\"}"),
        look());
    clock.pass(Duration.ofDays(2).plusHours(14)); // Sunday, 02:00

    assertEquals(
        List.of("run-loop__2026-11-07", "schedule__adaptive_retrain__2026-11-08T00:00:00Z"),
        List.of(runs(look()).getFirst(), runs(look()).getFirst()));
    clock.pass(Duration.ofHours(1));
    assertEquals(List.of("schedule__weekly_retrain__2026-11-08T03:00:00Z"), runs(look()));
    assertEquals("2026-12-01T02:00:00Z", job("monthly_retrain").nextRun());
  }

  @Test
  void ofTwoServicesOneKeepsTheScheduleUntilItEnds() throws Exception {
    assertEquals(List.of(), look());
    ProcessLoops first = loops;
    loops = service();
    clock.pass(Duration.ofHours(18));
    first.look();
    finish(first);
    Files.delete(folder.resolve("calls"));
    assertEquals(List.of(), look());

    first.close();
    clock.pass(Duration.ofDays(1));
    assertEquals(List.of("run-loop__2026-11-06"), runs(look()));
  }

  @Test
  void aScheduleThatIsOffStartsNothingAndMakesUpNothing() throws Exception {
    loops.schedule(REQUEST, false);
    clock.pass(Duration.ofDays(1));
    assertEquals(List.of(), look());
    assertNull(job("daily_loop").nextRun());
    assertTrue(job("daily_loop").paused());

    loops.schedule(REQUEST, true);
    Files.delete(folder.resolve("calls"));
    assertEquals(List.of(), look());
    assertEquals("2026-11-07T00:00:00Z", job("daily_loop").nextRun());
  }

  /** The calls that a look makes, once they have ended. */
  private List<String> look() throws Exception {
    loops.look();
    finish(loops);
    Path calls = folder.resolve("calls");
    if (!Files.exists(calls)) {
      return List.of();
    }
    List<String> lines = Files.readAllLines(calls);
    Files.delete(calls);
    return lines;
  }

  private static void finish(ProcessLoops service) throws InterruptedException {
    while (service.isRunning("credit")) {
      Thread.sleep(5);
    }
  }

  private static List<String> runs(List<String> calls) {
    return calls.stream().map(call -> call.substring(0, call.indexOf(' '))).toList();
  }

  private Job job(String id) {
    return loops.jobs("credit").stream()
        .filter(job -> job.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  private void endWith(int exitCode) throws IOException {
    Files.writeString(folder.resolve("exit"), Integer.toString(exitCode));
  }

  private ProcessLoops service() throws IOException {
    Path program = folder.resolve("retune");
    Files.writeString(
        program,
        """
        #!/bin/sh
        cd '%s'
        echo "$RETUNE_RUN_ID $1 $3" >> calls
        echo '{"message": "well"}'
        exit "$(cat exit)"
        """
            .formatted(folder));
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    TestContext context = store.context().with(Map.of("RETUNE_COMMAND", program.toString()));
    return new ProcessLoops(
        new TestContext(context.run(), clock, context.settings(), context.source()));
  }
}
