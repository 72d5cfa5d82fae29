package retune.model.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Splits rows into ranges that several threads work on. */
final class Workers implements AutoCloseable {
  /** Rows per range: enough to be worth a hand-over, few enough to keep all threads busy. */
  private static final int RANGE = 64;

  /** Work on the rows {@code from} inclusive to {@code to} exclusive. */
  interface Work {
    void run(int from, int to);
  }

  private final int threads;
  private final ExecutorService executor;

  Workers(int threads) {
    this.threads = threads;
    this.executor =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().name("engine-", 0).daemon().factory());
  }

  /**
   * Runs the work on all rows and waits for it; rethrows the first failure of a range.
   *
   * @throws CancellationException if the thread is interrupted while it waits
   */
  void split(int rows, Work work) {
    if (threads == 1 || rows <= RANGE) {
      work.run(0, rows);
      return;
    }
    List<Callable<Void>> ranges = new ArrayList<>();
    for (int start = 0; start < rows; start += RANGE) {
      int from = start;
      ranges.add(
          () -> {
            work.run(from, Math.min(from + RANGE, rows));
            return null;
          });
    }
    try {
      for (Future<Void> range : executor.invokeAll(ranges)) {
        range.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while rows were being computed");
    }
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }
}
