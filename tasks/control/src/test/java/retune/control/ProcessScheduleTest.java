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
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.control.LoopRuntime.Job;
import retune.runtime.Json;
import retune.runtime.store.Lease;
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

  /** What looking at the store ends with; null if it does not fail. */
  private volatile @Nullable Error failure;

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
  void missedDaysAreMadeUpInTheirOrderByAServiceThatStartsAgain() throws Exception {
    loops.close();
    clock.pass(Duration.ofDays(3));
    loops = service();

    assertEquals(
        List.of("run-loop__2026-11-05", "run-loop__2026-11-06", "run-loop__2026-11-07"),
        List.of(runOf(look()), runOf(look()), runOf(look())));
    assertEquals(List.of(), look());
  }

  @Test
  void ofALongTimeTheLastSevenDaysAreMadeUp() throws Exception {
    loops.close();
    clock.pass(Duration.ofDays(30));
    loops = service();

    LocalDate last = LocalDate.of(2026, 12, 4);
    for (int before = 6; before >= 0; before--) {
      assertEquals(List.of("run-loop__" + last.minusDays(before)), runs(look()));
    }
    assertEquals(List.of(), look());
  }

  /** The day after it runs at its time, and does not hide that one is missing. */
  @Test
  void aDayThatFailsPastMidnightIsTriedEachHourForAWeek() throws Exception {
    clock.pass(Duration.ofHours(18));
    endWith(20);
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    clock.pass(Duration.ofDays(1));
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    endWith(0);
    assertEquals(List.of("run-loop__2026-11-06"), runs(look()));
    assertEquals("well (tried again each hour: 2026-11-05)", lastMessage());

    clock.pass(Duration.ofMinutes(59));
    assertEquals(List.of(), look());
    clock.pass(Duration.ofMinutes(1));
    endWith(20);
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    assertEquals("well (tried again each hour: 2026-11-05)", lastMessage());
    assertEquals(0, lastRun().exitCode(), "that of the day after");
    clock.pass(Duration.ofHours(1));
    endWith(0);
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
    assertEquals("well", lastMessage());
    clock.pass(Duration.ofHours(1));
    assertEquals(List.of(), look());
  }

  @Test
  void aDayThatFailedForAWeekIsGivenUp() throws Exception {
    clock.pass(Duration.ofHours(18));
    endWith(20);
    look();
    for (int day = 6; day <= 11; day++) {
      clock.pass(Duration.ofDays(1));
      assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
      endWith(0);
      assertEquals(List.of("run-loop__2026-11-%02d".formatted(day)), runs(look()));
      endWith(20);
    }
    clock.pass(Duration.ofDays(1));
    endWith(0);

    assertEquals(List.of("run-loop__2026-11-12"), runs(look()));
    assertEquals("well", lastMessage());
    assertEquals(List.of(), look());
  }

  @Test
  void aFaultOfThisServiceDoesNotEndTheSchedule() throws Exception {
    loops.close();
    failure = new NoClassDefFoundError("retune/control/Missing");
    loops = service();
    clock.pass(Duration.ofHours(18));
    assertEquals(List.of(), look());

    failure = null;
    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
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
        List.of(
            "run-loop__2026-11-05",
            "run-loop__2026-11-06",
            "run-loop__2026-11-07",
            "schedule__adaptive_retrain__2026-11-08T00:00:00Z"),
        List.of(runOf(look()), runOf(look()), runOf(look()), runOf(look())));
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
  void aDayWaitsForARunOfAServiceThatDied() throws Exception {
    clock.pass(Duration.ofHours(18));
    Lease.toRun(store.documents(), "credit")
        .take("run-loop__2026-11-05 (service 1)", clock.instant(), Duration.ofMinutes(2));
    assertEquals(List.of(), look());

    clock.pass(Duration.ofMinutes(2));

    assertEquals(List.of("run-loop__2026-11-05"), runs(look()));
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

  private LoopRuntime.LastRun lastRun() {
    return Objects.requireNonNull(job("daily_loop").lastRun());
  }

  private @Nullable String lastMessage() {
    return lastRun().message();
  }

  private static String runOf(List<String> calls) {
    return String.join(" ", runs(calls));
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
        new TestContext(
            context.run(),
            clock,
            context.settings(),
            () -> {
              Error now = failure;
              if (now != null) {
                throw now;
              }
              return context.store();
            }));
  }
}
