package retune.control.dashboard;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import retune.runtime.NotReadyException;

/**
 * Reads several things from the store at once: a page waits for the slowest query, and not for the
 * sum of all.
 */
final class AtOnce {
  private AtOnce() {}

  /** Starts to read; what is returned waits for the answer, and fails as the reading did. */
  static <T> Supplier<T> read(Supplier<T> source) {
    FutureTask<T> answer = new FutureTask<>(source::get);
    Thread.ofVirtual().name("page").start(answer);
    return () -> await(answer);
  }

  private static <T> T await(FutureTask<T> answer) {
    try {
      return answer.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException failure
          ? failure
          : new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NotReadyException("The service stops. Try again in a moment.", e);
    }
  }
}
