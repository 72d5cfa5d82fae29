package retune.serving.challenger;

import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.serving.prediction.Prediction;

/**
 * Scores rows on one thread, some time after they were answered. The queue is limited in rows, and
 * the thread takes at most a tenth of a core, so that it slows nobody's answer: what finds no room
 * is skipped. A call that does not return is given up with its thread, and another thread goes on.
 */
final class Shadow implements AutoCloseable {
  /** Rows that may wait: of 200 columns, 7 MB. */
  static final int MOST_ROWS = 4_096;

  /** From when on a call is given up. */
  static final Duration MOST_TIME = Duration.ofSeconds(10);

  /** The thread pauses for so many times the time that it has worked. */
  private static final long PAUSE = 9;

  /** Pauses below this are added up: waking up costs more. */
  private static final long LEAST_PAUSE_NANOS = 2_000_000;

  /** Pause between two looks into an empty queue; waking the thread would cost the caller. */
  private static final long IDLE_NANOS = 5_000_000;

  /** Takes what a call brought. */
  interface Result {
    /**
     * Takes it.
     *
     * @param predictions null where there are none
     * @param isSkipped whether the rows were never scored
     */
    void take(@Nullable List<Prediction> predictions, boolean isSkipped);
  }

  private record Job(Table rows, Result then, AtomicBoolean isDone) {
    void finish(@Nullable List<Prediction> predictions, boolean isSkipped) {
      if (isDone.compareAndSet(false, true)) {
        then.take(predictions, isSkipped);
      }
    }
  }

  /** A thread, and what it works on. */
  private final class Worker implements Runnable {
    private final Thread thread = Thread.ofPlatform().name("shadow").daemon().unstarted(this);
    private volatile @Nullable Job job;
    private volatile long since;
    private volatile boolean isGivenUp;

    @Override
    public void run() {
      long debt = 0;
      while (!isGivenUp && !isClosed) {
        Job next = queue.poll();
        if (next == null) {
          LockSupport.parkNanos(IDLE_NANOS);
          continue;
        }
        waiting.addAndGet(-next.rows.rows());
        long start = System.nanoTime();
        since = start;
        job = next;
        List<Prediction> predictions = score(next);
        job = null;
        next.finish(predictions, false);
        debt += PAUSE * (System.nanoTime() - start);
        if (debt > LEAST_PAUSE_NANOS) {
          LockSupport.parkNanos(debt);
          debt = 0;
        }
      }
    }

    private @Nullable List<Prediction> score(Job next) {
      failures.called();
      try {
        return scorer.score(next.rows).predictions();
      } catch (Scorer.Failure failure) {
        if (!isGivenUp) {
          onFailure.accept(failure);
        }
        return null;
      }
    }
  }

  private final Scorer scorer;
  private final Failures failures;
  private final Consumer<Scorer.Failure> onFailure;
  private final long mostNanos;
  private final Queue<Job> queue = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private volatile boolean isClosed;
  private Worker worker = new Worker();

  /**
   * Starts the thread.
   *
   * @param onFailure is told of each failed call
   * @param most time of a call
   */
  Shadow(Scorer scorer, Failures failures, Consumer<Scorer.Failure> onFailure, Duration most) {
    this.scorer = scorer;
    this.failures = failures;
    this.onFailure = onFailure;
    this.mostNanos = most.toNanos();
    worker.thread.start();
  }

  /**
   * Scores rows later; never waits.
   *
   * @param then is told once what it came to
   * @return false, and nothing is called, if the queue is full
   */
  boolean offer(Table rows, Result then) {
    if (isClosed || waiting.addAndGet(rows.rows()) > MOST_ROWS) {
      waiting.addAndGet(-rows.rows());
      return false;
    }
    queue.add(new Job(rows, then, new AtomicBoolean()));
    if (isClosed) {
      dropAll(); // closed since the first look
    }
    return true;
  }

  /** Gives up a call that takes too long. Called every few seconds. */
  synchronized void watch() {
    Worker current = worker;
    Job job = current.job;
    if (job == null || System.nanoTime() - current.since < mostNanos || isClosed) {
      return;
    }
    current.isGivenUp = true;
    current.thread.interrupt();
    job.finish(null, false);
    failures.hung("a call took more than %d ms".formatted(mostNanos / 1_000_000));
    if (failures.reasonToStop().isEmpty()) {
      worker = new Worker();
      worker.thread.start();
    }
  }

  /** Stops; what waits is finished without predictions. */
  @Override
  public synchronized void close() {
    isClosed = true;
    worker.thread.interrupt();
    dropAll();
    Job running = worker.job;
    if (running != null) {
      running.finish(null, true);
    }
  }

  private void dropAll() {
    for (Job job = queue.poll(); job != null; job = queue.poll()) {
      job.finish(null, true);
    }
  }
}
