package retune.steps;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;

/** The surroundings of one try of a task, with a clock that stands still. */
public record TestContext(RunIdentity run, Clock clock, Settings settings, DocumentStore store)
    implements StepContext {
  public static final Instant NOW = Instant.parse("2026-11-05T06:00:00Z");

  public static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);

  public static TestContext of(DocumentStore store) {
    return new TestContext(
        new RunIdentity("model_evaluation_pipeline", "run", "task", 1),
        CLOCK,
        new Settings(Map.of()),
        store);
  }

  public TestContext at(Instant instant) {
    return new TestContext(run, Clock.fixed(instant, ZoneOffset.UTC), settings, store);
  }

  public TestContext with(Map<String, String> environment) {
    return new TestContext(run, clock, new Settings(environment), store);
  }

  public TestContext inRun(String runId) {
    return new TestContext(
        new RunIdentity(run.dagId(), runId, run.taskId(), run.tryNumber()), clock, settings, store);
  }

  public TestContext onTry(int tryNumber) {
    return new TestContext(
        new RunIdentity(run.dagId(), run.runId(), run.taskId(), tryNumber), clock, settings, store);
  }

  @Override
  public void progress(String what, long done, long total) {}

  @Override
  public void onStop(Runnable stop) {}
}
