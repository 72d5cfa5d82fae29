package retune.loop.daily;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.finetuning.Strategy;
import retune.core.judgement.Selection;
import retune.loop.daily.LoopSettings.Section;
import retune.runtime.Json;
import retune.runtime.store.RawBatches;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A day of a loop: the tasks of its three DAGs in an order that their dependencies allow. {@code
 * airflow/tests/test_run_loop.py} compares it with the DAGs.
 */
final class Day {
  private static final String DETECT_DRIFT = "detect_drift";
  private static final String LOOK_BACK = "look_back";
  private static final String JUDGE_CANDIDATE = "judge_candidate";
  private static final String CHALLENGER = "challenger_is_better";

  /** The condition under which a task runs. */
  enum When {
    ALWAYS,
    /** The champion has failed, or a challenger is proved better. */
    CHAMPION_DOUBTED,
    /** Neither the champion nor any other version has passed so far. */
    NONE_PASSED,
    /** In addition, no attempt so far surely reaches the gate on the validation rows. */
    NONE_REACHED,
    /** None has passed, none follows below the gate, and no person is asked about one. */
    NONE_LEFT,
    /** A version is ready to be deployed. */
    READY
  }

  /** An input that is an output of another task. */
  record From(String task, String output) {}

  /**
   * One task.
   *
   * @param inputs by name: values, or {@link From another task's output}
   */
  record Task(String dag, String task, String step, When when, Map<String, Object> inputs) {
    /** Whether its failure stops nothing, and it runs even where the day fails. */
    boolean standsAside() {
      return step.equals(DETECT_DRIFT);
    }

    /** Whether the tasks whose outputs it takes have run. */
    boolean hasInputs(ObjectNode results) {
      return inputs.values().stream()
          .allMatch(input -> !(input instanceof From(String from, _)) || results.has(from));
    }

    /** Whether the task runs, given the results so far. */
    boolean applies(ObjectNode results) {
      return switch (when) {
        case ALWAYS -> true;
        case CHAMPION_DOUBTED -> has(results, "needs_retraining") || has(results, CHALLENGER);
        case NONE_PASSED -> nonePassed(results);
        case NONE_REACHED -> nonePassed(results) && noneReached(results);
        case NONE_LEFT ->
            nonePassed(results) && noVerdict("asked", results) && !hasFallback(results);
        case READY -> results.required("wait_for_model_ready").required("ready").booleanValue();
      };
    }

    /** The inputs, with other tasks' outputs filled in. */
    Map<String, JsonNode> inputs(ObjectNode results) {
      Map<String, JsonNode> values = new LinkedHashMap<>();
      inputs.forEach(
          (name, input) ->
              values.put(
                  name,
                  input instanceof From(String task, String output)
                      ? results.required(task).path(output)
                      : Json.MAPPER.valueToTree(input)));
      return values;
    }
  }

  private final LoopSettings loop;
  private final List<Task> tasks = new ArrayList<>();
  private String dag = "";

  private Day(LoopSettings loop) {
    this.loop = loop;
  }

  static List<Task> tasks(LoopSettings loop, LocalDate date) {
    Day day = new Day(loop);
    day.data(date);
    day.evaluation(date);
    day.deployment(date);
    return List.copyOf(day.tasks);
  }

  private void data(LocalDate date) {
    dag = "data_pipeline";
    Map<String, Object> day = Map.of("model", loop.name(), "logical_date", date.toString());
    Map<String, Object> source = all(day, loop.inputsOfSource());
    if (loop.source() == LoopSettings.Source.SYNTHETIC) {
      addSharded(loop.source().step(), source);
    } else {
      add(loop.source().step(), When.ALWAYS, source);
    }
    add("process_data", When.ALWAYS, day);
  }

