package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.POOR;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.judgement.Selection;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.testing.CutConnection.Moment;

/**
 * A run that dies around any write between the verdict on a version and its promotion leaves the
 * old champion or the new one, and the same run again ends as an undisturbed one.
 */
@Tag("slow")
class KilledEvaluationTest {
  /** Fewer writes than these would mean that the run was not killed where it matters. */
  private static final int LEAST_KILLS = 8;

  /** A day on which the champion has failed: who was it, and who follows. */
  private record FailedDay(String champion, String successor) {}

  @ParameterizedTest
  @EnumSource
  void judgeCandidate(Moment moment) throws Exception {
    assertDeathsLeaveAChampion(
        moment,
        loop -> {
          loop.selection = Selection.BEST_ON_VALIDATION;
          String champion = failingChampion(loop);
          loop.prepare(champion);
          return new FailedDay(champion, loop.attempt(1, EXCELLENT, champion));
        },
        (loop, day) -> assertTrue(loop.judgeCandidate(day.champion()).passed()));
  }

  @ParameterizedTest
  @EnumSource
  void evaluateFinetunedModel(Moment moment) throws Exception {
    assertDeathsLeaveAChampion(
        moment,
        loop -> {
          String champion = failingChampion(loop);
          loop.prepare(champion);
          return new FailedDay(
              champion, loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE));
        },
        (loop, day) ->
            assertTrue(loop.evaluateFinetuned(day.successor(), day.champion(), 1).passed()));
  }

  @ParameterizedTest
  @EnumSource
  void lookBack(Moment moment) throws Exception {
    assertDeathsLeaveAChampion(
        moment,
        loop -> {
          String earlier = loop.register(EXCELLENT, null, VersionStatus.RETIRED);
          return new FailedDay(failingChampion(loop), earlier);
        },
        (loop, day) -> assertEquals(day.successor(), loop.lookBack(day.champion()).modelId()));
  }

  /** The step that makes the verdict on the successor. */
  private interface Verdict {
    void make(Loop loop, FailedDay day);
  }

  private static void assertDeathsLeaveAChampion(
      Moment moment, Function<Loop, FailedDay> preparation, Verdict verdict) throws Exception {
    List<String> expected;
    try (Loop undisturbed = new Loop()) {
      run(undisturbed, preparation.apply(undisturbed), verdict);
      expected = undisturbed.content();
    }
    Set<String> left = new HashSet<>();
    int kills = 0;
    boolean killed = true;
    while (killed) {
      try (Loop loop = new Loop()) {
        FailedDay day = preparation.apply(loop);
        killed = loop.dies(kills + 1, moment, () -> run(loop, day, verdict));
        if (killed) {
          kills++;
          left.add(championMayServe(loop));
          run(loop, day, verdict);
        }
        assertEquals(day.successor(), championMayServe(loop));
        assertEquals(expected, loop.content(), "killed at write " + kills);
      }
    }
    assertTrue(kills >= LEAST_KILLS, kills + " kills");
    assertEquals(2, left.size(), "deaths before the promotion and after it");
  }

  private static void run(Loop loop, FailedDay day, Verdict verdict) throws Exception {
    verdict.make(loop, day);
    assertEquals(day.successor(), loop.sendResults().modelId());
    if (loop.awaitReady().ready()) {
      loop.deploy();
    }
  }

  /** The version that the pointer names, which services may answer with. */
  private static String championMayServe(Loop loop) {
    String champion = loop.champions.find(Loop.MODEL).orElseThrow().modelId();
    assertTrue(loop.models.status(champion).mayServe(), champion);
    return champion;
  }

  private static String failingChampion(Loop loop) {
    String champion = loop.register(POOR, null, VersionStatus.APPROVED);
    loop.models.move(champion, Event.DEPLOY, "");
    loop.champions.install(Loop.MODEL, champion);
    loop.evaluate(champion);
    assertTrue(loop.check(champion).needsRetraining());
    return champion;
  }
}
