package retune.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.devstore.EmbeddedStore;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.runtime.store.DocumentStore;

class ChampionsTest {
  private static final int RACERS = 50;

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  private final Champions champions = new Champions(store);

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void theFirstChampionIsNotDeployedYet() {
    assertEquals(Optional.empty(), champions.find("toy"));
    assertTrue(champions.install("toy", "a"));
    assertEquals(new Champion("toy", "a", null, "a", null, 1, List.of(), null, 0), champion());
    assertFalse(champion().deployed());
  }

  @Test
  void aSecondFirstChampionChangesNothing() {
    champions.install("toy", "a");
    assertFalse(champions.install("toy", "b"));
    assertEquals("a", champion().modelId());
  }

  @Test
  void aPromotionRemembersWhatWasBeforeIt() {
    champions.install("toy", "a");
    Champion first = champion();
    assertTrue(champions.promote(first, "b", "a"));
    assertEquals(new Champion("toy", "b", "a", "a", null, 2, List.of(), null, 0), champion());
    assertEquals(first.followedBy("b", "a"), champion());
  }

  @Test
  void whoeverExpectsAnEarlierChampionChangesNothing() {
    champions.install("toy", "a");
    Champion first = champion();
    champions.promote(first, "b", "b");
    assertFalse(champions.promote(first, "c", "c"));
    assertFalse(champions.markDeployed(first, Instant.EPOCH));
    assertEquals(new Champion("toy", "b", "a", "b", null, 2, List.of(), null, 0), champion());
  }

  @Test
  void deploymentIsMarkedOnceAndEndsWithTheNextPromotion() {
    champions.install("toy", "a");
    assertTrue(champions.markDeployed(champion(), Instant.parse("2026-11-05T06:00:00Z")));
    assertEquals("2026-11-05T06:00:00Z", champion().deployedAt());
    champions.promote(champion(), "b", "b");
    assertFalse(champion().deployed());
  }

  @Test
  void aRollbackBarsTheChampionInTheSameMove() {
    champions.install("toy", "a");
    champions.promote(champion(), "b", "b");
    Champion before = champion();
    Bar bar = new Bar("b", 3, "kim", "too slow", "task", "2026-11-05T06:00:00Z");
    assertTrue(champions.rollBack(before, "a", bar));
    assertEquals(new Champion("toy", "a", "b", "a", null, 3, List.of(bar), null, 0), champion());
    assertEquals(before.rolledBackTo("a", bar), champion());
    assertEquals(Optional.of(bar), champion().rollback());
    assertEquals("toy was rolled back to a", champion().move());
    assertFalse(champions.rollBack(before, "a", bar), "the pointer has moved");
  }

  @Test
  void aBarredVersionIsNotPromotedUntilItIsReleased() {
    champions.install("toy", "a");
    champions.promote(champion(), "b", "b");
    Bar bar = new Bar("b", 3, "kim", "too slow", "task", "2026-11-05T06:00:00Z");
    champions.rollBack(champion(), "a", bar);
    assertRefused(
        "b is barred from production: kim rolled it back at 2026-11-05T06:00:00Z (too slow).",
        () -> champions.promote(champion(), "b", "b"));
    assertRefused("b is barred", () -> champions.rollBack(champion(), "b", bar));
    champions.promote(champion(), "c", "c");
    assertEquals(Optional.of(bar), champion().bar("b"), "a promotion lifts no bar");
    assertEquals(Optional.empty(), champion().rollback());

    assertTrue(champions.release("toy", bar));
    assertFalse(champions.release("toy", bar));
    assertTrue(champions.promote(champion(), "b", "b"));
  }

  @Test
  void fiftyRacingPromotionsLeaveOneChampionAndFortyNineLosers() throws Exception {
    champions.install("toy", "a");
    Champion expected = champion();
    List<Integer> winners = race(racer -> champions.promote(expected, "m" + racer, "m" + racer));
    assertEquals(1, winners.size());
    assertEquals(
        new Champion(
            "toy",
            "m" + winners.getFirst(),
            "a",
            "m" + winners.getFirst(),
            null,
            2,
            List.of(),
            null,
            0),
        champion());
  }

  @Test
  void fiftyRacingFirstChampionsLeaveOne() throws Exception {
    List<Integer> winners = race(racer -> champions.install("toy", "m" + racer));
    assertEquals(1, winners.size());
    assertEquals("m" + winners.getFirst(), champion().modelId());
  }

  /** All racers start together; returns those that won. */
  private static List<Integer> race(IntPredicate racer) throws Exception {
    CountDownLatch start = new CountDownLatch(RACERS);
    List<Future<Boolean>> results = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(RACERS)) {
      for (int i = 0; i < RACERS; i++) {
        int number = i;
        results.add(
            executor.submit(
                () -> {
                  start.countDown();
                  start.await();
                  return racer.test(number);
                }));
      }
    }
    List<Integer> winners = new ArrayList<>();
    for (int i = 0; i < RACERS; i++) {
      if (results.get(i).get()) {
        winners.add(i);
      }
    }
    return winners;
  }

  private Champion champion() {
    return champions.find("toy").orElseThrow();
  }
}
