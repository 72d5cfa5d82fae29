package retune.control.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import retune.runtime.http.Refusal;

class RememberedTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private final AtomicReference<Instant> now = new AtomicReference<>(Instant.EPOCH);
  private final AtomicInteger asked = new AtomicInteger();

  @Test
  void aSourceIsAskedOnceAMinute() {
    Remembered<Integer> remembered = new Remembered<>(now::get, _ -> asked.incrementAndGet());

    assertEquals(1, answer(remembered));
    pass(59);
    assertEquals(1, answer(remembered));
    pass(1);
    assertEquals(2, answer(remembered));
    remembered.forget("credit");
    assertEquals(3, answer(remembered));
  }

  @Test
  void aPageDoesNotWaitForASlowSource() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    Remembered<Integer> remembered =
        new Remembered<>(
            now::get,
            Duration.ofMillis(5),
            _ -> {
              try {
                answered.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return asked.incrementAndGet();
            });

    assertEquals(Optional.empty(), remembered.get("credit"));
    pass(60);
    assertEquals(Optional.empty(), remembered.get("credit"));
    now.set(Instant.EPOCH);
    answered.countDown();
    assertEquals(1, answer(remembered), "one that is still on its way is not asked again");
  }

  @Test
  void whereTheSourceFailsTheLastAnswerStays() {
    Remembered<Integer> remembered =
        new Remembered<>(
            now::get,
            LONG,
            _ -> {
              return switch (asked.incrementAndGet()) {
                case 2 -> throw new Refusal(503, "It is down.");
                case 3 -> throw new OutOfMemoryError("Java heap space");
                default -> asked.get();
              };
            });

    assertEquals(1, answer(remembered));
    pass(60);
    assertEquals(1, answer(remembered));
    pass(60);
    assertEquals(1, answer(remembered));
    pass(60);
    assertEquals(4, answer(remembered));
  }

  private void pass(int seconds) {
    now.updateAndGet(time -> time.plus(Duration.ofSeconds(seconds)));
  }

  /** The answer, once it is there. */
  private static int answer(Remembered<Integer> remembered) {
    Optional<Integer> answer = remembered.get("credit");
    while (answer.isEmpty()) {
      answer = remembered.get("credit");
    }
    return answer.get();
  }
}
