package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import retune.model.ChallengerTraffic;
import retune.model.ChallengerTraffic.Mode;
import retune.model.Champions;
import retune.runtime.NotReadyException;
import retune.runtime.store.DocumentStore;
import retune.testing.TestContext;

/** The metrics of the loops as Prometheus gets them. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class LoopMetricsTest {
  private static final RunningControl CONTROL = new RunningControl();
  private static final LocalDate FIRST = LocalDate.of(2026, 10, 27);
  private static final List<String> WRITTEN =
      List.of(
          "outcomes",
          "performance_metrics",
          "drift_reports",
          "verdicts",
          "attempts",
          "retraining_events");

  @AfterAll
  static void stop() {
    CONTROL.close();
  }

  @BeforeEach
  void clear() {
    CONTROL.clear();
    WRITTEN.forEach(
        name -> CONTROL.store().documents().collection(name).deleteMany(new Document()));
    CONTROL.pass(Metrics.FRESH);
  }

  @Test
  void aModelHasItsLastValueWithIntervalLimitAndCounts() throws Exception {
    String id = judged();

    String metrics = metrics();

    assertEquals(0.71, sample(metrics, "metric_value{metric=\"f1_macro\",model=\"credit\"}"));
    assertEquals(0.66, sample(metrics, "metric_limit{metric=\"f1_macro\",model=\"credit\"}"));
    double low = sample(metrics, "metric_low{metric=\"f1_macro\",model=\"credit\"}");
    double high = sample(metrics, "metric_high{metric=\"f1_macro\",model=\"credit\"}");
    assertTrue(0.6 < low && low < 0.71 && 0.71 < high && high < 0.8, low + " to " + high);
    assertEquals(
        1, sample(metrics, "last_outcome{model=\"credit\",status=\"failed_max_retries\"}"));
    assertFalse(metrics.contains("retune_loop_last_outcome{model=\"credit\",status=\"approved\"}"));
    assertEquals(
        1, sample(metrics, "evaluations_total{model=\"credit\",status=\"failed_max_retries\"}"));
    assertEquals(1, sample(metrics, "verdicts_total{model=\"credit\",status=\"rejected\"}"));
    assertEquals(2, sample(metrics, "attempts_total{model=\"credit\"}"));
    assertEquals(1, sample(metrics, "retrainings_total{model=\"credit\",status=\"deployed\"}"));
    assertEquals(0.25, sample(metrics, "drift_share{model=\"credit\"}"));
    assertEquals(1, sample(metrics, "drift_detected{model=\"credit\"}"));
    assertEquals(1, sample(metrics, "champion_info{model=\"credit\",model_id=\"" + id + "\"}"));
    assertEquals(1, sample(metrics, "open_alerts{model=\"credit\"}"), "no version passed");
    assertEquals(0, sample(metrics, "label_delay_days{model=\"credit\"}"));
    assertEquals(0.1, sample(metrics, "challenger_fraction{mode=\"canary\",model=\"credit\"}"));
  }

  @Test
  void labelsThatComeLateAreADelayAndNoValue() throws Exception {
    String id = judged();
    outcome("credit", id, 5, "undecided", Double.NaN);

    String metrics = metrics();

    assertEquals(4, sample(metrics, "label_delay_days{model=\"credit\"}"));
    assertEquals(
        0.71,
        sample(metrics, "metric_value{metric=\"f1_macro\",model=\"credit\"}"),
        "that of the last day with labels");
  }

  @Test
  void theAgeOfTheLastEvaluationGrows() throws Exception {
    judged();
    assertTrue(sample(metrics(), "days_since_evaluation{model=\"credit\"}") < 1);

    CONTROL.pass(Duration.ofDays(2));

    double days = sample(metrics(), "days_since_evaluation{model=\"credit\"}");
    assertTrue(days >= 2 && days < 3, "days: " + days);
  }

  @Test
  void scrapesShareOneReadingUntilItIsOld() throws Exception {
    judged();
    assertEquals(2, sample(metrics(), "attempts_total{model=\"credit\"}"));
    write("attempts", "credit/2026-10-29/run/1", new Document());

    assertEquals(2, sample(metrics(), "attempts_total{model=\"credit\"}"), "it is fresh");

    CONTROL.pass(Metrics.FRESH);
    assertEquals(3, sample(metrics(), "attempts_total{model=\"credit\"}"));
  }

  @Test
  void whileTheLoopsAreReadTheReadingBeforeIsToldForTwoMinutes() throws Exception {
    judged();
    MovableClock clock = new MovableClock(TestContext.NOW);
    AtomicReference<Supplier<DocumentStore>> source =
        new AtomicReference<>(CONTROL.store()::documents);
    Metrics metrics = metrics(clock, source);
    awaitStoreUp(metrics, 1);
    CountDownLatch end = new CountDownLatch(1);
    source.set(() -> storeAfter(end));
    clock.pass(Metrics.USABLE);

    String told = text(metrics);
    assertEquals(1, control(told, "store_up"), "a slow store is not down");
    assertEquals(2, sample(told, "attempts_total{model=\"credit\"}"));
    assertEquals(
        (double) TestContext.NOW.getEpochSecond(),
        control(told, "loops_read_timestamp_seconds"),
        told);

    clock.pass(Duration.ofSeconds(1));
    String tooOld = text(metrics);
    assertEquals(0, control(tooOld, "store_up"), "the reading before is too old");
    assertFalse(tooOld.contains("retune_loop_"), tooOld);

    end.countDown();
    awaitStoreUp(metrics, 1);
  }

  @Test
  void afterAReadingThatFailedNothingOlderIsTold() throws Exception {
    judged();
    MovableClock clock = new MovableClock(TestContext.NOW);
    AtomicReference<Supplier<DocumentStore>> source =
        new AtomicReference<>(CONTROL.store()::documents);
    Metrics metrics = metrics(clock, source);
    awaitStoreUp(metrics, 1);
    source.set(
        () -> {
          throw new NotReadyException("The store does not answer.");
        });
    clock.pass(Metrics.FRESH);
    awaitStoreUp(metrics, 0);

    CountDownLatch end = new CountDownLatch(1);
    source.set(() -> storeAfter(end));
    assertEquals(0, control(text(metrics), "store_up"), "it is not known that the store is back");

    end.countDown();
    awaitStoreUp(metrics, 1);
  }

  /** A store that is away is noticed after longer than a scrape waits. */
  @Test
  void whyAReadingFailedIsLoggedAlsoWhereNoScrapeWaitsForIt() throws Exception {
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Logger logger = Logger.getLogger(Metrics.class.getName());
    Handler handler = handler(lines);
    logger.setLevel(Level.WARNING);
    logger.setUseParentHandlers(false);
    logger.addHandler(handler);
    try {
      CountDownLatch end = new CountDownLatch(1);
      Metrics metrics =
          metrics(
              new MovableClock(TestContext.NOW),
              new AtomicReference<>(
                  () -> {
                    storeAfter(end);
                    throw new NotReadyException("The store does not answer.");
                  }));
      assertEquals(0, control(text(metrics), "store_up"));

      end.countDown();

      String line = lines.take();
      assertTrue(line.endsWith("The store does not answer."), line);
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
      logger.setLevel(null);
    }
  }

  private static Handler handler(BlockingQueue<String> lines) {
    return new Handler() {
      @Override
      public void publish(LogRecord line) {
        lines.add(new SimpleFormatter().formatMessage(line));
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
  }

  @Test
  void aModelBeforeItsFirstDayHasItsVersionAlone() throws Exception {
    CONTROL.register("credit");

    String metrics = metrics();

    assertTrue(metrics.contains("retune_loop_champion_info{model=\"credit\""), metrics);
    assertFalse(metrics.contains("retune_loop_metric_value"), metrics);
    assertEquals(1, control(metrics, "store_up"));
  }

  @Test
  void pathsThatCallersMakeUpAddNoSeries() throws Exception {
    CONTROL.get("/nowhere-1");
    CONTROL.get("/nowhere-2");
    CONTROL.get("/models/made-up");

    String metrics = metrics();

    assertFalse(metrics.contains("nowhere") || metrics.contains("made-up"), metrics);
    assertTrue(
        metrics.contains("requests_total{path=\"/models/{model}\",status=\"404\"}"), metrics);
  }

  /** The chart's alerts and dashboard use only the metrics of that file. */
  @Test
  void theMetricsOfTheChartExist() throws Exception {
    judged();
    metrics();
    List<String> samples = metrics().lines().toList();
    for (String line : Files.readAllLines(Path.of("../../charts/tests/loop-metrics.txt"))) {
      List<String> words = List.of(line.split(" ", -1));
      Set<String> labels = new TreeSet<>(words.subList(1, words.size()));
      assertTrue(
          samples.stream()
              .filter(
                  sample -> sample.startsWith(words.getFirst() + (labels.isEmpty() ? " " : "{")))
              .anyMatch(sample -> labels.equals(labelsOf(sample))),
          line);
    }
  }

  @Test
  void theReferenceListsTheMetrics() throws Exception {
    judged();
    String reference = Files.readString(Path.of("../../docs/reference/control.md"));
    Set<String> named =
        Pattern.compile("`(retune_(loop|control)_\\w+)`")
            .matcher(reference)
            .results()
            .map(name -> name.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    metrics();

    Set<String> exported =
        metrics()
            .lines()
            .filter(line -> line.startsWith("# TYPE retune_"))
            .map(line -> line.replaceAll("# TYPE (\\w+) .*", "$1"))
            .collect(Collectors.toCollection(TreeSet::new));

    assertEquals(exported, named);
  }

  /** A model with two days: an approved one, and a broken one with two attempts and drift. */
  private static String judged() {
    String id = CONTROL.register("credit");
    Champions champions = new Champions(CONTROL.store().documents());
    champions.markDeployed(champions.get("credit"), TestContext.NOW);
    ChallengerTraffic traffic =
        new ChallengerTraffic(
            1, id, Mode.CANARY, 0.1, TestContext.NOW.toString(), "ann", "a test", "task");
    CONTROL
        .store()
        .documents()
        .collection("champions")
        .updateOne(Filters.eq("credit"), Updates.set("challenger", traffic.toDocument()));
    outcome("credit", id, 0, "approved", 0.7);
    outcome("credit", id, 1, "failed_max_retries", 0.7);
    write(
        "performance_metrics",
        id + "/1/test",
        new Document("model_id", id)
            .append("dataset_name", "test")
            .append("data_path", "credit/" + FIRST.plusDays(1))
            .append("positive", 1)
            .append(
                "metrics",
                new Document("f1_macro", 0.71)
                    .append("confusion_matrix", List.of(List.of(700, 100), List.of(100, 100)))));
    write(
        "drift_reports",
        "credit/%s/run/%s".formatted(FIRST.plusDays(1), id),
        new Document("logical_date", FIRST.plusDays(1).toString())
            .append("overall_drift_detected", true)
            .append(
                "feature_drift", new Document("total_features", 4).append("drifted_features", 1)));
    write("attempts", "credit/2026-10-28/run/1", new Document());
    write("attempts", "credit/2026-10-28/run/2", new Document());
    write("verdicts", "credit/2026-10-28/run/1", new Document("status", "rejected"));
    write("retraining_events", "credit/forced-1/deployed", new Document("status", "deployed"));
    return id;
  }

  private static void outcome(String model, String id, int day, String status, double value) {
    String date = FIRST.plusDays(day).toString();
    write(
        "outcomes",
        "%s/%s/1".formatted(model, date),
        new Document("logical_date", date)
            .append("revision", 1)
            .append("status", status)
            .append("champion_id", id)
            .append("model_id", id)
            .append("run_id", "run")
            .append("message", "It is as it is.")
            .append(
                "retraining_info",
                new Document("metric", "f1_macro")
                    .append("champion_value", value)
                    .append("threshold", 0.66)));
  }

  private static void write(String collection, String id, Document document) {
    CONTROL.store().documents().events().record(collection, id, document);
  }

  /** Metrics of a store that this source gives; a scrape hardly waits for a reading. */
  private static Metrics metrics(
      MovableClock clock, AtomicReference<Supplier<DocumentStore>> source) {
    TestContext context = CONTROL.store().context();
    return new Metrics(
        new TestContext(
            context.run(),
            clock,
            context.settings(),
            () -> Objects.requireNonNull(source.get()).get()),
        Duration.ofMillis(1));
  }

  private static DocumentStore storeAfter(CountDownLatch end) {
    try {
      end.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return CONTROL.store().documents();
  }

  private static void awaitStoreUp(Metrics metrics, int value)
      throws IOException, InterruptedException {
    while (control(text(metrics), "store_up") != value) {
      Thread.sleep(5);
    }
  }

  private static String text(Metrics metrics) throws IOException {
    return new String(metrics.text(), UTF_8);
  }

  private static String metrics() throws Exception {
    var response = CONTROL.get("/metrics");
    assertEquals(200, response.statusCode(), response.body());
    assertTrue(
        response.headers().firstValue("Content-Type").orElse("").startsWith("text/plain"),
        "Prometheus' text format");
    return response.body();
  }

  private static double sample(String metrics, String name) {
    return exactly(metrics, "retune_loop_" + name);
  }

  private static double control(String metrics, String name) {
    return exactly(metrics, "retune_control_" + name);
  }

  private static double exactly(String metrics, String name) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError(name + " is not in\n" + metrics));
  }

  private static Set<String> labelsOf(String sample) {
    return Pattern.compile("[{,](\\w+)=\"")
        .matcher(sample)
        .results()
        .map(label -> label.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
