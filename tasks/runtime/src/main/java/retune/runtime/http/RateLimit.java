package retune.runtime.http;

import java.time.Clock;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.Settings;

/**
 * Limits the calls of each caller: a minute's worth of them at once, and then as many as time makes
 * room for (the generic cell rate algorithm of ITU-T I.371). Keeps one number a caller.
 */
public final class RateLimit {
  private static final String SETTING = "RETUNE_REQUESTS_A_MINUTE";

  /** The highest limit: a call each microsecond. */
  public static final int MOST = 60_000_000;

  /** Callers remembered; the first that came is forgotten first, and begins anew. */
  private static final int MOST_CALLERS = 10_000;

  private static final long SECOND = 1_000_000;
  private static final long MINUTE = 60 * SECOND;

  private final int aMinute;
  private final Clock clock;

  /** Microseconds until there is room for another call. */
  private final long interval;

  /** When a caller may again make a minute's worth of calls at once, in microseconds since 1970. */
  private final Map<String, Long> rested =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
          return size() > MOST_CALLERS;
        }
      };

  /**
   * A limit.
   *
   * @param aMinute calls of each caller a minute, from 1 to {@value #MOST}
   */
  public RateLimit(int aMinute, Clock clock) {
    this.aMinute = aMinute;
    this.clock = clock;
    interval = MINUTE / aMinute;
  }

  /**
   * The limit of requests that the settings have.
   *
   * @return null for none
   * @throws InvalidInputException if it is no number from 1 to {@value #MOST}
   */
  public static @Nullable RateLimit of(Settings settings, Clock clock) {
    String text = settings.find(SETTING).orElse(null);
    if (text == null) {
      return null;
    }
    int aMinute = text.matches("\\d{1,8}") ? Integer.parseInt(text) : 0;
    if (aMinute < 1 || aMinute > MOST) {
      throw new InvalidInputException(
          "%s is '%s'; set it to the requests that each caller may make a minute, from 1 to %d, or leave it out for no limit."
              .formatted(SETTING, text, MOST));
    }
    return new RateLimit(aMinute, clock);
  }

  /**
   * Counts a call.
   *
   * @param calls what they are in a sentence: {@code requests}
   * @throws Refusal 429 if its caller has to wait
   */
  public void require(String caller, String calls) {
    int seconds = secondsToWait(caller);
    if (seconds > 0) {
      throw Refusal.tooMany(
          "%s made more than %d %s a minute".formatted(caller, aMinute, calls), seconds);
    }
  }

  /**
   * Counts a call, unless its caller has to wait.
   *
   * @return the seconds to wait, rounded up; 0 if the call may go on
   */
  public synchronized int secondsToWait(String caller) {
    Instant instant = clock.instant();
    long now = instant.getEpochSecond() * SECOND + instant.getNano() / 1_000;
    // Never later than in a minute: the clock may have been set back.
    long from = Math.clamp(rested.getOrDefault(caller, now), now, now + MINUTE);
    long excess = from + interval - (now + MINUTE);
    rested.put(caller, excess > 0 ? from : from + interval);
    return excess > 0 ? Math.toIntExact(Math.ceilDiv(excess, SECOND)) : 0;
  }
}
