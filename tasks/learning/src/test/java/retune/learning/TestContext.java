package retune.learning;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.function.Supplier;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;

/** The surroundings of one try of a task. */
record TestContext(Clock clock, Supplier<DocumentStore> source) implements StepContext {
  static final Instant NOW = Instant.parse("2026-11-05T06:00:00Z");
  static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);

  static TestContext of(DocumentStore store) {
    return new TestContext(CLOCK, () -> store);
  }

  /** For steps that work on files alone. */
  static TestContext withoutStore() {
    return new TestContext(
        CLOCK,
        () -> {
          throw new AssertionError("the step asked for a store");
        });
  }

  TestContext at(Instant instant) {
    return new TestContext(Clock.fixed(instant, ZoneOffset.UTC), source);
  }

  @Override
  public DocumentStore store() {
    return source.get();
  }

  @Override
  public RunIdentity run() {
    return new RunIdentity("model_evaluation_pipeline", "run", "finetune_model", 1);
  }

  @Override
  public Settings settings() {
    return new Settings(Map.of());
  }

  @Override
  public void progress(String what, long done, long total) {}

  @Override
  public void onStop(Runnable stop) {}
}
