package retune.serving.challenger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.runtime.http.Refusal;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;
import retune.serving.prediction.Warnings;

/** Challengers that throw, hang, refuse, or answer what is no probability. */
class FailingChallengerTest {
  private static final Target TARGET = new Target("default", List.of("0", "1"), "1");
  private static final Table ROW = rows(1);
  private static final Duration AT_ONCE = Duration.ZERO;
  private static final Duration LONG = Duration.ofMinutes(5);

  /** Opens at the end, so that no thread of a test stays. */
  private final CountDownLatch end = new CountDownLatch(1);

  private final Failures failures = new Failures();
  private final Pace pace = new Pace(failures, Pace.LONGER);

  @AfterEach
  void letHangingThreadsGo() {
    end.countDown();
  }

  @Test
  void aChallengerThatThrowsBringsNoAnswerAndIsStopped() throws Exception {
    Scorer throwing =
        _ -> {
          throw new StackOverflowError("deep");
        };
    try (Shadow shadow = new Shadow(throwing, failures, pace, this::count, LONG, LONG)) {
      for (int call = 1; call <= Failures.MOST; call++) {
        assertEquals(Optional.empty(), failures.reasonToStop());
        assertEquals(Optional.empty(), score(shadow));
      }
    }
    assertEquals(
        Optional.of(
            "10 of the last 10 calls failed in one service, the last one (error):"
                + " java.lang.StackOverflowError: deep"),
        failures.reasonToStop());
  }

  @Test
  void aProbabilityThatIsNoFiniteNumberIsAFailure() {
    Scorer.Failure failure =
        assertThrows(Scorer.Failure.class, () -> answering(Double.NaN).score(ROW));
    assertEquals(Failures.Kind.NOT_FINITE, failure.kind());
    assertEquals("a probability is NaN", failure.what());
    assertEquals(
        Failures.Kind.NOT_FINITE,
        assertThrows(Scorer.Failure.class, () -> answering(Double.POSITIVE_INFINITY).score(ROW))
            .kind());
  }

  @Test
  void aRowThatTheChallengerRefusesIsAFailure() {
    Scorer refusing =
        _ -> {
          throw new Refusal(422, "Row 0 has no value in 'n'.");
        };
    Scorer.Failure failure = assertThrows(Scorer.Failure.class, () -> refusing.score(ROW));
    assertEquals(Failures.Kind.REFUSED, failure.kind());
    assertEquals("Row 0 has no value in 'n'.", failure.what());
  }

  @Test
  void fewFailuresAmongManyCallsStopNothing() {
    assertEquals(Optional.empty(), reasonToStop(25), "4 %");
    assertTrue(
        reasonToStop(10).orElseThrow().startsWith("10 of the last 100 calls failed"), "10 %");
  }

  /** What is said where the last of each so many calls fails. */
  private static Optional<String> reasonToStop(int every) {
    Failures failing = new Failures();
    for (int call = 1; call <= 2_000; call++) {
      failing.called();
      if (call % every == 0) {
        failing.failed(Failures.Kind.ERROR, "now and then");
      }
    }
    return failing.reasonToStop();
  }

  @Test
  void aChallengerThatBreaksAfterAMillionGoodCallsIsStoppedAfterTwentyFive() {
    callMany(1_000_000);
    for (int call = 1; call <= 25; call++) {
      assertEquals(Optional.empty(), failures.reasonToStop());
      failures.called();
      failures.failed(Failures.Kind.ERROR, "broken");
    }
    assertEquals(
        Optional.of("25 of the last 500 calls failed in one service, the last one (error): broken"),
        failures.reasonToStop());
  }

  @Test
  void failuresOfLongAgoDoNotCount() {
    for (int burst = 0; burst < 10; burst++) {
      callMany(Failures.RECENT);
      for (int call = 1; call < Failures.MOST_RECENT; call++) {
        failures.called();
        failures.failed(Failures.Kind.ERROR, "a bad minute");
      }
    }
    assertEquals(Optional.empty(), failures.reasonToStop());
  }

  private void callMany(int calls) {
    for (int call = 0; call < calls; call++) {
      failures.called();
    }
  }

