package retune.control;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.ExitCode;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Loops without Airflow: a call runs the same steps with {@code ./retune}, each in a process of its
 * own, one run of a model at a time. If this service stops, the step at work goes on to its end,
 * and no later one begins.
 */
final class ProcessLoops implements LoopRuntime {
  private static final Logger LOG = System.getLogger(ProcessLoops.class.getName());

  /**
   * Where the program is, if not in the project's folder; Airflow's process runtime reads it, too.
   */
  private static final String COMMAND = "RETUNE_COMMAND";

  /** What says what this service is itself. */
  private static final Set<String> NOT_FOR_STEPS =
      Set.of(
          "RETUNE_DAG_ID",
          "RETUNE_TASK_ID",
          "RETUNE_TRY_NUMBER",
          "RETUNE_RUN_URL",
          "RETUNE_STEP_IMAGE");

  /**
   * How long the answer of a deployment or a roll-back waits for its end. The server closes a
   * connection after 60 s.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(50);

  /** The longest run: a retraining's lease expires then. */
  private static final Duration LONGEST = Duration.ofHours(12);

  /**
   * A step that ended.
   *
   * @param sentence what it says of itself, or why it failed
   */
  record Ended(int exitCode, JsonNode result, String sentence) {
    private static Ended of(int exitCode, JsonNode result) {
      return new Ended(
          exitCode,
          result,
          exitCode == 0
              ? result.path("message").asString(result.path("reason").asString(""))
              : result.at("/error/message").asString("it ended with exit code " + exitCode));
    }

    boolean isSuccess() {
      return exitCode == 0;
    }
  }

  /**
   * What a run takes hold of. A roll-back does not wait for the end of a training: whatever moves
   * the champion's pointer does so by compare-and-set.
   */
  private record Slot(String model, boolean isRollBack) {}

  /** A run that deploys what the partition approved. */
  private record Deployment(String partition, String runId, CompletableFuture<Ended> end) {}

  private final StepContext context;
  private final Duration patience;
  private final String program;
  private final ProcessSchedule schedule;
  private final String service = UUID.randomUUID().toString().substring(0, 8);

  /** The runs of this service that have not ended. */
  private final Map<Slot, String> running = new ConcurrentHashMap<>();

  /** The last deployment of each model. */
  private final Map<String, Deployment> deployments = new ConcurrentHashMap<>();

  /**
   * Runs steps by a program.
   *
   * @throws InvalidInputException if it is not found
   */
  ProcessLoops(StepContext context) {
    this(context, PATIENCE);
  }

