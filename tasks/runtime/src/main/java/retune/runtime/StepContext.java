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
}
