package retune.control;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.runtime.http.Refusal;
import tools.jackson.databind.JsonNode;

/** Loops that Airflow runs: a call starts a real run, and stopping the schedule pauses the DAGs. */
final class AirflowLoops implements LoopRuntime {
  /** The tag of all DAGs of this project. */
  private static final String PRODUCT = "retune";

  private static final String RETRAINING = "model_retraining";
  private static final String DEPLOYMENT = "model_deployment_pipeline";
  private static final String ROLLBACK = "model_rollback";

  /**
   * How long a call of this service asks Airflow. If the run has not ended by then, the answer is
   * that it has started. The server closes a connection after 60 s.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(50);

  /** What is kept of this for the request that starts the run, or to switch DAGs back. */
  private static final Duration FOR_START = Duration.ofSeconds(15);

  /** What comes on top where the answer to that is lost, to look whether the run has started. */
  private static final Duration FOR_LOOK = Duration.ofSeconds(5);

  private static final long BETWEEN_LOOKS_MILLIS = 500;

  /** The DAGs that time starts; the others follow them, or are started by hand. */
  private static final List<String> SCHEDULED =
      List.of("data_pipeline", "label_pipeline", RETRAINING);

  /** Time starts it, too, once a person has unpaused it: it is paused at first. */
  private static final String CHALLENGER = "challenger_pipeline";

  private final AirflowApi api;
  private final LongSupplier nanoTime;

  AirflowLoops(AirflowApi api) {
    this(api, System::nanoTime);
  }

  /** The same, with another measure of the time that calls take. */
  AirflowLoops(AirflowApi api, LongSupplier nanoTime) {
    this.api = api;
    this.nanoTime = nanoTime;
  }

  /** When the answer of a call that comes now must be there. */
  private long end() {
    return nanoTime.getAsLong() + PATIENCE.toNanos();
  }

  private Duration until(long end) {
    return Duration.ofNanos(end - nanoTime.getAsLong());
  }

  /** Does what comes before the start of a run, or before DAGs are switched back. */
  private <T> T before(long end, ScopedValue.CallableOp<T, InterruptedException> work)
      throws InterruptedException {
    return AirflowApi.within(() -> until(end).minus(FOR_START), work);
  }

  @Override
  public Started retrain(Changes.Request request, boolean force) throws InterruptedException {
    long end = end();
    String dag = before(end, () -> dag(request.model(), RETRAINING));
    Optional<JsonNode> running = before(end, () -> unfinished(dag)).findFirst();
    if (running.isPresent()) {
      throw new Refusal(
          409,
          "A retraining of %s runs already: %s of %s. Wait for its end."
              .formatted(request.model(), runId(running.get()), dag));
    }
    Map<String, Object> conf = new LinkedHashMap<>(Map.of("request", "api"));
    if (force) {
      conf.put("force_retrain", true);
    }
    return start(request, dag, null, conf, end);
  }

  /**
   * A run of the partition that this API has started and that has not ended is the one that is
   * asked for. One that the evaluation has started may have found nothing to deploy yet.
   */
  @Override
  public Started deploy(Changes.Request request, String partition) throws InterruptedException {
    long end = end();
    String dag = before(end, () -> dag(request.model(), DEPLOYMENT));
    return start(request, dag, partition, Map.of(), end);
  }

  @Override
  public Started deployAndWait(Changes.Request request, String partition)
      throws InterruptedException {
    long end = end();
    String dag = before(end, () -> dag(request.model(), DEPLOYMENT));
    return await(dag, start(request, dag, partition, Map.of(), end), end);
  }

  @Override
  public Started rollBack(
      Changes.Request request, Optional<String> version, String replaces, String reason)
      throws InterruptedException {
    long end = end();
    Map<String, Object> conf = new LinkedHashMap<>();
    version.ifPresent(id -> conf.put("version", id));
    conf.put("replaces", replaces);
    conf.put("reason", reason);
    conf.put("by", request.by());
    String dag = before(end, () -> dag(request.model(), ROLLBACK));
    return await(dag, start(request, dag, null, conf, end), end);
  }

