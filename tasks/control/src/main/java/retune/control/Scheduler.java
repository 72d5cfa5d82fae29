package retune.control;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.control.LoopRuntime.Job;
import retune.control.LoopRuntime.LastRun;
import retune.control.dashboard.Schedule;
import retune.core.triggers.Trigger;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;

/** What runs a model's loop by itself, and when, in the published shapes. */
final class Scheduler {
  private final StepContext context;
  private final LoopRuntime runtime;

  Scheduler(StepContext context, LoopRuntime runtime) {
    this.context = context;
    this.runtime = runtime;
  }

  /**
   * Whether it runs, its jobs and their next runs: {@code running} if any of them is not paused,
   * {@code not_started} if there are none.
   *
   * @throws Refusal 502 if Airflow does not answer
   */
  Map<String, @Nullable Object> required(String model) throws InterruptedException {
    List<Job> jobs = runtime.jobs(model);
    Map<String, @Nullable Object> nextRuns = new LinkedHashMap<>();
    jobs.stream()
        .filter(job -> job.nextRun() != null)
        .forEach(job -> nextRuns.put(job.id(), job.nextRun()));
    List<Map<String, @Nullable Object>> shown =
        jobs.stream()
            .map(
                job ->
                    Fields.of(
                        "id", job.id(),
                        "name", job.name(),
                        "next_run", job.nextRun(),
                        "trigger", job.trigger(),
                        "paused", job.paused(),
                        "last_run", lastRun(job.lastRun())))
            .toList();
    return Fields.of("status", state(jobs), "jobs", shown, "next_runs", nextRuns);
  }

  /** The same for an answer that is about more: tells in {@code error} why it is not known. */
  Map<String, @Nullable Object> status(String model) {
    try {
      return required(model);
    } catch (Refusal refusal) {
      return Fields.of(
          "status",
          "unknown",
          "jobs",
          List.of(),
          "next_runs",
          Map.of(),
          "error",
          refusal.sentence());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refusal(503, "The service is shutting down.");
    }
  }

  /** The same for a page. */
  Schedule schedule(String model) {
    try {
      List<Job> jobs = runtime.jobs(model);
      return new Schedule(
          state(jobs),
          jobs.stream()
              .map(
                  job ->
                      new Schedule.Job(
                          job.id(),
                          job.nextRun(),
                          job.trigger(),
                          job.paused(),
                          job.startable(),
                          last(job.lastRun())))
              .toList(),
          null);
    } catch (Refusal refusal) {
      return new Schedule("unknown", List.of(), refusal.sentence());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refusal(503, "The service is shutting down.");
    }
  }

  /** When retrainings start by themselves, as the loop's last decision had it; null before one. */
  Map<String, @Nullable Object> config(String model) {
    Retrainings retrainings = new Retrainings(context, model);
    boolean isKnown = retrainings.lastDecision().isPresent();
    return Fields.of(
        "weekly_retrain",
        Fields.of(
            "enabled",
            isKnown ? retrainings.has(Trigger.WEEKLY) : null,
            "day_of_week",
            "sun",
            "hour",
            3,
            "minute",
            0),
        "monthly_retrain",
        Fields.of(
            "enabled",
            isKnown ? retrainings.has(Trigger.MONTHLY) : null,
            "day",
            1,
            "hour",
            2,
            "minute",
            0),
        "adaptive_retrain",
        Fields.of(
            "enabled",
            isKnown ? retrainings.has(Trigger.ADAPTIVE) : null,
            "min_samples",
            isKnown ? retrainings.rule("min_samples", 100) : null,
            "min_days",
            isKnown ? retrainings.rule("min_days", 7) : null,
            "check_interval_hours",
            6));
  }

  private static @Nullable Map<String, @Nullable Object> lastRun(@Nullable LastRun run) {
    return run == null
        ? null
        : Fields.of(
            "ended_at", run.endedAt(), "exit_code", run.exitCode(), "message", run.message());
  }

  private static Schedule.@Nullable Last last(@Nullable LastRun run) {
    return run == null
        ? null
        : new Schedule.Last(run.endedAt(), run.exitCode() == 0, run.message());
  }

  private static String state(List<Job> jobs) {
    if (jobs.isEmpty()) {
      return "not_started";
    }
    boolean runs = jobs.stream().anyMatch(job -> job.nextRun() != null);
    return runs ? "running" : "stopped";
  }
}
