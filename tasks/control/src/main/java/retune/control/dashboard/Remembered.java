package retune.control.dashboard;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/**
 * What takes long to find out, for pages that do not wait for it: asked for at most once a minute,
 * in the background. A page waits a moment for an answer, and shows the one before until it is
 * there.
 *
 * @param <T> the answer
 */
public final class Remembered<T> {
  /** The oldest answer that is not asked for again. */
  private static final Duration FRESH = Duration.ofMinutes(1);

  /** How long a page waits. */
  private static final Duration PATIENCE = Duration.ofMillis(700);

  /** An answer that is asked for, and the last one that came. */
  private record Asked<T>(Instant at, CompletableFuture<T> next, Optional<T> last) {}

  private final InstantSource clock;
  private final Duration patience;
  private final Function<String, T> source;
  private final Map<String, Asked<T>> asked = new ConcurrentHashMap<>();

  /**
   * Remembers what a source says.
   *
   * @param source answers about a model; may take long, and may fail
   */
  public Remembered(InstantSource clock, Function<String, T> source) {
    this(clock, PATIENCE, source);
  }

  Remembered(InstantSource clock, Duration patience, Function<String, T> source) {
    this.clock = clock;
    this.patience = patience;
    this.source = source;
  }

  /** What the source says of a model; empty if it has not answered yet, or failed. */
  public Optional<T> get(String model) {
    Instant now = clock.instant();
    Asked<T> current =
        asked.compute(
            model,
            (_, before) ->
                before == null || (before.next.isDone() && !now.isBefore(before.at.plus(FRESH)))
                    ? new Asked<>(now, ask(model), before == null ? Optional.empty() : now(before))
                    : before);
    try {
      return Optional.of(current.next.get(patience.toMillis(), TimeUnit.MILLISECONDS));
    } catch (TimeoutException | ExecutionException e) {
      return current.last;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return current.last;
    }
  }

  private CompletableFuture<T> ask(String model) {
    CompletableFuture<T> next = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                next.complete(source.apply(model));
              } catch (RuntimeException | Error e) {
                next.completeExceptionally(e);
              }
            });
    return next;
  }

  private static <T> Optional<T> now(Asked<T> before) {
    return before.next.isCompletedExceptionally()
        ? before.last
        : Optional.ofNullable(before.next.getNow(null));
  }

  /** Forgets what was said, because it was changed. */
  public void forget(String model) {
    asked.remove(model);
  }
}
