package retune.control;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What runs a model's loop, and does what a person or a program asks for. */
interface LoopRuntime extends AutoCloseable {
  /**
   * A run that was started.
   *
   * @param runId its id
   * @param url where people see it; null if nowhere
   * @param isDone whether it has ended well already
   * @param version the version that a roll-back put into production; null where only the steps know
   */
  record Started(String runId, @Nullable String url, boolean isDone, @Nullable String version) {}

  /**
   * A part of the loop that runs by a schedule or by an event.
   *
   * @param nextRun ISO 8601; null if it is paused or waits for an event
   * @param trigger what starts it, in words
   * @param startable whether a start of the schedule unpauses it
   * @param lastRun how it ended last; null if it never ran, or Airflow knows
   */
  record Job(
      String id,
      String name,
      @Nullable String nextRun,
      String trigger,
      boolean paused,
      boolean startable,
      @Nullable LastRun lastRun) {}

  /**
   * How a job ended.
   *
   * @param endedAt ISO 8601
   * @param message what happened, or what failed
   */
  record LastRun(String endedAt, int exitCode, String message) {}

  /**
   * Starts a retraining.
   *
   * @param force whether it starts without new labelled rows, too
   * @throws retune.runtime.http.Refusal 409 if one runs
   */
  Started retrain(Changes.Request request, boolean force) throws InterruptedException;

  /**
   * Deploys what an evaluation or a retraining approved.
   *
   * @param partition the day or the retraining
   */
  Started deploy(Changes.Request request, String partition) throws InterruptedException;

  /**
   * Deploys, and waits for the end as long as a caller waits.
   *
   * @param partition the day or the retraining
   * @throws retune.runtime.http.Refusal 422 if a step refuses it
   */
  Started deployAndWait(Changes.Request request, String partition) throws InterruptedException;

  /**
   * Rolls back, and waits for the end as long as a caller waits.
   *
   * @param version empty for the one before
   * @param replaces the version in production; if it is another one by then, nothing changes
   * @throws retune.runtime.http.Refusal 422 if the steps refuse it
   */
  Started rollBack(
      Changes.Request request, Optional<String> version, String replaces, String reason)
      throws InterruptedException;

  /** Whether there is something that runs the loop. */
  default boolean isThere() {
    return true;
  }

  /** What runs by itself. */
  List<Job> jobs(String model) throws InterruptedException;

  /** Starts or stops what runs by a schedule. */
  void schedule(Changes.Request request, boolean on) throws InterruptedException;

  /** Ends what belongs to this service alone. */
  @Override
  void close();
}