  @Test
  void aChallengerThatIsMostlySlowerThanTheChampionIsStopped() {
    long champion = 1_000_000;
    long slow = champion + Pace.LONGER.toNanos() + 1;
    for (int call = 0; call < 200; call++) {
      pace.took(call % 2 == 1 ? slow : 2 * champion, champion);
    }
    assertEquals(Optional.empty(), failures.reasonToStop(), "half of them");
    pace.took(slow, champion);
    assertEquals(
        Optional.of(
            "51 of the last 100 requests took it more than 5 times as long as the version in"
                + " production, and 100 ms longer, in one service"),
        failures.reasonToStop());
  }

  @Test
  void aChallengerIsNotSlowByTimesAloneNorByMillisecondsAlone() {
    long tenth = 100_000;
    long second = 1_000_000_000;
    for (int call = 0; call < 200; call++) {
      pace.took(100 * tenth, tenth);
      pace.took(5 * second, second);
    }
    assertEquals(Optional.empty(), failures.reasonToStop());
  }

  @Test
  void aShadowIsTimedBesideTheChampionOnTheSameRows() throws Exception {
    // Any time is more than five times none.
    Pace strict = new Pace(failures, Duration.ZERO);
    try (Shadow shadow = new Shadow(answering(0.7), failures, strict, this::count, LONG, LONG)) {
      for (int call = 1; call <= Pace.LEAST; call++) {
        assertEquals(Optional.empty(), failures.reasonToStop(), "the first calls decide nothing");
        assertTrue(score(shadow).isPresent());
      }
    }
    assertTrue(failures.reasonToStop().orElseThrow().startsWith("20 of the last 20 requests"));
  }

