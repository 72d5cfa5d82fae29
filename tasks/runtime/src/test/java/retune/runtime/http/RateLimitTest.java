package retune.runtime.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.runtime.Settings;

/** The limit of calls a minute, under a clock that moves only when it is told to. */
class RateLimitTest {
  private Instant now = Instant.parse("2026-11-28T12:00:00Z");

  private final Clock clock = ((InstantSource) () -> now).withZone(ZoneOffset.UTC);

  @Test
  void aMinutesWorthIsPermittedAtOnceAndThenAsManyAsTimeMakesRoomFor() {
    RateLimit limit = new RateLimit(7, clock);
    assertEquals(7, permitted(limit, "shop"));
    assertEquals(9, limit.secondsToWait("shop"), "60/7 s, rounded up");

    now = now.plusSeconds(8);
    assertEquals(1, limit.secondsToWait("shop"));
    now = now.plusSeconds(1);
    assertEquals(1, permitted(limit, "shop"), "calls that were refused do not count");

    now = now.plus(Duration.ofHours(1));
    assertEquals(7, permitted(limit, "shop"), "rest is not saved up beyond a minute's worth");
  }

  @Test
  void aCallerDoesNotUseUpAnothersCalls() {
    RateLimit limit = new RateLimit(3, clock);
    assertEquals(3, permitted(limit, "shop"));
    assertEquals(3, permitted(limit, "night"));
  }

  @Test
  void aClockThatIsSetBackHoldsNobodyUpForLongerThanAnInterval() {
    RateLimit limit = new RateLimit(6, clock);
    permitted(limit, "shop");
    now = now.minus(Duration.ofHours(5));

    assertEquals(10, limit.secondsToWait("shop"));
    now = now.plusSeconds(10);
    assertEquals(1, permitted(limit, "shop"));
  }

  @Test
  void callersThatAreRememberedAreFew() {
    RateLimit limit = new RateLimit(1, clock);
    limit.secondsToWait("shop");
    assertTrue(limit.secondsToWait("shop") > 0);
    for (int i = 0; i < 10_000; i++) {
      limit.secondsToWait("address " + i);
    }
    assertEquals(0, limit.secondsToWait("shop"), "forgotten");
    assertTrue(limit.secondsToWait("address 9999") > 0, "remembered");
  }

  @Test
  void theSettingHasNoLimitUnlessItSaysAndRefusesWhatIsNoNumber() {
    assertNull(RateLimit.of(new Settings(Map.of()), clock));
    RateLimit two = RateLimit.of(new Settings(Map.of("RETUNE_REQUESTS_A_MINUTE", "2")), clock);
    assertEquals(2, permitted(Objects.requireNonNull(two), "shop"));
    for (String wrong : List.of("0", "-1", "many", "60000001", "1e9")) {
      InvalidInputException refused =
          assertThrows(
              InvalidInputException.class,
              () -> RateLimit.of(new Settings(Map.of("RETUNE_REQUESTS_A_MINUTE", wrong)), clock));
      assertEquals(
          "RETUNE_REQUESTS_A_MINUTE is '%s'; set it to the requests that each caller may make a minute, from 1 to 60000000, or leave it out for no limit."
              .formatted(wrong),
          refused.getMessage());
    }
  }

  private static int permitted(RateLimit limit, String caller) {
    int calls = 0;
    while (limit.secondsToWait(caller) == 0) {
      calls++;
    }
    return calls;
  }
}
