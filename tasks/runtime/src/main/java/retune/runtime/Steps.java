package retune.runtime;

import java.time.Clock;
import java.util.Map;
import retune.core.InvalidInputException;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;

/**
 * Steps by name, for a step that takes several others together: the same declarations, checks and
 * defaults as on the command line, in the same process.
 */
public final class Steps {
  private Steps() {}

  /**
   * Runs a step to its end.
   *
   * @param inputs by name, as in JSON
   * @param context whose store, clock and settings the step uses
   * @param run which task the step's documents are to be of
   * @return what the command would print
   */
  public static JsonNode run(
      String step, Map<String, JsonNode> inputs, StepContext context, RunIdentity run)
      throws Exception {
    StepDefinition definition = definition(step);
    Record input = reader(definition).read(Json.MAPPER.writeValueAsString(inputs), Map.of());
    return Json.MAPPER.valueToTree(definition.run(input, new Within(context, run)));
  }

  /**
   * A value as the step would take it: checked where one is given, else the declared default.
   *
   * @param given missing where there is none
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

  /** The surroundings of the step that calls, for another task. */
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
