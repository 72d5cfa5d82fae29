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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import retune.core.InvalidInputException;
import retune.core.judgement.Evidence;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.steps.deployment.WaitForModelReady;

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
    String champion = champion();
    Loop first = loop.beside("first");
    Loop second = loop.beside("second");
    List<Future<String>> results =
        race(() -> evaluate(first, champion, 1), () -> evaluate(second, champion, 2));
    String chosen = results.getFirst().get();
    assertEquals(chosen, results.getLast().get());
    assertEquals(chosen, loop.single("outcomes").getString("model_id"));
    assertEquals(1, loop.store.collection("error_ledger").countDocuments());

    for (Future<String> deployed : race(() -> deploy(first), () -> deploy(second))) {
      assertTrue(Set.of(chosen, chosen + " is deployed already.").contains(deployed.get()));
    }
    assertEquals(2, loop.champions.find(Loop.MODEL).orElseThrow().revision());
    assertInProduction(chosen);
  }

  @RepeatedTest(TIMES)
  void ofTwoDaysAtOnceOnePromotesAndTheOtherIsToldWhy() throws Exception {
    String champion = champion();
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

  private String champion() {
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

  private void assertInProduction(String modelId) {
    assertEquals(modelId, loop.champions.find(Loop.MODEL).orElseThrow().modelId());
    assertEquals(List.of(modelId), loop.models.deployed(Loop.MODEL));
  }
}
