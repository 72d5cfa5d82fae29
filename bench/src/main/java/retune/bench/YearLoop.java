package retune.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.devstore.EmbeddedStore;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;

/**
 * A loop, in a store of its own: the steps of its days and of its retrainings run in this process,
 * one after the other, at a time of day that the year gives.
 */
final class YearLoop implements AutoCloseable {
  private static final LocalTime RUN_TIME = LocalTime.of(1, 0);

  /**
   * What new_loop does not write: a retraining where the model is harmful, of trees alone, on as
   * many days as the other policies' retrainings.
   */
  private static final String RETRAINING =
      """

      retraining: {triggers: [harm], candidates: [trees], window_days: %d}
      """
          .formatted(YearWorker.WINDOW);

  /** The time that the steps see: one in the morning of a day, and a second later at each look. */
  private static final class Time extends Clock {
    private Instant now = Instant.EPOCH;

    void set(LocalDate date) {
      now = date.atTime(RUN_TIME).toInstant(ZoneOffset.UTC);
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }

    @Override
    public Instant instant() {
      now = now.plusMillis(1);
      return now;
    }
  }

  /**
   * What a day did.
   *
   * @param retraining how the retraining of the day ended; null where none started
   */
  record Ran(String status, String message, @Nullable String retraining) {}

  private final String name;
  private final Path folder;
  private final Path days;
  private final Time time = new Time();
  private final EmbeddedStore server;
  private final DocumentStore store;
  private double threshold;

  /**
   * Opens the store.
   *
   * @param folder has the store's data in {@code store} and loop files in {@code loops}
   * @param days of the loop, each a CSV file while it is processed
   */
  YearLoop(String name, Path folder, Path days, LocalDate today) throws IOException {
    this.name = name;
    this.folder = folder;
    this.days = days;
    time.set(today);
    Files.createDirectories(folder.resolve("loops"));
    Files.createDirectories(days);
    server = EmbeddedStore.start(EmbeddedStore.Settings.of(folder.resolve("store")));
    store = DocumentStore.open(server.uri(), Duration.ofSeconds(30), time);
  }

  /** Makes the loop of a table, with boosted trees as the first model and as the only attempt. */
  void make(Path table, String target, @Nullable String positive) throws Exception {
    Map<String, Object> inputs = new LinkedHashMap<>();
    inputs.put("data", table.toString());
    inputs.put("target", target);
    if (positive != null) {
      inputs.put("positive", positive);
    }
    inputs.put("name", name);
    inputs.put("models", List.of("trees"));
    inputs.put("output", folder.resolve("made").toString());
    inputs.put("loops", folder.resolve("loops").toString());
    inputs.put("days", days + "/{date}.csv");
    step("new_loop", "new_loop", inputs);
    Path file = folder.resolve("loops").resolve(name + ".yaml");
    String made = Files.readString(file);
    String trees = made.replaceFirst("(?m)^attempts: .*$", "attempts: [trees]");
    if (trees.equals(made)) {
      throw new IllegalStateException("new_loop's file has no attempts: " + made);
    }
    Files.writeString(file, trees + RETRAINING);
  }

  ModelFolder.Content version(String modelId) {
    ModelStore models = new ModelStore(store);
    ModelVersion version = models.get(modelId);
    return new ModelFolder.Content(version, models.weights(version));
  }

  String champion() {
    return new Champions(store).get(name).modelId();
  }

  /**
   * Evaluates a day whose labels have arrived, and asks whether to retrain.
   *
   * @param today the day on which they arrive
   */
  Ran run(LocalDate today, LocalDate date, Table rows) throws Exception {
    time.set(today);
    YearRows.write(days.resolve(date + ".csv"), rows);
    String run = "day__" + date;
    JsonNode plan =
        step(
            "run_loop",
            run,
            Map.of(
                "name",
                name,
                "date",
                date.toString(),
                "loops",
                folder.resolve("loops").toString(),
                "plan",
                true));
    YearDay day =
        YearDay.run(
            plan,
            (dag, task, step, inputs) -> step(new RunIdentity(dag, run, task, 1), step, inputs));
    Files.delete(days.resolve(date + ".csv"));
    threshold = day.ofDay().required("check_model_performance").required("threshold").doubleValue();
    JsonNode ended = day.ofDay().required("send_evaluation_results");
    return new Ran(
        ended.required("status").stringValue(),
        ended.required("message").stringValue(),
        day.ofRetraining().path("compare_models").path("promotion_reason").asString(null));
  }

  double threshold() {
    return threshold;
  }

  private JsonNode step(String step, String run, Map<String, ?> inputs) throws Exception {
    return step(new RunIdentity("year", run, step, 1), step, inputs);
  }

  private JsonNode step(RunIdentity run, String step, Map<String, ?> inputs) throws Exception {
    return new BenchContext(run, store, new Settings(Map.of()), time).step(step, inputs);
  }

  @Override
  public void close() {
    store.close();
    server.close();
  }
}