  /** The run once it has ended well, or when the answer must be there. */
  private Started await(String dag, Started started, long end) throws InterruptedException {
    String run = dags(dag) + "/dagRuns/" + AirflowApi.segment(started.runId());
    while (until(end).isPositive()) {
      String state = AirflowApi.within(() -> until(end), () -> state(run));
      if (state.equals("failed")) {
        throw new Refusal(
            422,
            "The run %s of %s failed; %s says why.".formatted(started.runId(), dag, started.url()));
      }
      if (state.equals("success")) {
        return new Started(started.runId(), started.url(), true, null);
      }
      Thread.sleep(BETWEEN_LOOKS_MILLIS);
    }
    return started;
  }

  /** The state of a run; empty while Airflow does not tell it, for the run goes on all the same. */
  private String state(String run) throws InterruptedException {
    try {
      return api.get(run).path("state").asString("");
    } catch (Refusal noAnswer) {
      return "";
    }
  }

  @Override
  public List<Job> jobs(String model) throws InterruptedException {
    List<Job> jobs = new ArrayList<>();
    for (JsonNode dag : dagsOf(model)) {
      boolean paused = dag.path("is_paused").asBoolean(false);
      String trigger = dag.path("timetable_description").asString("");
      jobs.add(
          new Job(
              id(dag),
              dag.path("description").asString(""),
              paused ? null : dag.path("next_dagrun_run_after").asString(null),
              trigger.isEmpty() ? "by hand" : trigger,
              paused,
              SCHEDULED.contains(stage(id(dag))),
              null));
    }
    return jobs;
  }

  /** All or none: what was switched before a failure is switched back. */
  @Override
  public void schedule(Changes.Request request, boolean on) throws InterruptedException {
    long end = end();
    List<JsonNode> dags = before(end, () -> dagsOf(request.model()));
    if (dags.stream().noneMatch(dag -> SCHEDULED.contains(stage(id(dag))))) {
      throw noDag(request.model(), SCHEDULED.getFirst());
    }
    List<String> other =
        dags.stream()
            .filter(dag -> dag.path("is_paused").asBoolean(false) == on)
            .map(AirflowLoops::id)
            .filter(id -> SCHEDULED.contains(stage(id)) || (!on && stage(id).equals(CHALLENGER)))
            .toList();
    for (int i = 0; i < other.size(); i++) {
      String dag = other.get(i);
      List<String> done = other.subList(0, i);
      try {
        before(end, () -> pause(dag, !on));
      } catch (Refusal failure) {
        throw AirflowApi.within(() -> until(end), () -> switchBack(done, dag, on, failure));
      }
    }
  }

  /**
   * Switches DAGs back.
   *
   * @param done those that were switched
   * @param tried the one whose call failed: if its answer was lost, it was switched, too
   * @return how the call is refused
   */
  private Refusal switchBack(List<String> done, String tried, boolean on, Refusal failure)
      throws InterruptedException {
    List<String> left = new ArrayList<>(done);
    left.add(tried);
    try {
      while (!left.isEmpty()) {
        pause(left.getFirst(), on);
        left.removeFirst();
      }
    } catch (Refusal again) {
      String state = on ? "unpaused" : "paused";
      String changed =
          left.stream()
              .map(dag -> dag + (dag.equals(tried) ? " may be " : " is ") + state)
              .collect(Collectors.joining(", "));
      return new Refusal(
          failure.status(),
          "%s Switching back failed, too: %s. Make the call again when Airflow answers."
              .formatted(failure.sentence(), changed));
    }
    return failure;
  }

  private JsonNode pause(String dag, boolean paused) throws InterruptedException {
    return api.required(
        api.call("PATCH", dags(dag) + "?update_mask=is_paused", Map.of("is_paused", paused)));
  }

  @Override
  public void close() {
    api.close();
  }

  /** Starts a run under the request's id, so that a call whose answer was lost can be looked up. */
  private Started start(
      Changes.Request request,
      String dag,
      @Nullable String partition,
      Map<String, Object> conf,
      long end)
      throws InterruptedException {
    if (before(end, () -> api.get(dags(dag))).path("is_paused").asBoolean(false)) {
      throw new Refusal(
          409,
          "The DAG %s is paused, so a run would wait; %s."
              .formatted(
                  dag,
                  SCHEDULED.contains(stage(dag))
                      ? "start it with POST /scheduler/start, or in Airflow"
                      : "unpause it in Airflow"));
    }
    if (partition != null) {
      Optional<JsonNode> same =
          before(end, () -> unfinished(dag))
              .filter(run -> runId(run).startsWith(Changes.RUN))
              .filter(run -> partition.equals(run.path("partition_key").asString("")))
              .findFirst();
      if (same.isPresent()) {
        return started(dag, runId(same.get()));
      }
    }
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("dag_run_id", request.id());
    run.put("logical_date", null);
    run.put("conf", conf);
    run.put("note", "Asked for by " + request.by() + " over the control API.");
    if (partition != null) {
      run.put("partition_key", partition);
    }
    try {
      AirflowApi.within(
          () -> until(end), () -> api.required(api.call("POST", dags(dag) + "/dagRuns", run)));
    } catch (Refusal failure) {
      if (!AirflowApi.within(
          () -> until(end).plus(FOR_LOOK), () -> hasStarted(dag, request.id()))) {
        throw failure;
      }
    }
    return started(dag, request.id());
  }

