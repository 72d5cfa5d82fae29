package retune.serving.challenger;

import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.serving.prediction.Prediction;

/**
 * Scores rows on one thread, soon after they were answered. A call that does not return is given up
 * with its thread, and another thread goes on.
 */
final class Shadow implements AutoCloseable {
  /** What the thread may take, so that it slows nobody's answer. What finds no room is skipped. */
  enum Budget {
    /** A tenth of a core. */
    FOR_ALL(9, Duration.ofMillis(2), 2 << 20),

    /**
     * A two-hundredth, where not even a tenth would be enough for all requests: then fewer than a
     * hundredth of the answers meet a call. What waits is little, because collections copy it.
     */
    FOR_SOME(199, Duration.ofMillis(200), 128 << 10);

    /** The thread pauses for so many times the time that it has worked. */
    private final long pause;

    /** Pauses below this are added up: waking up costs more. */
    private final long leastPauseNanos;

    /**
     * Bytes of the requests that may wait; one of 23 columns takes about 2,600. What waits longer
     * than a second or so is still there after many young collections, and fills the old
     * generation.
     */
    final long bytes;

    Budget(long pause, Duration leastPause, long bytes) {
      this.pause = pause;
      this.leastPauseNanos = leastPause.toNanos();
      this.bytes = bytes;
    }

    /**
     * The budget for requests.
     *
     * @param work about how long it takes to score those that came in a time, nanoseconds
     */
    static Budget of(long work, long time) {
      return work > time / (1 + FOR_ALL.pause) ? FOR_SOME : FOR_ALL;
    }
  }

  /** From when on a call is given up. */
  static final Duration MOST_TIME = Duration.ofSeconds(10);

  /** What has waited longer is skipped: the query log waits for it. */
  static final Duration MOST_WAIT = Duration.ofSeconds(5);

  /** How often the budget is chosen. */
  private static final long BETWEEN_CHOICES_NANOS = Duration.ofSeconds(1).toNanos();

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
      Table rows, long bytes, long championNanos, long since, Result then, AtomicBoolean isDone) {
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
      long chosen = System.nanoTime();
      while (!isGivenUp && !isClosed) {
        long elapsed = System.nanoTime() - chosen;
        if (elapsed > BETWEEN_CHOICES_NANOS) {
          chosen += elapsed;
          Budget before = budget;
          budget = Budget.of(championNanos.sumThenReset(), elapsed);
          debt = budget == before ? debt : 0;
        }
        skipOld();
        if (debt > budget.leastPauseNanos) {
          long part = Math.min(debt, BETWEEN_CHOICES_NANOS);
          LockSupport.parkNanos(part);
          debt -= part;
          continue;
        }
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
        debt += budget.pause * nanos;
      }
      if (isGivenUp) {
        failures.returned();
      }
    }

    /** The thread may pause for longer than requests may wait. */
    private void skipOld() {
      long now = System.nanoTime();
      Job oldest = queue.peek();
      while (oldest != null && now - oldest.since >= mostWaitNanos) {
        if (queue.remove(oldest)) {
          waitingBytes.addAndGet(-oldest.bytes);
          oldest.finish(null, true);
        }
        oldest = queue.peek();
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
  private final long mostWaitNanos;
  private final Queue<Job> queue = new ConcurrentLinkedQueue<>();
  private final AtomicLong waitingBytes = new AtomicLong();

  /** Of the requests since the last choice: about what it would take to score them. */
  private final LongAdder championNanos = new LongAdder();

  private volatile Budget budget = Budget.FOR_ALL;
  private volatile boolean isClosed;
  private Worker worker = new Worker();

  /**
   * Starts the thread.
   *
   * @param onFailure is told of each failed call
   * @param mostTime of a call
   * @param mostWait before it
   */
  Shadow(
      Scorer scorer,
      Failures failures,
      Pace pace,
      Consumer<Scorer.Failure> onFailure,
      Duration mostTime,
      Duration mostWait) {
    this.scorer = scorer;
    this.failures = failures;
    this.pace = pace;
    this.onFailure = onFailure;
    this.mostNanos = mostTime.toNanos();
    this.mostWaitNanos = mostWait.toNanos();
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
    this.championNanos.add(championNanos);
    long waiting = waitingBytes.addAndGet(bytes);
    if (waiting > Math.max(budget.bytes, bytes)) { // one request may wait, however large
      waitingBytes.addAndGet(-bytes);
      return false;
    }
    queue.add(new Job(rows, bytes, championNanos, System.nanoTime(), then, new AtomicBoolean()));
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
      championNanos.reset(); // of all the time that the call took
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
