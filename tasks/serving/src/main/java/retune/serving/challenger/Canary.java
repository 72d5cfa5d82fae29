package retune.serving.challenger;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import retune.core.data.Table;
import retune.serving.prediction.LoadedVersion;

/**
 * Answers requests with a challenger, within a time. It works on threads of its own, so that one
 * that hangs holds no request: where all of them are busy, there is no answer.
 */
final class Canary implements AutoCloseable {
  /** From when on the champion answers instead. */
  static final Duration MOST_TIME = Duration.ofSeconds(1);

  private static final int THREADS = Math.max(4, 2 * Runtime.getRuntime().availableProcessors());
  private static final long IDLE_SECONDS = 10;

  private final Scorer scorer;
  private final Failures failures;
  private final long mostNanos;
  private final ThreadPoolExecutor threads =
      new ThreadPoolExecutor(
          0,
          THREADS,
          IDLE_SECONDS,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          Thread.ofPlatform().name("canary-", 0).daemon().factory());

  Canary(Scorer scorer, Failures failures, Duration most) {
    this.scorer = scorer;
    this.failures = failures;
    this.mostNanos = most.toNanos();
  }

  /**
   * Answers rows.
   *
   * @throws Scorer.Failure if there is no usable answer in time; the caller tells {@link Failures}
   *     once it knows that the champion has one
   */
  LoadedVersion.Answers answer(Table rows) throws Scorer.Failure {
    failures.called();
    Future<LoadedVersion.Answers> answer;
    try {
      answer = threads.submit(() -> scorer.score(rows));
    } catch (RejectedExecutionException busy) {
      throw new Scorer.Failure(Failures.Kind.SLOW, "all threads of the canary are busy");
    }
    try {
      return answer.get(mostNanos, TimeUnit.NANOSECONDS);
    } catch (TimeoutException late) {
      answer.cancel(true);
      throw new Scorer.Failure(
          Failures.Kind.SLOW, "a call took more than %d ms".formatted(mostNanos / 1_000_000));
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Scorer.Failure failure
          ? failure
          : new Scorer.Failure(Failures.Kind.ERROR, String.valueOf(e.getCause()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Scorer.Failure(Failures.Kind.ERROR, "interrupted");
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