  private Started started(String dag, String run) {
    return new Started(
        run, api.page("/dags/%s/runs/%s".formatted(dag, AirflowApi.segment(run))), false, null);
  }

  /** The runs of a DAG that wait or work. */
  private Stream<JsonNode> unfinished(String dag) throws InterruptedException {
    return api.get(dags(dag) + "/dagRuns?state=running&state=queued&limit=100")
        .required("dag_runs")
        .valueStream();
  }

  private static String runId(JsonNode run) {
    return run.path("dag_run_id").asString("");
  }

  /** Whether a run is there although the answer that said so is lost. */
  private boolean hasStarted(String dag, String run) throws InterruptedException {
    try {
      return api.call("GET", dags(dag) + "/dagRuns/" + AirflowApi.segment(run), null).isSuccess();
    } catch (Refusal failure) {
      throw new Refusal(
          502,
          "%s It may have started the run %s of %s before; look for it when Airflow answers again."
              .formatted(failure.sentence(), run, dag));
    }
  }

  /** The id of the model's DAG of a stage: its loop is the only one, or its name follows a dot. */
  private String dag(String model, String stage) throws InterruptedException {
    return dagsOf(model).stream()
        .map(AirflowLoops::id)
        .filter(id -> stage(id).equals(stage))
        .findFirst()
        .orElseThrow(() -> noDag(model, stage));
  }

  private static Refusal noDag(String model, String stage) {
    return new Refusal(
        404,
        "Airflow has no DAG %s of the model '%s'; check that its loop file is in Airflow's folder."
            .formatted(stage, model));
  }

  /**
   * The DAGs of a model's loop, by id. Their tags do not suffice, because a loop may have the name
   * of a stage, such as {@code data}, which is a tag of every loop's DAGs.
   */
  private List<JsonNode> dagsOf(String model) throws InterruptedException {
    List<JsonNode> tagged = tagged(model);
    List<JsonNode> named = tagged.stream().filter(dag -> id(dag).endsWith("." + model)).toList();
    if (!named.isEmpty()) {
      return named;
    }
    List<JsonNode> primary = tagged.stream().filter(dag -> id(dag).indexOf('.') < 0).toList();
    // DAGs of several stages share nothing else; those of one stage share their loop's name, too.
    return List.of(PRODUCT, model).containsAll(sharedTags(primary)) ? primary : List.of();
  }

  private List<JsonNode> tagged(String model) throws InterruptedException {
    String path =
        "/dags?tags=%s&tags=%s&tags_match_mode=all&limit=100&order_by=dag_id&offset="
            .formatted(PRODUCT, AirflowApi.segment(model));
    List<JsonNode> dags = new ArrayList<>();
    JsonNode page;
    do {
      page = api.get(path + dags.size());
      page.required("dags").forEach(dags::add);
    } while (!page.path("dags").isEmpty() && dags.size() < page.path("total_entries").asInt(0));
    return dags;
  }

  private static Set<String> sharedTags(List<JsonNode> dags) {
    return dags.stream()
        .map(dag -> dag.path("tags").valueStream().map(tag -> tag.path("name").asString("")))
        .map(tags -> tags.collect(Collectors.toSet()))
        .reduce(
            (some, others) -> some.stream().filter(others::contains).collect(Collectors.toSet()))
        .orElse(Set.of());
  }

  private static String id(JsonNode dag) {
    return dag.required("dag_id").stringValue();
  }

  private static String stage(String dag) {
    int dot = dag.indexOf('.');
    return dot < 0 ? dag : dag.substring(0, dot);
  }

  private static String dags(String id) {
    return "/dags/" + AirflowApi.segment(id);
  }
}
