package retune.loop.daily;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.finetuning.Strategy;
import retune.core.judgement.Selection;
import retune.core.triggers.Request;
import retune.loop.daily.LoopSettings.Section;
import retune.runtime.Json;
import retune.runtime.store.RawBatches;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A day of a loop: the tasks of its three DAGs in an order that their dependencies allow, and those
 * of the retraining that may follow it. {@code airflow/tests/test_run_loop.py} compares them with
 * the DAGs.
 */
final class Day {
  private static final String DETECT_DRIFT = "detect_drift";
  private static final String ESTIMATE_PERFORMANCE = "estimate_performance";
  private static final String INGEST_LABELS = "ingest_labels";
  static final String FIND_MATURED_DAYS = "find_matured_days";
  static final String WEIGH_CHALLENGER = "weigh_challenger";
  private static final String PROMOTE_CHALLENGER = "promote_challenger";
  private static final String LOOK_BACK = "look_back";
  private static final String JUDGE_CANDIDATE = "judge_candidate";
  private static final String CHALLENGER = "challenger_is_better";
  private static final String CHECK_TRIGGER = "check_retraining_trigger";
  private static final String COMPARE_MODELS = "compare_models";
  private static final String LOG_EVENT = "log_retraining_event";
  private static final String SHOULD_PROMOTE = "should_promote";
  private static final String WAIT = "wait_for_model_ready";

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
    READY,
    /** The challenger that has traffic is proved better. */
    CHALLENGER_WINS,
    /** A retraining starts. */
    RETRAINING_STARTS,
    /** The retrained version passes the comparison. */
    CANDIDATE_PASSES,
    /** It does not, or there is none. */
    CANDIDATE_FAILS,
    /** An earlier task of the retraining has failed. */
    RETRAINING_FAILED
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
      return step.equals(DETECT_DRIFT)
          || step.equals(ESTIMATE_PERFORMANCE)
          || step.equals(INGEST_LABELS)
          || when == When.RETRAINING_FAILED;
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
        case READY -> is(results, WAIT, "ready");
        case CHALLENGER_WINS ->
            results.path(WEIGH_CHALLENGER).path("decision").asString("").equals("promote");
        case RETRAINING_STARTS -> is(results, CHECK_TRIGGER, "should_retrain");
        case CANDIDATE_PASSES -> is(results, COMPARE_MODELS, SHOULD_PROMOTE);
        case CANDIDATE_FAILS ->
            results.has(COMPARE_MODELS) && !is(results, COMPARE_MODELS, SHOULD_PROMOTE);
        case RETRAINING_FAILED -> false;
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
    day.deployment(Map.of("logical_date", date.toString()), When.ALWAYS);
    return List.copyOf(day.tasks);
  }

  /**
   * The tasks of a retraining and of its deployment.
   *
   * @param request who asks for it beside the loop's triggers
   */
  static List<Task> retraining(LoopSettings loop, Request request) {
    Day day = new Day(loop);
    day.retraining(request);
    day.deployment(
        Map.of("retraining", new From(CHECK_TRIGGER, "retraining_id")), When.CANDIDATE_PASSES);
    return List.copyOf(day.tasks);
  }

  /** The tasks that weigh the challenger that has traffic, and deploy one that is proved better. */
  static List<Task> challenger(LoopSettings loop, LocalDate date) {
    Day day = new Day(loop);
    day.dag = "challenger_pipeline";
    Map<String, Object> model = Map.of("model", loop.name());
    day.add(
        WEIGH_CHALLENGER,
        When.ALWAYS,
        all(
            model,
            Map.of("logical_date", date.toString(), "metric", loop.get(Section.GATE, "metric")),
            loop.maturity()));
    day.add(
        PROMOTE_CHALLENGER,
        When.CHALLENGER_WINS,
        all(
            model,
            Map.of(
                "model_id", new From(WEIGH_CHALLENGER, "model_id"),
                "reason", new From(WEIGH_CHALLENGER, "message"),
                "by", WEIGH_CHALLENGER)));
    day.deployment(
        Map.of("retraining", new From(PROMOTE_CHALLENGER, "promotion_id")), When.CHALLENGER_WINS);
    return List.copyOf(day.tasks);
  }

  /** The tasks that deploy a challenger which is promoted already. */
  static List<Task> promotion(LoopSettings loop, String promotionId) {
    Day day = new Day(loop);
    day.deployment(Map.of("retraining", promotionId), When.ALWAYS);
    return List.copyOf(day.tasks);
  }

  /** What finds the days whose late labels suffice, after the labels that are there on a date. */
  static List<Task> labels(LoopSettings loop, LocalDate date) {
    Day day = new Day(loop);
    day.dag = "label_pipeline";
    Map<String, Object> model = Map.of("model", loop.name());
    loop.labels()
        .ifPresent(
            place ->
                day.add(
                    INGEST_LABELS,
                    When.ALWAYS,
                    all(model, Map.of("data", place, "logical_date", date.toString()))));
    day.add(FIND_MATURED_DAYS, When.ALWAYS, all(model, loop.maturity()));
    return List.copyOf(day.tasks);
  }

  /** The tasks of a day whose rows are there already. */
  static List<Task> again(LoopSettings loop, LocalDate date) {
    Day day = new Day(loop);
    day.dag = "label_pipeline";
    day.add(
        "process_data", When.ALWAYS, Map.of("model", loop.name(), "logical_date", date.toString()));
    day.evaluation(date);
    day.deployment(Map.of("logical_date", date.toString()), When.ALWAYS);
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
    addSharded(
        "evaluate_model",
        all(champion, batch, loop.hasKeys() ? loop.maturity() : Map.<String, Object>of()));
    add(DETECT_DRIFT, When.ALWAYS, all(champion, batch));
    add(
        ESTIMATE_PERFORMANCE,
        When.ALWAYS,
        all(
            champion,
            batch,
            Map.of("metric", gate.get("metric"), "threshold", gate.get("threshold"))));
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

  private void retraining(Request request) {
    dag = "model_retraining";
    boolean isForced = request == Request.FORCED;
    Map<String, Object> model = Map.of("model", loop.name());
    Map<String, JsonNode> settings = new LinkedHashMap<>(loop.section(Section.RETRAINING));
    Map<String, JsonNode> window = taken(settings, "window_days");
    Map<String, JsonNode> candidates = taken(settings, "candidates", "trials", "half_life_days");
    Map<String, JsonNode> gate = loop.section(Section.GATE);
    Map<String, JsonNode> finetuning = new LinkedHashMap<>(loop.section(Section.FINETUNING));
    taken(finetuning, "epochs").forEach((name, value) -> finetuning.put("num_epochs", value));
    Map<String, JsonNode> metric = part(gate, "metric");
    Map<String, Object> retraining =
        all(model, Map.of("retraining_id", new From(CHECK_TRIGGER, "retraining_id")));
    Map<String, Object> splitId = Map.of("split_id", new From("filter_training_data", "split_id"));
    Map<String, Object> candidate = Map.of("model_id", new From("train_model", "model_id"));
    Map<String, Object> judged =
        all(
            retraining,
            splitId,
            candidate,
            part(
                gate,
                "metric",
                "threshold",
                "evidence",
                "policy",
                "retention_limit",
                "on_conflict",
                "below_gate"));

    add(
        CHECK_TRIGGER,
        When.ALWAYS,
        all(
            model,
            settings,
            part(gate, "evidence"),
            Map.of(
                "request", (isForced ? Request.NONE : request).id(), "force_retrain", isForced)));
    add("prepare_training_data", When.RETRAINING_STARTS, all(retraining, window));
    add("filter_training_data", When.RETRAINING_STARTS, retraining);
    add(
        "train_model",
        "retrain_model",
        When.RETRAINING_STARTS,
        all(
            model,
            Map.of("data_path", new From("prepare_training_data", "data_path")),
            splitId,
            candidates,
            finetuning,
            metric));
    add(COMPARE_MODELS, "compare_retrained_model", When.RETRAINING_STARTS, judged);
    add("promote_model", When.CANDIDATE_PASSES, retraining);
    add("keep_model", When.CANDIDATE_FAILS, all(retraining, candidate));
    add(LOG_EVENT, When.RETRAINING_STARTS, retraining);
    add("log_retraining_failure", LOG_EVENT, When.RETRAINING_FAILED, retraining);
  }

  /**
   * Deploys what a day or a retraining approved.
   *
   * @param approvedBy the input that names it
   */
  private void deployment(Map<String, Object> approvedBy, When first) {
    dag = "model_deployment_pipeline";
    Map<String, Object> model = Map.of("model", loop.name());
    Map<String, Object> approved = all(model, approvedBy);
    add(WAIT, first, all(approved, loop.section(Section.DEPLOYMENT)));
    add("validate_model", When.READY, Map.of("model_id", new From(WAIT, "model_id")));
    add(
        "deploy_model",
        When.READY,
        all(approved, Map.of("model_id", new From("validate_model", "model_id"))));
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

  /** Removes some of the settings. */
  private static Map<String, JsonNode> taken(Map<String, JsonNode> settings, String... names) {
    Map<String, JsonNode> taken = part(settings, names);
    settings.keySet().removeAll(taken.keySet());
    return taken;
  }

  /** Those of the settings that have a value. */
  private static Map<String, JsonNode> part(Map<String, JsonNode> settings, String... names) {
    Map<String, JsonNode> part = new LinkedHashMap<>();
    for (String name : names) {
      if (settings.containsKey(name)) {
        part.put(name, settings.get(name));
      }
    }
    return part;
  }

  private static boolean is(ObjectNode results, String task, String output) {
    return results.path(task).path(output).asBoolean(false);
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
