package retune.loop.daily;

import com.google.auto.service.AutoService;
import java.io.File;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.distribution.Drill;
import retune.core.metrics.Metric;
import retune.core.triggers.Request;
import retune.judgement.ChallengerPromotion;
import retune.judgement.DayOutcome;
import retune.loop.daily.Day.From;
import retune.loop.daily.Day.Task;
import retune.loop.daily.LoopSettings.Section;
import retune.model.Champions;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Json;
import retune.runtime.NotReadyException;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.RunIdentity;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import retune.runtime.TextPage;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

@About(
    value =
        "Runs one day of a loop without Airflow: the steps of its three DAGs, in order, with the"
            + " inputs from its loop file. If the loop file has triggers of a retraining, they are"
            + " checked after the day, and a retraining that starts runs to its end. A challenger"
            + " that has traffic is weighed after the day, and deployed if it is proved better. A"
            + " day that ends in an alert has exit code 0, too.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "credit-default --date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RunLoop implements Step<RunLoop.Input, RunLoop.Output> {
  private static final Logger LOGGER = System.getLogger(RunLoop.class.getName());

  public record Input(
      @Field(value = "the loop's name in its loop file", positional = true) String name,
      @Field("the day to run") LocalDate date,
      @Field(
              "folder with loop files, instead of the project's airflow/dags/loops and the folders"
                  + " in RETUNE_LOOPS")
          @Nullable String loops,
      @Field("number of rows to generate; overrides the loop file") @Nullable Integer rows,
      @Field("fault to rehearse; overrides the loop file") Drill.@Nullable Kind drill,
      @Field("strength of the drill, from 0 (no effect) to 1; overrides the loop file")
          @Nullable Double drillStrength,
      @Field(
              value =
                  "start a retraining after the day whatever the triggers say; the same command"
                      + " again starts no second one",
              byDefault = "false")
          boolean forceRetrain,
      @Field(value = "print the steps with their inputs without running them", byDefault = "false")
          boolean plan) {}

  /** What a day did, or with {@code --plan} what it would do. */
  public sealed interface Output extends Page {}

  public record Ran(
      @Field("the loop's name") String name,
      @Field("the day") LocalDate date,
      @Field("run id of the documents that the day wrote") String runId,
      @Field(DayOutcome.Status.IN_WORDS) String status,
      @Field("what happened, as a sentence") String message,
      @Field("id of the question, if the day ended as asked") @Nullable String requestId,
      @Field("the gate's metric") Metric metric,
      @Field("the gate's threshold") double threshold,
      @Field(
              "the champion's metric on the day, before any fine-tuning; null while the day's"
                  + " labels have not matured")
          @Nullable Double before,
      @Field("number of fine-tuning attempts") int attempts,
      @Field("the version in production before") String championBefore,
      @Field("the version in production after") String championAfter,
      @Field(
              "earlier days that were judged because their labels suffice now, and how they ended;"
                  + " absent if there are none")
          @Nullable Map<LocalDate, String> matured,
      @Field(
              "what the requests of production say of the challenger that has traffic, as a"
                  + " sentence; absent if none has")
          @Nullable String challenger,
      @Field(
              "whether a retraining started, why, and how it ended, as sentences; absent if the"
                  + " loop file has no triggers")
          @Nullable String retraining,
      @Field("the retraining's id; absent if none started") @Nullable String retrainingId,
      @Field("duration of each task that ran, in seconds; of one that ran twice, the sum")
          Map<String, Double> seconds)
      implements Output {
    @Override
    public String text() {
      return new TextPage()
          .heading(name + ", " + date)
          .line("ended as", status)
          .line("what happened", message)
          .line("question", requestId)
          .line(
              metric.id(),
              before == null
                  ? "threshold " + threshold
                  : String.format(
                      Locale.ROOT, "%.4f before any fine-tuning; threshold %s", before, threshold))
          .line("attempts", String.valueOf(attempts))
          .line("in production", championAfter)
          .line("before", championBefore.equals(championAfter) ? null : championBefore)
          .line(
              "matured",
              matured == null
                  ? null
                  : matured.entrySet().stream()
                      .map(day -> day.getKey() + " " + day.getValue())
                      .collect(Collectors.joining(", ")))
          .line("challenger", challenger)
          .line("retraining", retraining)
          .line("run", runId)
          .heading("Seconds")
          .table(
              seconds.entrySet().stream()
                  .map(
                      task ->
                          List.of(
                              task.getKey(), String.format(Locale.ROOT, "%6.2f", task.getValue())))
                  .toList())
          .toString();
    }
  }

  public record Planned(
      @Field("the loop's name") String name,
      @Field("the day") LocalDate date,
      @Field("run id of the documents that the day would write") String runId,
      @Field("with --plan, the tasks with their inputs") List<Task> plan)
      implements Output {
    @Override
    public String text() {
      TextPage page = new TextPage().heading(name + ", " + date);
      page.table(plan.stream().map(task -> List.of(task.task(), words(task.when()))).toList());
      for (Task task : plan) {
        page.heading(task.task());
        task.inputs()
            .forEach(
                (input, value) ->
                    page.line(
                        input,
                        value instanceof From(String from, String output)
                            ? output + " of " + from
                            : value.toString()));
      }
      return page.toString();
    }

    private static String words(Day.When when) {
      return when.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws Exception {
    LoopSettings loop =
        LoopSettings.find(input.name(), folders(input.loops(), context))
            .withGenerated(changes(input));
    List<Task> day = Day.tasks(loop, input.date());
    List<Task> retraining =
        input.forceRetrain() || loop.hasTriggers()
            ? Day.retraining(loop, input.forceRetrain() ? Request.FORCED : Request.NONE)
            : List.of();
    String runId = context.settings().find("RETUNE_RUN_ID").orElse("run-loop__" + input.date());
    if (input.plan()) {
      List<Task> plan =
          Stream.of(day, plannedChallenger(input, loop, context), retraining)
              .flatMap(List::stream)
              .toList();
      return new Planned(input.name(), input.date(), runId, plan);
    }
    Map<String, Double> seconds = new LinkedHashMap<>();
    ObjectNode results = runAll(day, seconds, context, runId);
    Map<LocalDate, String> matured =
        loop.hasKeys() ? judgeMatured(input, loop, seconds, context, runId) : Map.of();
    String challenger = null;
    InvalidInputException refusal = null;
    try {
      challenger = weighChallenger(input, loop, seconds, context, runId + "__challenger");
    } catch (InvalidInputException e) {
      // It comes back each day until a person acts, and the retraining must not wait for that.
      LOGGER.log(Level.WARNING, e.getMessage());
      refusal = e;
    }
    // A run keeps its decision, so that a forced retraining needs a run of its own.
    ObjectNode retrained =
        runAll(retraining, seconds, context, input.forceRetrain() ? runId + "__forced" : runId);
    if (refusal != null) {
      throw refusal;
    }
    return ran(input, runId, loop, results, matured, challenger, retrained, seconds, context);
  }

  /** The tasks that weigh the challenger; none if none has traffic, or no store answers. */
  private static List<Task> plannedChallenger(Input input, LoopSettings loop, StepContext context) {
    try {
      return new Champions(context.store())
              .find(loop.name())
              .filter(champion -> champion.challenger() != null)
              .isPresent()
          ? Day.challenger(loop, input.date())
          : List.of();
    } catch (NotReadyException e) {
      LOGGER.log(
          Level.WARNING,
          "If a challenger has traffic, its tasks are missing in the plan: {0}",
          e.getMessage());
      return List.of();
    }
  }

  /** Takes labels that have come, and judges the days whose labels suffice now; their statuses. */
  private static Map<LocalDate, String> judgeMatured(
      Input input,
      LoopSettings loop,
      Map<String, Double> seconds,
      StepContext context,
      String runId)
      throws Exception {
    ObjectNode found = runAll(Day.labels(loop, input.date()), seconds, context, runId);
    Map<LocalDate, String> matured = new TreeMap<>();
    for (JsonNode day : found.required(Day.FIND_MATURED_DAYS).required("days")) {
      LocalDate date = LocalDate.parse(day.stringValue());
      ObjectNode results = runAll(Day.again(loop, date), seconds, context, runId + "__" + date);
      JsonNode ended = results.required("send_evaluation_results");
      LOGGER.log(Level.INFO, "{0}: {1}", date, ended.required("message").stringValue());
      matured.put(date, ended.required("status").stringValue());
    }
    return matured;
  }

  /**
   * Weighs the challenger that has traffic, and deploys one that is proved better. A run that has
   * promoted one only takes its deployment to the end.
   *
   * @return what was found; null if none has traffic
   */
  private static @Nullable String weighChallenger(
      Input input,
      LoopSettings loop,
      Map<String, Double> seconds,
      StepContext context,
      String runId)
      throws Exception {
    Optional<ChallengerPromotion> promotion =
        ChallengerPromotion.ofRun(context.store(), loop.name(), runId);
    if (promotion.isPresent()) {
      runAll(Day.promotion(loop, promotion.get().promotionId()), seconds, context, runId);
      return promotion.get().message();
    }
    if (new Champions(context.store()).get(loop.name()).challenger() == null) {
      return null;
    }
    ObjectNode results = runAll(Day.challenger(loop, input.date()), seconds, context, runId);
    return ChallengerPromotion.ofRun(context.store(), loop.name(), runId)
        .map(ChallengerPromotion::message)
        .orElseGet(() -> results.required(Day.WEIGH_CHALLENGER).required("message").stringValue());
  }

  /** Runs tasks that depend on each other, and returns their results. */
  static ObjectNode runAll(
      List<Task> tasks, Map<String, Double> seconds, StepContext context, String runId)
      throws Exception {
    ObjectNode results = Json.MAPPER.createObjectNode();
    for (int i = 0; i < tasks.size(); i++) {
      Task task = tasks.get(i);
      if (!task.applies(results)) {
        continue;
      }
      try {
        runTimed(task, results, seconds, context, runId);
      } catch (Exception failure) {
        for (Task later : tasks.subList(i + 1, tasks.size())) {
          if (later.standsAside() && later.hasInputs(results)) {
            runTimed(later, results, seconds, context, runId);
          }
        }
        throw failure;
      }
    }
    return results;
  }

  /** Runs a task and keeps its result; the failure of one that stands aside is only logged. */
  private static void runTimed(
      Task task, ObjectNode results, Map<String, Double> seconds, StepContext context, String runId)
      throws Exception {
    LOGGER.log(Level.INFO, "Starting {0}.", task.task());
    long started = System.nanoTime();
    try {
      results.set(task.task(), run(task, results, context, runId));
    } catch (InvalidInputException | NotReadyException failure) {
      if (!task.standsAside()) {
        throw failure;
      }
      LOGGER.log(Level.WARNING, failure.getMessage());
    }
    seconds.merge(task.task(), Math.round((System.nanoTime() - started) / 1e6) / 1e3, Double::sum);
  }

  /** Runs a task; the message of a failure begins with the task's name. */
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

  private static Ran ran(
      Input input,
      String runId,
      LoopSettings loop,
      ObjectNode results,
      Map<LocalDate, String> matured,
      @Nullable String challenger,
      ObjectNode retrained,
      Map<String, Double> seconds,
      StepContext context) {
    Metric metric = Metric.ofId(loop.get(Section.GATE, "metric").stringValue());
    JsonNode ended = results.required("send_evaluation_results");
    return new Ran(
        input.name(),
        input.date(),
        runId,
        ended.required("status").stringValue(),
        ended.required("message").stringValue(),
        ended.path("request_id").asString(null),
        metric,
        loop.get(Section.GATE, "threshold").doubleValue(),
        before(results.required("check_model_performance").required("metrics"), metric),
        ended.required("retraining_info").required("retry_count").intValue(),
        ended.required("champion_id").stringValue(),
        new Champions(context.store()).get(input.name()).modelId(),
        matured.isEmpty() ? null : matured,
        challenger,
        retraining(retrained),
        retrained.path("check_retraining_trigger").path("retraining_id").asString(null),
        seconds);
  }

  /** What was decided about a retraining, and how it ended. */
  static @Nullable String retraining(ObjectNode results) {
    if (results.isEmpty()) {
      return null;
    }
    String end =
        Stream.of("promote_model", "keep_model")
            .map(task -> results.path(task).path("message").asString(""))
            .collect(Collectors.joining());
    String reason = results.required("check_retraining_trigger").required("reason").stringValue();
    return end.isEmpty() ? reason : reason + " " + end;
  }

  private static @Nullable Double before(JsonNode metrics, Metric metric) {
    return metrics.has(metric.id()) ? (Double) metrics.required(metric.id()).doubleValue() : null;
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

  /**
   * Where loop files are.
   *
   * @param given the only folder; null for the project's and those in RETUNE_LOOPS
   */
  static List<Path> folders(@Nullable String given, StepContext context) {
    if (given != null) {
      return List.of(Path.of(given));
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
          "There is no folder with loop files; set RETUNE_LOOPS or give one with --loops.");
    }
    return folders;
  }
}
