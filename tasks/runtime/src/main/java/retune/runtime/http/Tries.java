package retune.runtime.http;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** Counts wrong tokens by the address that they come from. */
public final class Tries {
  /** Wrong tokens that an address has in each {@link #WINDOW}. */
  public static final int MOST = 10;

  public static final Duration WINDOW = Duration.ofMinutes(1);

  /** Addresses remembered; the oldest is forgotten first. */
  private static final int MOST_ADDRESSES = 10_000;

  private record Count(Instant since, int wrong) {}

  private final Clock clock;
  private final Map<String, Count> counts =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Count> eldest) {
          return size() > MOST_ADDRESSES;
        }
      };

  Tries(Clock clock) {
    this.clock = clock;
  }

  /** Refuses, with 429, an address that has no try left; also if its token is right this time. */
  synchronized void requireLeft(String address) {
    if (count(address).wrong >= MOST) {
      throw new Refusal(
          429, "Too many wrong tokens came from %s; try again in a minute.".formatted(address));
    }
  }

  synchronized void wrong(String address) {
    Count count = count(address);
    counts.put(address, new Count(count.since, count.wrong + 1));
  }

  private Count count(String address) {
    Instant now = clock.instant();
    Count count = counts.get(address);
    return count == null || !now.isBefore(count.since.plus(WINDOW)) ? new Count(now, 0) : count;
  }
}
