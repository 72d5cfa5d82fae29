package retune.control.dashboard;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What runs a model's loop by itself.
 *
 * @param state running, stopped or not_started
 * @param problem why it is not known, as a sentence; null where it is
 */
public record Schedule(String state, List<Job> jobs, @Nullable String problem) {
  /**
   * A part of the loop.
   *
   * @param nextRun ISO 8601; null if it is paused or waits for an event
   * @param trigger what starts it, in words
   * @param isStartable whether a start of the schedule unpauses it
   * @param last how it ended last; null where that is not known
   */
  public record Job(
      String id,
      @Nullable String nextRun,
      String trigger,
      boolean isPaused,
      boolean isStartable,
      @Nullable Last last) {}

  /**
   * How a job ended.
   *
   * @param endedAt ISO 8601
   */
  public record Last(String endedAt, boolean isSuccess, String message) {}

  /**
   * Whether a stop changes something; a job that is not paused may have no next run for a while.
   */
  boolean canStop() {
    return jobs.stream().anyMatch(job -> job.nextRun != null || (job.isStartable && !job.isPaused));
  }

  /** Whether a start changes something. */
  boolean canStart() {
    return jobs.isEmpty() || jobs.stream().anyMatch(job -> job.isStartable && job.isPaused);
  }
}
