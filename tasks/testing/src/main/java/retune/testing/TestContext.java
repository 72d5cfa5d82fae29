package retune.testing;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.function.Supplier;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;

/**
 * The context of one try of a task, with a fixed clock and no settings.
 *
 * @param source gives the store that the step asks for
 */
public record TestContext(
    RunIdentity run, Clock clock, Settings settings, Supplier<DocumentStore> source)
    implements StepContext {
  public static final Instant NOW = Instant.parse("2026-11-05T06:00:00Z");

  public static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);

  public static TestContext of(DocumentStore store) {
    return of(() -> store);
  }

  /** For a step that works on files alone; asking for the store fails the test. */
  public static TestContext withoutStore() {
    return of(
        () -> {
          throw new AssertionError("the step asked for a store");
        });
  }

  private static TestContext of(Supplier<DocumentStore> source) {
    return new TestContext(
        new RunIdentity("model_evaluation_pipeline", "run", "task", 1),
        CLOCK,
        new Settings(Map.of()),
        source);
  }

  public TestContext at(Instant instant) {
    return new TestContext(run, Clock.fixed(instant, ZoneOffset.UTC), settings, source);
  }

  /** The same with other settings: environment variables by name. */
  public TestContext with(Map<String, String> environment) {
    return new TestContext(run, clock, new Settings(environment), source);
  }

  public TestContext inRun(String runId) {
    return new TestContext(
        new RunIdentity(run.dagId(), runId, run.taskId(), run.tryNumber()),
        clock,
        settings,
        source);
  }

  /** The context of another task of the same run. */
  public TestContext task(String taskId) {
    return new TestContext(
        new RunIdentity(run.dagId(), run.runId(), taskId, run.tryNumber()),
        clock,
        settings,
        source);
  }

  public TestContext onTry(int tryNumber) {
    return new TestContext(
        new RunIdentity(run.dagId(), run.runId(), run.taskId(), tryNumber),
        clock,
        settings,
        source);
  }

  @Override
  public DocumentStore store() {
    return source.get();
  }

  @Override
  public void progress(String what, long done, long total) {}

  @Override
  public void onStop(Runnable stop) {}
}
