package retune.serving.challenger;

import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.serving.prediction.Prediction;

/**
 * Scores rows on one thread, some time after they were answered. The queue is limited in bytes, and
 * the thread takes at most a tenth of a core, so that it slows nobody's answer: what finds no room
 * is skipped. A call that does not return is given up with its thread, and another thread goes on.
 */
final class Shadow implements AutoCloseable {
  /**
   * Bytes of the requests that may wait: 800 requests of a row of 23 columns. What waits longer
   * than a second or so is still there after many young collections, and fills the old generation.
   */
  static final long MOST_BYTES = 2L << 20;

  /** From when on a call is given up. */
  static final Duration MOST_TIME = Duration.ofSeconds(10);

  /** The thread pauses for so many times the time that it has worked. */
  private static final long PAUSE = 9;

  /** Pauses below this are added up: waking up costs more. */
  private static final long LEAST_PAUSE_NANOS = 2_000_000;

  /** Pause between two looks into an empty queue; waking the thread would cost the caller. */
  private static final long IDLE_NANOS = 5_000_000;

  /**
   * A call that brought predictions.
   *
   * @param nanos its time
   */
  record Call(List<Prediction> predictions, long nanos) {}

  /** Takes what a call brought. */
  interface Result {
    /**
     * Takes it.
     *
     * @param call null where there are no predictions
     * @param isSkipped whether the rows were never scored
     */
    void take(@Nullable Call call, boolean isSkipped);
  }

  private record Job(
      Table rows, long bytes, long championNanos, Result then, AtomicBoolean isDone) {
    void finish(@Nullable Call call, boolean isSkipped) {
      if (isDone.compareAndSet(false, true)) {
        then.take(call, isSkipped);
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
        waitingBytes.addAndGet(-next.bytes);
        since = System.nanoTime();
        job = next;
        List<Prediction> predictions = score(next);
        job = null;
        long nanos = System.nanoTime() - since;
        if (predictions == null) {
          next.finish(null, false);
        } else {
          pace.took(nanos, next.championNanos);
          next.finish(new Call(predictions, nanos), false);
        }
        debt += PAUSE * nanos;
        if (debt > LEAST_PAUSE_NANOS) {
          LockSupport.parkNanos(debt);
          debt = 0;
        }
      }
      if (isGivenUp) {
        failures.returned();
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
  private final Pace pace;
  private final Consumer<Scorer.Failure> onFailure;
  private final long mostNanos;
  private final Queue<Job> queue = new ConcurrentLinkedQueue<>();
  private final AtomicLong waitingBytes = new AtomicLong();
  private volatile boolean isClosed;
  private Worker worker = new Worker();

  /**
   * Starts the thread.
   *
   * @param onFailure is told of each failed call
   * @param most time of a call
   */
  Shadow(
      Scorer scorer,
      Failures failures,
      Pace pace,
      Consumer<Scorer.Failure> onFailure,
      Duration most) {
    this.scorer = scorer;
    this.failures = failures;
    this.pace = pace;
    this.onFailure = onFailure;
    this.mostNanos = most.toNanos();
    worker.thread.start();
  }

  /**
   * Scores rows later; never waits.
   *
   * @param bytes about what the request takes while it waits
   * @param championNanos how long the champion took for the rows
   * @param then is told once what it came to
   * @return false, and nothing is called, if the queue is full
   */
  boolean offer(Table rows, long bytes, long championNanos, Result then) {
    if (isClosed) {
      return false;
    }
    long waiting = waitingBytes.addAndGet(bytes);
    if (waiting > Math.max(MOST_BYTES, bytes)) { // one request may wait, however large
      waitingBytes.addAndGet(-bytes);
      return false;
    }
    queue.add(new Job(rows, bytes, championNanos, then, new AtomicBoolean()));
    if (isClosed) {
      dropAll(); // closed since the first look
    }
    return true;
  }

  /** Gives up a call that takes too long. Called every few seconds. */
  synchronized void watch() {
    Worker current = worker;
    Job job = current.job;
    if (job == null
        || current.isGivenUp
        || System.nanoTime() - current.since < mostNanos
        || isClosed) {
      return;
    }
    current.isGivenUp = true;
    current.thread.interrupt();
    job.finish(null, false);
    String what = "a call took more than %d ms".formatted(mostNanos / 1_000_000);
    failures.hangs(what);
    onFailure.accept(new Scorer.Failure(Failures.Kind.SLOW, what));
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