  private void evaluation(LocalDate date) {
    dag = "model_evaluation_pipeline";
    Map<String, Object> batch = Map.of("data_path", RawBatches.batchId(loop.name(), date));
    Map<String, Object> day = Map.of("model", loop.name(), "logical_date", date.toString());
    Map<String, JsonNode> gate = loop.section(Section.GATE);
    int maxAttempts = loop.get(Section.GATE, "max_attempts").intValue();
    From championId = new From("load_latest_model", "model_id");
    Map<String, Object> champion = Map.of("model_id", championId);
    From splitId = new From("prepare_retraining_data", "split_id");

    add("load_latest_model", When.ALWAYS, Map.of("model", loop.name()));
    addSharded("evaluate_model", all(champion, batch));
    add(DETECT_DRIFT, When.ALWAYS, all(champion, batch));
    add(
        "check_model_performance",
        When.ALWAYS,
        all(champion, batch, gate, Map.of("loop_file_hash", loop.fileHash())));
    add(LOOK_BACK, When.CHAMPION_DOUBTED, all(champion, batch));
    add("prepare_retraining_data", When.NONE_PASSED, all(champion, batch));
    boolean bestOnValidation =
        loop.get(Section.GATE, "selection").stringValue().equals(Selection.BEST_ON_VALIDATION.id());
    for (int attempt = 1; attempt <= maxAttempts; attempt++) {
      String group = "attempt_" + attempt + ".";
      Map<String, Object> trial = Map.of("split_id", splitId, "attempt", attempt);
      Strategy strategy = loop.attempts().get(attempt - 1);
      add(
          group + "finetune_model",
          "finetune_model",
          bestOnValidation ? When.NONE_REACHED : When.NONE_PASSED,
          all(
              champion,
              trial,
              Map.of("strategy", strategy.id()),
              loop.section(Section.FINETUNING),
              Map.of("metric", loop.get(Section.GATE, "metric")),
              batch));
      if (bestOnValidation) {
        continue;
      }
      add(
          group + "evaluate_finetuned_model",
          "evaluate_finetuned_model",
          When.NONE_PASSED,
          all(
              Map.of(
                  "model_id",
                  new From(group + "finetune_model", "model_id"),
                  "champion_id",
                  championId),
              trial,
              batch));
    }
    if (bestOnValidation) {
      add(
          JUDGE_CANDIDATE,
          When.NONE_PASSED,
          all(Map.of("champion_id", championId, "split_id", splitId), batch));
    }
    add("send_alert", When.NONE_LEFT, day);
    add("send_evaluation_results", When.ALWAYS, all(day, loop.section(Section.PROMOTION)));
  }

  private void deployment(LocalDate date) {
    dag = "model_deployment_pipeline";
    Map<String, Object> model = Map.of("model", loop.name());
    Map<String, Object> day = all(model, Map.of("logical_date", date.toString()));
    add("wait_for_model_ready", When.ALWAYS, all(day, loop.section(Section.DEPLOYMENT)));
    add(
        "validate_model",
        When.READY,
        Map.of("model_id", new From("wait_for_model_ready", "model_id")));
    add(
        "deploy_model",
        When.READY,
        all(day, Map.of("model_id", new From("validate_model", "model_id"))));
    add(
        "verify_deployment",
        When.READY,
        all(model, Map.of("model_id", new From("deploy_model", "model_id"))));
    add(
        "notify_deployment_complete",
        When.READY,
        all(model, Map.of("model_id", new From("verify_deployment", "model_id"))));
  }

  /** A step that can be sharded: each shard, then the step that combines them. */
  private void addSharded(String step, Map<String, ?> inputs) {
    if (loop.shards() == 1) {
      add(step, When.ALWAYS, inputs);
      return;
    }
    Map<String, Object> spread = all(inputs, Map.of("shards", loop.shards()));
    for (int shard = 0; shard < loop.shards(); shard++) {
      String task = step + "_shard[" + shard + "]";
      add(task, step, When.ALWAYS, all(spread, Map.of("shard", shard)));
    }
    add(step, When.ALWAYS, spread);
  }

  private void add(String step, When when, Map<String, ?> inputs) {
    add(step, step, when, inputs);
  }

  private void add(String task, String step, When when, Map<String, ?> inputs) {
    String dagId = loop.bareIds() ? dag : dag + "." + loop.name();
    tasks.add(new Task(dagId, task, step, when, all(inputs)));
  }

  private static boolean nonePassed(ObjectNode results) {
    return has(results, "needs_retraining") && noVerdict("passed", results);
  }

  private static boolean noVerdict(String output, ObjectNode results) {
    return results
        .propertyStream()
        .filter(result -> isVerdict(result.getKey()))
        .noneMatch(result -> result.getValue().required(output).booleanValue());
  }

  private static boolean hasFallback(ObjectNode results) {
    return results
        .propertyStream()
        .filter(result -> isVerdict(result.getKey()))
        .anyMatch(result -> result.getValue().path("fallback").asBoolean(false));
  }

  private static boolean has(ObjectNode results, String output) {
    return results.required("check_model_performance").required(output).booleanValue();
  }

  private static boolean noneReached(ObjectNode results) {
    double threshold =
        results.required("check_model_performance").required("threshold").doubleValue();
    return results
        .propertyStream()
        .filter(result -> result.getKey().endsWith(".finetune_model"))
        .map(result -> result.getValue().path("validation_lower_bound"))
        .noneMatch(bound -> bound.isNumber() && bound.doubleValue() >= threshold);
  }

  private static boolean isVerdict(String task) {
    return task.equals(LOOK_BACK)
        || task.equals(JUDGE_CANDIDATE)
        || task.endsWith(".evaluate_finetuned_model");
  }

  @SafeVarargs
  private static Map<String, Object> all(Map<String, ?>... parts) {
    Map<String, Object> inputs = new LinkedHashMap<>();
    for (Map<String, ?> part : parts) {
      inputs.putAll(part);
    }
    return inputs;
  }
}
