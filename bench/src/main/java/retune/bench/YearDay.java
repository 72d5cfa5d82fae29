package retune.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import retune.runtime.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs the tasks that {@code run_loop --plan} names for a day and the retraining that may follow.
 * It leaves out those that decide nothing, and the documents for each row, which take most of a
 * day's time.
 *
 * @param ofDay results by task
 * @param ofRetraining results by task, of the trigger's check too
 */
record YearDay(ObjectNode ofDay, ObjectNode ofRetraining) {
  private static final Set<String> DECIDE_NOTHING =
      Set.of("detect_drift", "verify_deployment", "notify_deployment_complete");

  private static final Set<String> WRITE_ROWS = Set.of("ingest", "process_data");
  private static final String CHECK_TRIGGER = "check_retraining_trigger";

  /** Runs a step for a task of a DAG. */
  interface Steps {
    JsonNode run(String dag, String task, String step, Map<String, ?> inputs) throws Exception;
  }

  static YearDay run(JsonNode plan, Steps steps) throws Exception {
    YearDay day = new YearDay(Json.MAPPER.createObjectNode(), Json.MAPPER.createObjectNode());
    ObjectNode results = day.ofDay;
    for (JsonNode task : plan.required("plan")) {
      String name = task.required("task").stringValue();
      String step = task.required("step").stringValue();
      if (step.equals(CHECK_TRIGGER)) {
        results = day.ofRetraining;
      }
      if (!DECIDE_NOTHING.contains(step) && applies(task.required("when").stringValue(), results)) {
        results.set(
            name, steps.run(task.required("dag").stringValue(), name, step, inputs(task, results)));
      }
    }
    return day;
  }

  private static Map<String, JsonNode> inputs(JsonNode task, ObjectNode results) {
    Map<String, JsonNode> inputs = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> input : task.required("inputs").properties()) {
      JsonNode value = input.getValue();
      inputs.put(
          input.getKey(),
          value.has("task") && value.has("output")
              ? results
                  .required(value.required("task").stringValue())
                  .path(value.required("output").stringValue())
              : value);
    }
    if (WRITE_ROWS.contains(task.required("step").stringValue())) {
      inputs.put("row_documents_up_to", Json.MAPPER.valueToTree(0));
    }
    return inputs;
  }

  private static boolean applies(String when, ObjectNode results) {
    boolean failed = is(results, "check_model_performance", "needs_retraining");
    boolean passed = is(results, "look_back", "passed") || is(results, "judge_candidate", "passed");
    boolean follows =
        is(results, "look_back", "fallback") || is(results, "judge_candidate", "fallback");
    boolean promotes = is(results, "compare_models", "should_promote");
    return switch (when) {
      case "always" -> true;
      case "champion_doubted" ->
          failed || is(results, "check_model_performance", "challenger_is_better");
      // With one attempt, none has reached the gate before it.
      case "none_passed", "none_reached" -> failed && !passed;
      case "none_left" -> failed && !passed && !follows;
      case "ready" -> is(results, "wait_for_model_ready", "ready");
      case "retraining_starts" -> is(results, CHECK_TRIGGER, "should_retrain");
      case "candidate_passes" -> promotes;
      case "candidate_fails" -> results.has("compare_models") && !promotes;
      case "retraining_failed" -> false;
      default -> throw new IllegalStateException("There is no such condition: " + when);
    };
  }

  private static boolean is(ObjectNode results, String task, String output) {
    return results.path(task).path(output).asBoolean(false);
  }
}
