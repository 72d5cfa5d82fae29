package retune.loop.daily;

import com.google.auto.service.AutoService;
import java.io.File;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.distribution.Drill;
import retune.core.metrics.Metric;
import retune.loop.daily.Day.Task;
import retune.loop.daily.LoopSettings.Section;
import retune.model.Champions;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Json;
import retune.runtime.NotReadyException;
import retune.runtime.Pipeline;
import retune.runtime.RunIdentity;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

@About(
    value =
        "Takes a loop through a day without Airflow: the steps of its three DAGs in their order,"
            + " with the inputs that its loop file gives them there. A day that ends with an alert"
            + " has ended well, too.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "credit-default --date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RunLoop implements Step<RunLoop.Input, RunLoop.Output> {
  private static final Logger LOGGER = System.getLogger(RunLoop.class.getName());

  public record Input(
      @Field(value = "the loop's name, as its loop file says it", positional = true) String name,
      @Field("the day") LocalDate date,
      @Field(
              "folder with loop files; if left out the project's airflow/dags/loops and those of"
                  + " RETUNE_LOOPS")
          @Nullable String loops,
      @Field("rows to generate, in place of the loop file's") @Nullable Integer rows,
      @Field("what goes wrong on the day, in place of the loop file's") Drill.@Nullable Kind drill,
      @Field("how much goes wrong, from 0 (nothing) to 1, in place of the loop file's")
          @Nullable Double drillStrength,
      @Field(
              value = "whether to print the steps and their inputs and run none",
              byDefault = "false")
          boolean plan) {}

  public record Output(
      @Field("the loop's name") String name,
      @Field("the day") LocalDate date,
      @Field("the run that the documents of the day are of") String runId,
      @Field("approved, retrained, held_back (a back-fill) or failed_max_retries")
          @Nullable String status,
      @Field("what happened, in a sentence") @Nullable String message,
      @Field("the gate's metric") @Nullable Metric metric,
      @Field("the gate's least value") @Nullable Double threshold,
      @Field("the metric of the version in production before, on the whole day")
          @Nullable Double before,
      @Field("attempts at fine-tuning that were judged") @Nullable Integer attempts,
      @Field("the version in production before") @Nullable String championBefore,
      @Field("the version in production after") @Nullable String championAfter,
      @Field("seconds by task, of those that had something to do") Map<String, Double> seconds,
      @Field("the tasks with their inputs, where only the plan was asked for")
          @Nullable List<Task> plan) {}

  @Override
  public Output run(Input input, StepContext context) throws Exception {
    LoopSettings loop =
        LoopSettings.find(input.name(), folders(input, context)).withGenerated(changes(input));
    List<Task> tasks = Day.tasks(loop, input.date());
    String runId = context.settings().find("RETUNE_RUN_ID").orElse("run-loop__" + input.date());
    if (input.plan()) {
      return new Output(
          input.name(),
          input.date(),
          runId,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          Map.of(),
          tasks);
    }
    ObjectNode results = Json.MAPPER.createObjectNode();
    Map<String, Double> seconds = new LinkedHashMap<>();
    for (Task task : tasks) {
      if (task.applies(results)) {
        LOGGER.log(Level.INFO, "{0} begins.", task.task());
        long started = System.nanoTime();
        results.set(task.task(), run(task, results, context, runId));
        seconds.put(task.task(), Math.round((System.nanoTime() - started) / 1e6) / 1e3);
      }
    }
    return output(input, runId, loop, results, seconds, context);
  }

  /** Says which task failed, in the sentence that says why. */
  private static JsonNode run(Task task, ObjectNode results, StepContext context, String runId)
      throws Exception {
    RunIdentity identity =
        new RunIdentity(task.dag(), runId, task.task(), context.run().tryNumber());
    try {
      return Steps.run(task.step(), task.inputs(results), context, identity);
    } catch (InvalidInputException e) {
      throw new InvalidInputException(task.task() + ": " + e.getMessage(), e);
    } catch (NotReadyException e) {
      throw new NotReadyException(task.task() + ": " + e.getMessage(), e);
    }
  }

  private static Output output(
      Input input,
      String runId,
      LoopSettings loop,
      ObjectNode results,
      Map<String, Double> seconds,
      StepContext context) {
    Metric metric = Metric.ofId(loop.get(Section.GATE, "metric").stringValue());
    JsonNode ended = results.required("send_evaluation_results");
    return new Output(
        input.name(),
        input.date(),
        runId,
        ended.required("status").stringValue(),
        ended.required("message").stringValue(),
        metric,
        loop.get(Section.GATE, "threshold").doubleValue(),
        results
            .required("check_model_performance")
            .required("metrics")
            .required(metric.id())
            .doubleValue(),
        ended.required("retraining_info").required("retry_count").intValue(),
        ended.required("champion_id").stringValue(),
        new Champions(context.store()).find(input.name()).orElseThrow().modelId(),
        seconds,
        null);
  }

  private static Map<String, JsonNode> changes(Input input) {
    Map<String, JsonNode> changes = new LinkedHashMap<>();
    if (input.rows() != null) {
      changes.put("rows", Json.MAPPER.valueToTree(input.rows()));
    }
    if (input.drill() != null) {
      changes.put("drill", Json.MAPPER.valueToTree(input.drill()));
    }
    if (input.drillStrength() != null) {
      changes.put("drill_strength", Json.MAPPER.valueToTree(input.drillStrength()));
    }
    return changes;
  }

  private static List<Path> folders(Input input, StepContext context) throws IOException {
    if (input.loops() != null) {
      return List.of(Path.of(input.loops()));
    }
    List<Path> folders = new ArrayList<>();
    context
        .settings()
        .find("RETUNE_HOME")
        .map(home -> Path.of(home, "airflow/dags/loops"))
        .ifPresent(folders::add);
    for (String folder :
        context.settings().find("RETUNE_LOOPS").orElse("").split(File.pathSeparator, -1)) {
      if (!folder.isBlank()) {
        folders.add(Path.of(folder));
      }
    }
    if (folders.isEmpty()) {
      throw new InvalidInputException(
          "Nothing says where the loop files are; give a folder with --loops.");
    }
    return folders;
  }
}
