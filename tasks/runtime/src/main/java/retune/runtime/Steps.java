package retune.runtime;

import java.time.Clock;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;

/**
 * Runs steps by name within another step, with the same checks and defaults as on the command line.
 */
public final class Steps {
  private Steps() {}

  /**
   * Runs a step.
   *
   * @param inputs by name, as in JSON
   * @param context whose store, clock and settings the step uses
   * @param run the task that the step's documents belong to
   * @return the result, as the command prints it
   */
  public static JsonNode run(
      String step, Map<String, JsonNode> inputs, StepContext context, RunIdentity run)
      throws Exception {
    StepDefinition definition = definition(step);
    Record input = reader(definition).read(Json.MAPPER.writeValueAsString(inputs), Map.of());
    return Json.MAPPER.valueToTree(definition.run(input, new Within(context, run)));
  }

  /**
   * Checks a value for a step's input.
   *
   * @param given a missing node for the declared default
   */
  public static JsonNode input(String step, String name, JsonNode given) {
    return reader(definition(step)).value(name, given);
  }

  private static StepDefinition definition(String step) {
    return StepDefinition.find(step)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "The step '%s' is not on the class path; build all modules.".formatted(step)));
  }

  private static InputReader reader(StepDefinition step) {
    return new InputReader(step.name(), step.input());
  }

  /** The calling step's context with the identity of another task. */
  private record Within(StepContext caller, RunIdentity run) implements StepContext {
    @Override
    public Clock clock() {
      return caller.clock();
    }

    @Override
    public Settings settings() {
      return caller.settings();
    }

    @Override
    public DocumentStore store() {
      return caller.store();
    }

    @Override
    public void progress(String what, long done, long total) {
      caller.progress(what, done, total);
    }

    @Override
    public void onStop(Runnable stop) {
      caller.onStop(stop);
    }
  }
}
