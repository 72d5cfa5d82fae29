package retune.runtime.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import retune.devstore.EmbeddedStore;

@Timeout(60)
class LeaseKeeperTest {
  private static final Clock CLOCK = Clock.systemUTC();
  private static final Duration BETWEEN = Duration.ofMillis(1);

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), CLOCK);
  private final Lease lease = Lease.toRun(store, "credit");

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aLeaseIsExtendedUntilItsKeeperIsClosed() throws Exception {
    try (LeaseKeeper _ = LeaseKeeper.start(() -> lease, "me", CLOCK, BETWEEN)) {
      while (lease.find().isEmpty()) {
        Thread.sleep(1);
      }
      Instant first = lease.find().orElseThrow().expiresAt();
      while (!lease.find().orElseThrow().expiresAt().isAfter(first)) {
        Thread.sleep(1);
      }
    }
    lease.release("me");
    assertTrue(lease.take("other", CLOCK.instant(), LeaseKeeper.DURATION).isEmpty());
    assertEquals("other", lease.find().orElseThrow().holder());
  }

  @Test
  void aStoreThatFailsIsAskedAgain() throws Exception {
    AtomicInteger failures = new AtomicInteger(3);
    try (LeaseKeeper _ =
        LeaseKeeper.start(
            () -> {
              if (failures.getAndDecrement() > 0) {
                throw new IllegalStateException("The store does not answer.");
              }
              return lease;
            },
            "me",
            CLOCK,
            BETWEEN)) {
      while (!lease.isOf("me")) {
        Thread.sleep(1);
      }
    }
  }

  @Test
  void aLeaseThatAnotherHasTakenIsLeftToIt() throws Exception {
    lease.take("other", CLOCK.instant(), LeaseKeeper.DURATION);
    CountDownLatch asked = new CountDownLatch(1);
    AtomicInteger times = new AtomicInteger();
    try (LeaseKeeper _ =
        LeaseKeeper.start(
            () -> {
              times.incrementAndGet();
              asked.countDown();
              return lease;
            },
            "me",
            CLOCK,
            BETWEEN)) {
      asked.await();
      Thread.sleep(20);
    }
    assertEquals(1, times.get());
    assertTrue(lease.isOf("other"));
  }
}
