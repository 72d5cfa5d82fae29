package retune.runtime;

import java.time.Clock;
import retune.runtime.store.DocumentStore;

/** What a step may use of its surroundings. */
public interface StepContext {
  RunIdentity run();

  Clock clock();

  Settings settings();

  /** The document store, connected at the first call and closed by the runner. */
  DocumentStore store();

  /**
   * Says how far a long piece of work is; shown as a bar on a terminal and as a log line now and
   * then elsewhere.
   */
  void progress(String what, long done, long total);

  /**
   * For a step that goes on until it is told to end, which is how it ends well: what then makes
   * {@link Step#run} return soon. Called on another thread.
   */
  void onStop(Runnable stop);
}