  @Test
  void aShadowThatHangsIsGivenUpAndAnotherThreadGoesOn() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    CountDownLatch hangs = new CountDownLatch(1);
    Scorer hangingOnce =
        rows -> {
          if (calls.incrementAndGet() == 1) {
            hangs.countDown();
            awaitEnd();
          }
          return answers(rows, 0.7);
        };
    try (Shadow shadow = new Shadow(hangingOnce, failures, pace, this::count, AT_ONCE, LONG)) {
      CompletableFuture<Optional<List<Prediction>>> first = offer(shadow);
      assertTrue(hangs.await(1, TimeUnit.MINUTES));
      shadow.watch();
      assertEquals(Optional.empty(), first.get(1, TimeUnit.MINUTES), "it is finished without");
      assertEquals(0.7, score(shadow).orElseThrow().getFirst().confidence(), 1e-9);
    }
    assertEquals(Optional.empty(), failures.reasonToStop());
  }

  @Test
  void aShadowThatGoesOnHangingIsStoppedAfterThreeThreads() throws Exception {
    AtomicInteger hanging = new AtomicInteger();
    List<Failures.Kind> told = new ArrayList<>();
    Scorer scorer =
        rows -> {
          hanging.incrementAndGet();
          awaitEnd();
          return answers(rows, 0.7);
        };
    try (Shadow shadow =
        new Shadow(scorer, failures, pace, failure -> told.add(failure.kind()), AT_ONCE, LONG)) {
      for (int call = 1; call <= Failures.MOST_HANGING; call++) {
        CompletableFuture<Optional<List<Prediction>>> result = offer(shadow);
        while (hanging.get() < call) {
          Thread.sleep(1);
        }
        shadow.watch();
        assertEquals(Optional.empty(), result.get(1, TimeUnit.MINUTES));
      }
      assertTrue(shadow.offer(ROW, 1, 0, into(new CompletableFuture<>())));
      shadow.watch();
      assertEquals(Failures.MOST_HANGING, hanging.get(), "no fourth thread");
      assertTrue(
          failures.reasonToStop().orElseThrow().startsWith("3 calls do not return in one service"),
          failures.reasonToStop()::toString);
      assertEquals(Collections.nCopies(Failures.MOST_HANGING, Failures.Kind.SLOW), told);
    }
  }

  @Test
  void whatFindsNoRoomIsSkippedAndTheEndFinishesWhatWaits() throws Exception {
    CountDownLatch hangs = new CountDownLatch(1);
    Scorer hanging =
        rows -> {
          hangs.countDown();
          awaitEnd();
          return answers(rows, 0.7);
        };
    CompletableFuture<Optional<List<Prediction>>> running;
    CompletableFuture<Optional<List<Prediction>>> waiting = new CompletableFuture<>();
    try (Shadow shadow = new Shadow(hanging, failures, pace, this::count, LONG, LONG)) {
      running = offer(shadow);
      assertTrue(hangs.await(1, TimeUnit.MINUTES));
      assertTrue(shadow.offer(ROW, Shadow.Budget.FOR_ALL.bytes, 0, into(waiting)));
      assertFalse(shadow.offer(ROW, 1, 0, into(new CompletableFuture<>())), "it is full");
      assertFalse(running.isDone() || waiting.isDone());
    }
    assertEquals(Optional.empty(), running.get(1, TimeUnit.MINUTES));
    assertEquals(Optional.empty(), waiting.get(1, TimeUnit.MINUTES));
  }

  @Test
  void whatWaitsTooLongIsSkipped() throws Exception {
    Duration none = Duration.ZERO;
    try (Shadow shadow = new Shadow(answering(0.7), failures, pace, this::count, LONG, none)) {
      CompletableFuture<Boolean> isSkipped = new CompletableFuture<>();
      assertTrue(shadow.offer(ROW, 1, 0, (_, skipped) -> isSkipped.complete(skipped)));
      assertTrue(isSkipped.get(1, TimeUnit.MINUTES));
    }
  }

  @Test
  void moreThanATenthOfACoreIsNotTriedAtAll() {
    assertEquals(Shadow.Budget.FOR_ALL, Shadow.Budget.of(100, 1_000));
    assertEquals(Shadow.Budget.FOR_SOME, Shadow.Budget.of(101, 1_000));
  }

  @Test
  void aCanaryThatHangsGivesTheRequestBack() throws Exception {
    Scorer hanging =
        rows -> {
          awaitEnd();
          return answers(rows, 0.7);
        };
    try (Canary canary = new Canary(hanging, failures, Duration.ofMillis(1))) {
      for (int call = 0; call < 100; call++) {
        Scorer.Failure failure = assertThrows(Scorer.Failure.class, () -> canary.answer(ROW));
        assertEquals(Failures.Kind.SLOW, failure.kind());
        failures.failed(failure.kind(), failure.what());
      }
    }
    assertTrue(failures.reasonToStop().orElseThrow().startsWith("10 of the last 10 calls failed"));
  }

  @Test
  void aCanaryAnswersAndWhatItThrowsIsAFailure() throws Exception {
    try (Canary canary = new Canary(answering(0.7), failures, LONG)) {
      assertEquals(0.7, canary.answer(ROW).predictions().getFirst().confidence(), 1e-9);
    }
    Scorer throwing =
        _ -> {
          throw new IllegalStateException("broken");
        };
    try (Canary canary = new Canary(throwing, failures, LONG)) {
      Scorer.Failure failure = assertThrows(Scorer.Failure.class, () -> canary.answer(ROW));
      assertEquals("java.lang.IllegalStateException: broken", failure.what());
    }
  }

  private void count(Scorer.Failure failure) {
    failures.failed(failure.kind(), failure.what());
  }

  /** Does not even react to an interrupt. */
  private void awaitEnd() {
    while (end.getCount() > 0) {
      try {
        end.await();
      } catch (InterruptedException e) {
        // It goes on hanging.
      }
    }
  }

  private static Optional<List<Prediction>> score(Shadow shadow) throws Exception {
    return offer(shadow).get(1, TimeUnit.MINUTES);
  }

  private static CompletableFuture<Optional<List<Prediction>>> offer(Shadow shadow) {
    CompletableFuture<Optional<List<Prediction>>> result = new CompletableFuture<>();
    assertTrue(shadow.offer(ROW, 1, 0, into(result)));
    return result;
  }

  private static Shadow.Result into(CompletableFuture<Optional<List<Prediction>>> result) {
    return (call, _) ->
        result.complete(
            call == null ? Optional.<List<Prediction>>empty() : Optional.of(call.predictions()));
  }

  private static Scorer answering(double probability) {
    return rows -> answers(rows, probability);
  }

  private static LoadedVersion.Answers answers(Table rows, double probability) {
    Prediction prediction =
        new Prediction(
            TARGET, 1, new double[] {1 - probability, probability}, new Warnings(List.of(), 0));
    return new LoadedVersion.Answers(Collections.nCopies(rows.rows(), prediction), Map.of());
  }

  private static Table rows(int count) {
    return new Table(List.of(new Column.Numbers("n", new double[count])));
  }
}