  /** The same, with another time that an answer waits. */
  ProcessLoops(StepContext context, Duration patience) {
    this.context = context;
    this.patience = patience;
    this.program =
        context
            .settings()
            .find(COMMAND)
            .or(
                () ->
                    context
                        .settings()
                        .find("RETUNE_HOME")
                        .map(home -> Path.of(home, "retune").toString()))
            .filter(file -> Files.isExecutable(Path.of(file)))
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "--runtime process needs the program ./retune; start the service with it, or set %s to its path."
                            .formatted(COMMAND)));
    this.schedule = new ProcessSchedule(context, this);
  }

  /** Begins to run what is due, until it is closed. */
  ProcessLoops keepingSchedules() {
    schedule.start();
    return this;
  }

  @Override
  public Started retrain(Changes.Request request, boolean force) {
    return inBackground(
        request,
        () ->
            step(
                request,
                "run_retraining",
                Map.of("name", request.model(), "request", force ? "forced" : "api")));
  }

  /** A run of the partition that has not ended is the one that is asked for. */
  @Override
  public Started deploy(Changes.Request request, String partition) {
    return new Started(deployment(request, partition).runId, null, false, null);
  }

  @Override
  public Started deployAndWait(Changes.Request request, String partition)
      throws InterruptedException {
    Deployment deployment = deployment(request, partition);
    return new Started(deployment.runId, null, await(deployment.end).isPresent(), null);
  }

  /** The deployment of a partition that runs; starts it if none does. */
  private Deployment deployment(Changes.Request request, String partition) {
    Slot slot = new Slot(request.model(), false);
    return deployments.compute(
        request.model(),
        (_, last) ->
            last != null && last.partition.equals(partition) && last.runId.equals(running.get(slot))
                ? last
                : new Deployment(
                    partition,
                    request.id(),
                    perform(request, slot, () -> deployed(request, partition))));
  }

  /**
   * What ended well; empty where a caller does not wait so long. It goes on then.
   *
   * @throws Refusal 422 if a step refuses it, 503 if a later try may succeed, 502 if none starts
   */
  private Optional<Ended> await(CompletableFuture<Ended> end) throws InterruptedException {
    try {
      Ended ended = end.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended.isSuccess()) {
        throw refusal(ended);
      }
      return Optional.of(ended);
    } catch (TimeoutException itGoesOn) {
      return Optional.empty();
    } catch (ExecutionException e) {
      throw new Refusal(502, failure(e.getCause()));
    }
  }

  private static Refusal refusal(Ended ended) {
    return new Refusal(ended.exitCode == ExitCode.INVALID.number() ? 422 : 503, ended.sentence);
  }

  private String failure(@Nullable Throwable cause) {
    return "%s failed: %s".formatted(program, cause == null ? "" : cause.getMessage());
  }

  private Ended deployed(Changes.Request request, String partition)
      throws IOException, InterruptedException {
    String model = request.model();
    boolean isDay = Character.isDigit(partition.charAt(0));
    String key = isDay ? "logical_date" : "retraining";
    Ended last = step(request, "wait_for_model_ready", Map.of("model", model, key, partition));
    String version = last.result.path("model_id").asString("");
    if (last.isSuccess() && !version.isEmpty()) {
      last = step(request, "validate_model", Map.of("model_id", version));
      if (last.isSuccess()) {
        last =
            step(
                request,
                "deploy_model",
                Map.of("model", model, key, partition, "model_id", version));
      }
      for (String next : List.of("verify_deployment", "notify_deployment_complete")) {
        if (last.isSuccess()) {
          last = step(request, next, Map.of("model", model, "model_id", version));
        }
      }
    }
    return last;
  }

  @Override
  public Started rollBack(
      Changes.Request request, Optional<String> version, String replaces, String reason)
      throws InterruptedException {
    Map<String, String> inputs = new LinkedHashMap<>();
    inputs.put("model", request.model());
    version.ifPresent(id -> inputs.put("to", id));
    inputs.put("replaces", replaces);
    inputs.put("reason", reason);
    inputs.put("by", request.by());
    Slot slot = new Slot(request.model(), true);
    Optional<Ended> ended = await(perform(request, slot, () -> rolledBack(request, inputs)));
    String back = ended.map(end -> end.result.required("model_id").stringValue()).orElse(null);
    return new Started(request.id(), null, ended.isPresent(), back);
  }

  /** How {@code rollback} ended, or why what it put back is not verified. */
  private Ended rolledBack(Changes.Request request, Map<String, String> inputs)
      throws IOException, InterruptedException {
    Ended back = step(request, "rollback", inputs);
    if (!back.isSuccess()) {
      return back;
    }
    String version = back.result.required("model_id").stringValue();
    Ended verified =
        step(request, "verify_deployment", Map.of("model", request.model(), "model_id", version));
    if (verified.isSuccess()) {
      return back;
    }
    // A check that failed says itself what is in production now.
    return verified.exitCode == ExitCode.INVALID.number()
        ? verified
        : new Ended(
            verified.exitCode,
            verified.result,
            "%s verify_deployment failed after that: %s"
                .formatted(back.sentence, verified.sentence));
  }

  @Override
  public List<Job> jobs(String model) {
    return schedule.jobs(model);
  }

  @Override
  public void schedule(Changes.Request request, boolean on) throws InterruptedException {
    schedule.turn(request, on);
  }

  /** Whether a run of the model, started by this service, has not ended. */
  boolean isRunning(String model) {
    return running.containsKey(new Slot(model, false));
  }

  /** Starts what is due by a schedule, as happens every few seconds. */
  void look() {
    schedule.look();
  }

  @Override
  public void close() {
    schedule.close();
  }

  /** Work that takes long. */
  interface Work {
    Ended perform() throws IOException, InterruptedException;
  }

  /**
   * Runs work of a model in the background.
   *
   * @throws Refusal 409 if the model has a run already
   */
  Started inBackground(Changes.Request request, Work work) {
    var _ = perform(request, new Slot(request.model(), false), work); // the end is recorded
    return new Started(request.id(), null, false, null);
  }

  /** The same; completes once the end is recorded and the next run may start. */
  private CompletableFuture<Ended> perform(Changes.Request request, Slot slot, Work work) {
    String other = running.putIfAbsent(slot, request.id());
    if (other != null) {
      throw new Refusal(409, "%s of %s runs; wait for its end.".formatted(other, request.model()));
    }
    CompletableFuture<Ended> end = new CompletableFuture<>();
    try {
      Optional<RunLease> lease =
          slot.isRollBack
              ? Optional.empty()
              : Optional.of(RunLease.take(context, request, service));
      Thread.ofVirtual()
          .name(request.id())
          .start(
              () -> {
                try {
                  Ended ended = perform(work, slot, lease);
                  record(request, ended.exitCode, ended.sentence);
                  end.complete(ended);
                } catch (IOException | RuntimeException | Error e) {
                  record(request, null, failure(e));
                  end.completeExceptionally(e);
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                  end.completeExceptionally(e);
                }
              });
    } catch (RuntimeException | Error e) {
      running.remove(slot); // else the model would have a run for ever
      throw e;
    }
    return end;
  }

  private Ended perform(Work work, Slot slot, Optional<RunLease> lease)
      throws IOException, InterruptedException {
    try {
      return work.perform();
    } finally {
      try {
        lease.ifPresent(RunLease::close);
      } finally {
        running.remove(slot);
      }
    }
  }

  /**
   * Keeps how a run ended. The schedule tries a run again under the same id, so the event's id has
   * the time of the end: each try keeps its own.
   *
   * @param exitCode null if a step did not start
   */
  private void record(Changes.Request request, @Nullable Integer exitCode, String message) {
    LOG.log(Level.INFO, "{0} ended: {1}", request.id(), message);
    String time = Times.text(context.clock().instant());
    Document end =
        new Document("event_type", "control_run_ended")
            .append("model", request.model())
            .append("by", request.by())
            .append("run_id", request.id())
            .append("message", message);
    if (exitCode != null) {
      end.append("exit_code", exitCode);
    }
    try {
      context
          .store()
          .events()
          .append(
              Changes.EVENTS, "%s/%s/ended/%s".formatted(request.model(), request.id(), time), end);
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "The end of {0} is not recorded: {1}", request.id(), e.getMessage());
    }
  }

  /** Runs a step in a process of its own, however long it takes; its log goes to this service's. */
  Ended step(Changes.Request request, String name, Map<String, ?> inputs)
      throws IOException, InterruptedException {
    return step(request, LONGEST, name, inputs);
  }

  /**
   * Runs a step whose end somebody waits for.
   *
   * @throws Refusal 502 if it does not start, 503 if it takes too long; it is ended then
   */
  Ended waitFor(Changes.Request request, String name, Map<String, ?> inputs)
      throws InterruptedException {
    try {
      return step(request, patience, name, inputs);
    } catch (IOException e) {
      throw new Refusal(502, "%s does not start: %s".formatted(program, e.getMessage()));
    }
  }

  private Ended step(Changes.Request request, Duration most, String name, Map<String, ?> inputs)
      throws IOException, InterruptedException {
    List<String> command =
        List.of(program, name, "--input", Json.MAPPER.writeValueAsString(new TreeMap<>(inputs)));
    Path result = Files.createTempFile("retune-", ".json");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(result.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT);
      Map<String, String> environment = builder.environment();
      environment.putAll(context.settings().environment());
      environment.keySet().removeAll(NOT_FOR_STEPS);
      environment.keySet().removeIf(variable -> variable.startsWith("RETUNE_AIRFLOW_"));
      environment.put("RETUNE_RUN_ID", request.id());
      environment.put("RETUNE_STARTED_BY", request.by());
      environment.put("RETUNE_PRINT", "json");
      if (request.id().equals(running.get(new Slot(request.model(), false)))) {
        environment.put(
            "RETUNE_RUN_LEASE", request.model() + " " + RunLease.holder(request, service));
      }
      Process process = builder.start();
      if (!process.waitFor(most.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroy();
        throw new Refusal(
            503, "%s took longer than %d s and was ended.".formatted(name, most.toSeconds()));
      }
      return Ended.of(process.exitValue(), json(Files.readString(result)));
    } finally {
      Files.delete(result);
    }
  }

  private static JsonNode json(String text) {
    try {
      JsonNode parsed = text.isBlank() ? null : Json.MAPPER.readTree(text);
      return parsed == null ? Json.MAPPER.createObjectNode() : parsed;
    } catch (JacksonException notJson) {
      return Json.MAPPER.createObjectNode();
    }
  }
}
