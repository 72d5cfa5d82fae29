package retune.runtime;

import java.time.Clock;
import retune.runtime.store.DocumentStore;

/** What the runner provides to a step. */
public interface StepContext {
  RunIdentity run();

  Clock clock();

  Settings settings();

  /** The document store; the first call connects, and the runner closes it. */
  DocumentStore store();

  /**
   * Reports progress of long work, shown as a bar on a terminal and as occasional log lines
   * elsewhere.
   */
  void progress(String what, long done, long total);

  /**
   * Registers what makes {@link Step#run} return soon, for a step that runs until it is stopped.
   * Called on another thread.
   */
  void onStop(Runnable stop);
}
