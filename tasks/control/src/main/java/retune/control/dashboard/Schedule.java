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
   * @param last how it ended last; null where that is not known
   */
  public record Job(
      String id, @Nullable String nextRun, String trigger, boolean isPaused, @Nullable Last last) {}

  /**
   * How a job ended.
   *
   * @param endedAt ISO 8601
   */
  public record Last(String endedAt, boolean isSuccess, String message) {}
}
