package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.POOR;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.judgement.Evidence;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.steps.deployment.WaitForModelReady;
import retune.testing.CutConnection.Moment;

/** Two runs evaluate one model at the same time, each with its own candidate. */
class RacingEvaluationsTest {
  private static final int TIMES = 5;
  private static final LocalDate FIRST_DAY = LocalDate.parse("2026-11-06");
  private static final LocalDate SECOND_DAY = LocalDate.parse("2026-11-07");

  private final Loop loop = new Loop();
  private final CyclicBarrier together = new CyclicBarrier(2);

  @AfterEach
  void close() {
    loop.close();
  }

  @RepeatedTest(TIMES)
  void twoRunsOfOneDayAgreeOnTheOutcomeAndTheChampion() throws Exception {
    loop.evidence = Evidence.INTERVAL;
    String champion = champion(loop);
    Loop first = loop.beside("first");
    Loop second = loop.beside("second");
    List<Future<String>> results =
        race(() -> evaluate(first, champion, 1), () -> evaluate(second, champion, 2));
    String chosen = results.getFirst().get();
    assertEquals(chosen, results.getLast().get());
    assertEquals(chosen, loop.single("outcomes").getString("model_id"));
    assertEquals(1, loop.store.collection("error_ledger").countDocuments());
    assertOnlyApproved(loop, chosen);

    for (Future<String> deployed : race(() -> deploy(first), () -> deploy(second))) {
      assertTrue(Set.of(chosen, chosen + " is deployed already.").contains(deployed.get()));
    }
    assertEquals(2, loop.champions.find(Loop.MODEL).orElseThrow().revision());
    assertInProduction(chosen);
  }

  /** One run stops around each of its writes, and goes on when another has decided the day. */
  @ParameterizedTest
  @EnumSource
  void theRunThatDecidesSecondLeavesNoOtherVersionApproved(Moment moment) throws Exception {
    int writes = 0;
    boolean stopped = true;
    while (stopped) {
      writes++;
      try (Loop day = new Loop()) {
        String champion = champion(day);
        Loop first = day.beside("first");
        Loop second = day.beside("second");
        for (Loop run : List.of(first, second)) {
          run.evaluate(champion);
          assertTrue(run.check(champion).needsRetraining());
          run.prepare(champion);
          int scale = run == first ? 1 : 2;
          String candidate = run.register(EXCELLENT, scale, champion, VersionStatus.CANDIDATE);
          assertTrue(run.evaluateFinetuned(candidate, champion, 1).passed());
        }
        stopped = second.dies(writes, moment, second::sendResults);
        String chosen = first.sendResults().modelId();
        assertEquals(chosen, second.sendResults().modelId());
        assertOnlyApproved(day, chosen);
      }
    }
    assertTrue(writes > 3, writes + " writes");
  }

  /** The first run's candidate passes; the second run finds none. */
  @RepeatedTest(TIMES)
  void twoRunsThatEndDifferentlyLeaveOneOutcome() throws Exception {
    String champion = champion(loop);
    Loop first = loop.beside("first");
    Loop second = loop.beside("second");
    for (Loop run : List.of(first, second)) {
      run.evaluate(champion);
      run.check(champion);
      run.prepare(champion);
    }
    String candidate = first.register(EXCELLENT, 2, champion, VersionStatus.CANDIDATE);
    assertTrue(first.evaluateFinetuned(candidate, champion, 1).passed());
    for (int attempt = 1; attempt <= 3; attempt++) {
      second.attemptWithoutCandidate(attempt);
    }
    List<Future<String>> statuses =
        race(() -> first.sendResults().status(), () -> second.sendResults().status());
    String status = loop.single("outcomes").getString("status");
    assertEquals(status, statuses.getFirst().get());
    assertEquals(status, statuses.getLast().get());
    // A candidate of the run that came second is retired, or was never approved.
    VersionStatus left = loop.models.status(candidate);
    assertEquals(status.equals("retrained"), left == VersionStatus.APPROVED, left.toString());
  }

  @RepeatedTest(TIMES)
  void ofTwoDaysAtOnceOnePromotesAndTheOtherIsToldWhy() throws Exception {
    String champion = champion(loop);
    Loop first = loop.beside("");
    first.startDay(FIRST_DAY, false);
    Loop second = loop.beside("");
    second.startDay(SECOND_DAY, false);
    List<String> candidates = new ArrayList<>();
    for (Future<String> result :
        race(() -> evaluate(first, champion, 1), () -> evaluate(second, champion, 2))) {
      candidates.add(result.get());
    }
    int deployed = 0;
    for (Future<String> result : race(() -> deploy(first), () -> deploy(second))) {
      String told = told(result);
      if (candidates.contains(told)) {
        assertInProduction(told);
        deployed++;
      } else {
        assertTrue(told.contains(" meanwhile") || told.contains("Nothing was approved"), told);
      }
    }
    assertEquals(1, deployed);
    assertTrue(candidates.contains(loop.champions.find(Loop.MODEL).orElseThrow().modelId()));
  }

  private static String champion(Loop loop) {
    String champion = loop.register(POOR, null, VersionStatus.APPROVED);
    loop.models.move(champion, Event.DEPLOY, "");
    loop.champions.install(Loop.MODEL, champion);
    return champion;
  }

  /** Both runs take each step at the same time; returns the version that belongs in production. */
  private String evaluate(Loop run, String champion, int encoderScale) throws Exception {
    meet();
    run.evaluate(champion);
    meet();
    assertTrue(run.check(champion).needsRetraining());
    run.prepare(champion);
    String candidate = run.register(EXCELLENT, encoderScale, champion, VersionStatus.CANDIDATE);
    meet();
    assertTrue(run.evaluateFinetuned(candidate, champion, 1).passed());
    meet();
    return run.sendResults().modelId();
  }

  /** The version that the run put into production, or why it did not. */
  private static String deploy(Loop run) throws Exception {
    WaitForModelReady.Output ready = run.awaitReady();
    return ready.modelId() == null ? ready.reason() : run.deploy(ready.modelId()).modelId();
  }

  private static String told(Future<String> result) throws Exception {
    try {
      return result.get();
    } catch (ExecutionException refused) {
      assertInstanceOf(InvalidInputException.class, refused.getCause());
      return String.valueOf(refused.getMessage());
    }
  }

  private void meet() throws Exception {
    together.await(1, TimeUnit.MINUTES);
  }

  private List<Future<String>> race(Callable<String> first, Callable<String> second)
      throws InterruptedException {
    try (ExecutorService executor = Executors.newFixedThreadPool(2)) {
      return executor.invokeAll(List.of(first, second));
    }
  }

  private static void assertOnlyApproved(Loop loop, String modelId) {
    List<String> approved = new ArrayList<>();
    loop.store
        .collection("model_metadata")
        .find(new Document("status", VersionStatus.APPROVED.id()))
        .forEach(version -> approved.add(version.getString("_id")));
    assertEquals(List.of(modelId), approved);
  }

  private void assertInProduction(String modelId) {
    assertEquals(modelId, loop.champions.find(Loop.MODEL).orElseThrow().modelId());
    assertEquals(List.of(modelId), loop.models.deployed(Loop.MODEL));
  }
}
