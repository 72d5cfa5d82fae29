package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.runtime.Json;
import retune.runtime.Settings;
import retune.runtime.http.Refusal;
import tools.jackson.databind.JsonNode;

/**
 * An Airflow that fails in the middle of a call or ends a session, which a real one does not do
 * when a test needs it; calls of a real one are in airflow/tests.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class AirflowLoopsTest {
  private static final Changes.Request REQUEST = request("credit");

  /** What becomes of a call. */
  enum Fate {
    DONE,
    REFUSED,
    CUT_OFF,
    /** Done, and the answer never comes. */
    HANGS,
    /** Done, and of the answer only the beginning comes. */
    STALLS
  }

  /** What this service asks Airflow. */
  private enum Request {
    LOGIN,
    DAGS,
    DAG,
    RUNS,
    START,
    LOOK;

    static Request of(HttpExchange exchange) {
      String path = exchange.getRequestURI().getPath();
      boolean isPost = exchange.getRequestMethod().equals("POST");
      if (path.equals("/auth/token")) {
        return LOGIN;
      }
      if (path.endsWith("/dagRuns")) {
        return isPost ? START : RUNS;
      }
      if (path.contains("/dagRuns/")) {
        return LOOK;
      }
      return path.endsWith("/dags") ? DAGS : DAG;
    }
  }

  /** The badge at the head of a page's schedule. */
  private static final Pattern STATE =
      Pattern.compile(
          "<h2>Schedule</h2>\n<p><span[^>]*>(?:<span[^>]*>[^<]*</span>)? ([^<]+)</span>");

  private final CountDownLatch end = new CountDownLatch(1);
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  /** Of the calls that switch a DAG. */
  private final Deque<Fate> fates = new ConcurrentLinkedDeque<>();

  /** Of the looks at a run. */
  private final Deque<Fate> looks = new ConcurrentLinkedDeque<>();

  private final Deque<Integer> statuses = new ArrayDeque<>();
  private final Map<String, Boolean> paused = Collections.synchronizedMap(new TreeMap<>());
  private final List<String> logins = Collections.synchronizedList(new ArrayList<>());
  private final Deque<String> started = new ConcurrentLinkedDeque<>();
  private final Deque<JsonNode> confs = new ConcurrentLinkedDeque<>();

  /** The runs that have not ended. */
  private final List<Map<String, String>> unfinished = new CopyOnWriteArrayList<>();

  private volatile String state = "success";

  /** The loop whose DAGs have no loop's name in their ids. */
  private volatile String primary = "credit";

  private HttpServer airflow;
  private AirflowLoops loops;

  /** The time of the service, which passes only in requests that take some. */
  private final AtomicLong nanos = new AtomicLong();

  private final Map<Request, Duration> took =
      Collections.synchronizedMap(new EnumMap<>(Request.class));

  /** What is never answered. */
  private volatile @Nullable Request hanging;

  @BeforeEach
  void start() throws IOException {
    paused.putAll(
        Map.of(
            "challenger_pipeline", false,
            "data_pipeline", false,
            "label_pipeline", true,
            "model_deployment_pipeline", false,
            "model_retraining", false,
            "model_rollback", false));
    airflow = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    airflow.setExecutor(threads);
    airflow.createContext("/", this::answer);
    airflow.start();
    loops = loops();
  }

  private AirflowLoops loops() {
    return new AirflowLoops(AirflowApi.of(new Settings(settings()), this::timeOut), nanos::get);
  }

  /** Short for the call that is never answered, and long for all that are. */
  private Duration timeOut() {
    Fate next = fates.peekFirst();
    return next == Fate.HANGS || next == Fate.STALLS
        ? Duration.ofSeconds(1)
        : Duration.ofMinutes(1);
  }

  private Map<String, String> settings() {
    return Map.of(
        "RETUNE_AIRFLOW_URL",
        "http://127.0.0.1:" + airflow.getAddress().getPort(),
        "RETUNE_AIRFLOW_USER",
        "control",
        "RETUNE_AIRFLOW_PASSWORD",
        "secret");
  }

  @AfterEach
  void stop() {
    loops.close();
    end.countDown();
    airflow.stop(0);
    threads.close();
  }

  @Test
  void aStopPausesWhatTimeStartsAndAStartLeavesTheChallengersDagPaused() throws Exception {
    loops.schedule(REQUEST, false);
    assertEquals("challenger_pipeline data_pipeline label_pipeline model_retraining", pausedDags());

    loops.schedule(REQUEST, true);
    assertEquals("challenger_pipeline", pausedDags());
  }

  /** Tags are the project's, the loop's and the stage's, so a stop by tags would pause them all. */
  @Test
  void aLoopWithTheNameOfAStageHasOnlyItsOwnDags() throws Exception {
    List.copyOf(paused.keySet()).forEach(dag -> paused.put(dag + ".data", false));
    paused.replaceAll((_, _) -> false);

    loops.schedule(request("data"), false);

    assertEquals(
        "challenger_pipeline.data data_pipeline.data label_pipeline.data model_retraining.data",
        pausedDags());
    loops.deploy(request("data"), "2026-11-05");
    assertEquals(List.of("model_deployment_pipeline.data"), List.copyOf(started));
    assertEquals(6, loops.jobs("credit").size());
  }

  @Test
  void thePrimaryLoopMayHaveTheNameOfAStage() throws Exception {
    primary = "data";
    assertEquals(6, loops.jobs("data").size());
    primary = "retune";
    assertEquals(6, loops.jobs("retune").size());
  }

  @Test
  void aModelWithoutALoopHasNoDagsOfTheStageWithItsName() {
    for (String model : List.of("data", "evaluation", "deployment", "retraining", "retune")) {
      Refusal refusal =
          assertThrows(Refusal.class, () -> loops.retrain(request(model), false), model);
      assertEquals(404, refusal.status());
    }
    assertEquals(List.of(), List.copyOf(started));
  }

  @Test
  void allPagesOfTheDagsAreRead() throws Exception {
    paused.clear();
    for (int i = 0; i < 120; i++) {
      paused.put("data_pipeline.loop-" + i, false);
    }
    paused.put("model_deployment_pipeline.data", false);

    loops.deploy(request("data"), "2026-11-05");

    assertEquals(List.of("model_deployment_pipeline.data"), List.copyOf(started));
  }

  private static Changes.Request request(String model) {
    return new Changes.Request("call", model, "ops", Json.MAPPER.createObjectNode());
  }

  @Test
  void ofPauseAndResumeThePageHasThoseThatChangeSomething() throws Exception {
    Path tokens = RunningControl.tokenFile("ops 0123456789abcdefghijklmnop\n");
    try (RunningControl control = new RunningControl(settings(), null, tokens)) {
      paused.replaceAll((_, _) -> false);
      assertEquals("pause: on", offered(control, "all-run"));
      paused.put("challenger_pipeline", true);
      assertEquals("pause: on", offered(control, "no-challenger"));
      paused.put("label_pipeline", true);
      assertEquals("pause resume: partly paused", offered(control, "half-failed-start"));
      loops.schedule(request(primary), false);
      assertEquals("resume: nothing runs by itself", offered(control, "stopped"));
      paused.put("challenger_pipeline", false);
      assertEquals("pause resume: partly paused", offered(control, "only-challenger"));
    } finally {
      Files.delete(tokens);
    }
  }

  /** The buttons on the page of a model of which no page remembers anything, and the state. */
  private String offered(RunningControl control, String model) throws Exception {
    primary = model;
    control.register(model);
    String page = page(control, model);
    Matcher state = STATE.matcher(page);
    assertTrue(state.find(), page);
    return Stream.of("pause", "resume")
            .filter(button -> page.contains("/actions/" + button))
            .collect(Collectors.joining(" "))
        + ": "
        + state.group(1);
  }

  /** The page once it has Airflow's answer, for which it does not wait long. */
  private static String page(RunningControl control, String model) throws Exception {
    String page = control.get("/models/" + model).body();
    while (page.contains("It is not known yet.")) {
      page = control.get("/models/" + model).body();
    }
    return page;
  }

  @Test
  void whatWasSwitchedBeforeAFailureIsSwitchedBack() {
    fates.addAll(List.of(Fate.DONE, Fate.DONE, Fate.REFUSED));

    assertEquals("Airflow at AIRFLOW answered 500: broken", refusal());

    assertEquals("label_pipeline", pausedDags());
  }

  @Test
  void whatCannotBeSwitchedBackIsNamed() {
    fates.addAll(List.of(Fate.DONE, Fate.DONE, Fate.CUT_OFF, Fate.DONE, Fate.CUT_OFF));

    assertEquals(
        "Airflow at AIRFLOW does not answer (IOException); check that it runs, and"
            + " RETUNE_AIRFLOW_URL. Switching back failed, too: data_pipeline is paused,"
            + " model_retraining may be paused. Make the call again when Airflow answers.",
        refusal());

    assertEquals("data_pipeline label_pipeline", pausedDags());
  }

  @ParameterizedTest
  @EnumSource(names = {"HANGS", "STALLS"})
  void anAirflowThatHangsMayHaveSwitchedTheLastOne(Fate fate) {
    fates.addAll(List.of(Fate.DONE, fate, Fate.CUT_OFF));

    assertEquals(
        "Airflow at AIRFLOW does not answer (no whole answer within 1 s); check that it runs, and"
            + " RETUNE_AIRFLOW_URL. Switching back failed, too: challenger_pipeline is paused,"
            + " data_pipeline may be paused. Make the call again when Airflow answers.",
        refusal());
  }

  @Test
  void anExpiredTokenIsReplacedByANewLogin() throws Exception {
    loops.jobs("credit");
    statuses.add(401);

    assertEquals(6, loops.jobs("credit").size());

    String login = "{\"username\":\"control\",\"password\":\"secret\"}";
    assertEquals(
        List.of(Json.MAPPER.readTree(login), Json.MAPPER.readTree(login)),
        logins.stream().map(Json.MAPPER::readTree).toList());
  }

  @Test
  void whatAirflowDoesNotPermitIsSaid() {
    statuses.addAll(List.of(401, 401));
    assertEquals(
        "Airflow at AIRFLOW refused this service (401); check RETUNE_AIRFLOW_USER and the user's"
            + " roles.",
        refusal());
    statuses.add(403);
    assertEquals(
        "Airflow at AIRFLOW refused this service (403); check RETUNE_AIRFLOW_USER and the user's"
            + " roles.",
        refusal());
  }

  @Test
  void aRunThatFailsIsRefusedWithItsPage() {
    state = "failed";
    String page = "http://AIRFLOW/dags/%1$s/runs/call says why.";
    for (Executable call :
        List.<Executable>of(
            () -> loops.deployAndWait(REQUEST, "2026-11-05"),
            () -> loops.rollBack(REQUEST, Optional.empty(), "second", "slow"))) {
      Refusal refusal = assertThrows(Refusal.class, call);
      String dag = started.removeFirst();
      assertEquals(422, refusal.status());
      assertEquals(("The run call of %1$s failed; " + page).formatted(dag), sentence(refusal));
    }
  }

  @Test
  void aRunThatSucceedsIsDone() throws Exception {
    assertTrue(loops.deployAndWait(REQUEST, "2026-11-05").isDone());
    assertTrue(loops.rollBack(REQUEST, Optional.empty(), "second", "slow").isDone());
    assertEquals(List.of("model_deployment_pipeline", "model_rollback"), List.copyOf(started));
    assertEquals(
        Json.MAPPER.readTree("{\"replaces\": \"second\", \"reason\": \"slow\", \"by\": \"ops\"}"),
        confs.getLast());
  }

  @Test
  void aLookAtARunThatFailsIsMadeAgain() throws Exception {
    looks.add(Fate.REFUSED);
    assertTrue(loops.rollBack(REQUEST, Optional.empty(), "second", "slow").isDone());

    looks.add(Fate.REFUSED);
    state = "failed";
    Refusal refusal = assertThrows(Refusal.class, () -> loops.deployAndWait(REQUEST, "2026-11-05"));
    assertEquals(422, refusal.status());
  }

  @Test
  void aRunOfAPausedDagIsRefusedWithWhatUnpausesIt() {
    paused.replaceAll((_, _) -> true);

    assertEquals(
        "The DAG model_retraining is paused, so a run would wait; start it with POST"
            + " /scheduler/start, or in Airflow.",
        assertThrows(Refusal.class, () -> loops.retrain(REQUEST, false)).sentence());
    assertEquals(
        "The DAG model_deployment_pipeline is paused, so a run would wait; unpause it in Airflow.",
        assertThrows(Refusal.class, () -> loops.deploy(REQUEST, "2026-11-05")).sentence());
    assertEquals(List.of(), List.copyOf(started));
  }

  @Test
  void aDeploymentThatIsAskedForAgainWhileItRunsIsNotStartedTwice() throws Exception {
    unfinished.add(Map.of("dag_run_id", "control__other", "partition_key", "2026-11-04"));
    unfinished.add(Map.of("dag_run_id", "asset__same", "partition_key", "2026-11-05"));
    assertEquals("call", loops.deploy(REQUEST, "2026-11-05").runId());

    unfinished.add(Map.of("dag_run_id", "control__same", "partition_key", "2026-11-05"));
    LoopRuntime.Started run = loops.deploy(REQUEST, "2026-11-05");

    assertEquals("control__same", run.runId());
    assertTrue(String.valueOf(run.url()).endsWith("/runs/control__same"), run.toString());
    assertEquals(List.of("model_deployment_pipeline"), List.copyOf(started));
  }

  @Test
  void aRunWhoseEndIsNeverSeenHasStarted() throws Exception {
    looks.addAll(List.of(Fate.CUT_OFF, Fate.CUT_OFF));
    took.put(Request.LOOK, Duration.ofSeconds(30));

    LoopRuntime.Started run = loops.deployAndWait(REQUEST, "2026-11-05");

    assertFalse(run.isDone());
    assertEquals(List.of(), List.copyOf(looks), "it looked until the time was over");
    assertEquals("call", run.runId());
    assertEquals(
        settings().get("RETUNE_AIRFLOW_URL") + "/dags/model_deployment_pipeline/runs/call",
        run.url());
  }

  @Test
  void theTimeOfAnAnswerBeginsBeforeAirflowIsAsked() throws Exception {
    took.put(Request.START, Duration.ofSeconds(50));
    assertFalse(loops.deployAndWait(REQUEST, "2026-11-05").isDone());
    assertFalse(loops.rollBack(REQUEST, Optional.empty(), "second", "slow").isDone());
    assertEquals(List.of("model_deployment_pipeline", "model_rollback"), List.copyOf(started));
  }

  @Test
  void theLastLookAtARunEndsWithTheTimeOfTheAnswer() throws Exception {
    took.put(Request.START, Duration.ofMillis(49_900));
    took.put(Request.LOOK, Duration.ofSeconds(1));
    hanging = Request.LOOK;

    assertFalse(loops.rollBack(REQUEST, Optional.empty(), "second", "slow").isDone());
  }

  @Test
  void whatComesBeforeTheStartLeavesTimeForIt() {
    took.put(Request.LOGIN, Duration.ofMillis(34_900));
    hanging = Request.DAGS;
    for (Executable call :
        List.<Executable>of(
            () -> loops.retrain(REQUEST, false),
            () -> loops.deploy(REQUEST, "2026-11-05"),
            () -> loops.deployAndWait(REQUEST, "2026-11-05"),
            () -> loops.rollBack(REQUEST, Optional.empty(), "second", "slow"))) {
      loops.close();
      loops = loops();
      Refusal refusal = assertThrows(Refusal.class, call);
      assertEquals(
          "Airflow at AIRFLOW does not answer (no whole answer within 1 s); check that it runs,"
              + " and RETUNE_AIRFLOW_URL.",
          sentence(refusal));
    }
    assertEquals(List.of(), List.copyOf(started));
  }

  @Test
  void aStartWhoseAnswerDoesNotComeInTimeIsLookedUp() throws Exception {
    took.put(Request.DAG, Duration.ofMillis(49_900));
    took.put(Request.LOOK, Duration.ofSeconds(1));
    hanging = Request.START;

    LoopRuntime.Started run = loops.rollBack(REQUEST, Optional.empty(), "second", "slow");

    assertEquals("call", run.runId());
    assertFalse(run.isDone());
  }

  private String sentence(Refusal refusal) {
    return refusal.sentence().replace("127.0.0.1:" + airflow.getAddress().getPort(), "AIRFLOW");
  }

  private String refusal() {
    Refusal refusal = assertThrows(Refusal.class, () -> loops.schedule(REQUEST, false));
    assertEquals(502, refusal.status());
    return sentence(refusal);
  }

  private String pausedDags() {
    return paused.entrySet().stream()
        .filter(Map.Entry::getValue)
        .map(Map.Entry::getKey)
        .collect(Collectors.joining(" "));
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    Request request = Request.of(exchange);
    nanos.addAndGet(took.getOrDefault(request, Duration.ZERO).toNanos());
    if (request == hanging) {
      hang(exchange);
    } else if (path.equals("/auth/token")) {
      logins.add(body);
      send(exchange, 201, Map.of("access_token", "token"));
    } else if (!statuses.isEmpty()) {
      send(exchange, statuses.removeFirst(), Map.of("detail", "no"));
    } else if (path.endsWith("/dagRuns") && exchange.getRequestMethod().equals("GET")) {
      send(exchange, 200, Map.of("dag_runs", unfinished));
    } else if (path.endsWith("/dagRuns")) {
      started.add(path.split("/", -1)[4]);
      confs.add(Json.MAPPER.readTree(body).required("conf"));
      send(exchange, 200, Map.of());
    } else if (path.contains("/dagRuns/")) {
      answer(exchange, next(looks), Map.of("state", state));
    } else if (exchange.getRequestMethod().equals("GET") && path.endsWith("/dags")) {
      send(exchange, 200, dags(exchange.getRequestURI().getQuery()));
    } else if (exchange.getRequestMethod().equals("GET")) {
      String dag = path.substring(path.lastIndexOf('/') + 1);
      send(exchange, 200, dag(dag, paused.getOrDefault(dag, false)));
    } else {
      Fate fate = next(fates);
      if (fate == Fate.DONE || fate == Fate.HANGS || fate == Fate.STALLS) {
        paused.put(
            path.substring(path.lastIndexOf('/') + 1),
            Json.MAPPER.readTree(body).required("is_paused").booleanValue());
      }
      answer(exchange, fate, Map.of());
    }
  }

  private static Fate next(Deque<Fate> fates) {
    Fate next = fates.pollFirst();
    return next == null ? Fate.DONE : next;
  }

  private void answer(HttpExchange exchange, Fate fate, Map<String, ?> body) throws IOException {
    switch (fate) {
      case DONE -> send(exchange, 200, body);
      case REFUSED -> send(exchange, 500, Map.of("detail", "broken"));
      case CUT_OFF -> exchange.close();
      case HANGS -> hang(exchange);
      case STALLS -> {
        exchange.sendResponseHeaders(200, 2);
        exchange.getResponseBody().write('{');
        exchange.getResponseBody().flush();
        hang(exchange);
      }
    }
  }

  /** A page of the DAGs that have all tags of a query; of a path without a query, none. */
  private Map<String, Object> dags(@Nullable String query) {
    List<String> parts = query == null ? List.of() : List.of(query.split("&", -1));
    List<String> wanted =
        parts.stream()
            .filter(part -> part.startsWith("tags="))
            .map(part -> part.substring(5))
            .toList();
    List<Map<String, Object>> all =
        paused.entrySet().stream()
            .filter(dag -> tags(dag.getKey()).containsAll(wanted))
            .map(dag -> dag(dag.getKey(), dag.getValue()))
            .toList();
    int offset =
        parts.stream()
            .filter(part -> part.startsWith("offset="))
            .mapToInt(part -> Integer.parseInt(part.substring(7)))
            .findFirst()
            .orElse(0);
    return Map.of(
        "dags", all.stream().skip(offset).limit(100).toList(), "total_entries", all.size());
  }

  /** A DAG as Airflow describes it; a paused one has a next run, too, if time starts it. */
  private Map<String, Object> dag(String id, boolean isPaused) {
    Map<String, Object> dag =
        new TreeMap<>(
            Map.of(
                "dag_id",
                id,
                "is_paused",
                isPaused,
                "tags",
                tags(id).stream().map(tag -> Map.of("name", tag)).toList()));
    if (!id.equals("model_deployment_pipeline") && !id.equals("model_rollback")) {
      dag.put("next_dagrun_run_after", "2026-11-06T00:00:00Z");
    }
    return dag;
  }

  /** As in airflow/dags: the project's, the loop's, the stage's. */
  private Set<String> tags(String dag) {
    int dot = dag.indexOf('.');
    String stage =
        switch (dot < 0 ? dag : dag.substring(0, dot)) {
          case "data_pipeline", "label_pipeline" -> "data";
          case "challenger_pipeline" -> "evaluation";
          case "model_retraining" -> "retraining";
          default -> "deployment";
        };
    return new TreeSet<>(List.of("retune", dot < 0 ? primary : dag.substring(dot + 1), stage));
  }

  private void hang(HttpExchange exchange) {
    try {
      end.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    exchange.close();
  }

  private static void send(HttpExchange exchange, int status, Map<String, ?> body)
      throws IOException {
    byte[] bytes = Json.MAPPER.writeValueAsBytes(body);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }
}
