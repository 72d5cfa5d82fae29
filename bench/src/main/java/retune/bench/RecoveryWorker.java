package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.data.Features;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.devstore.EmbeddedStore;
import retune.judgement.MeasuredVersion;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs days of a loop on which the data has drifted, and measures what each candidate and the
 * loop's choice recover: on fresh rows of the same drift, and on ordinary rows.
 *
 * <p>It reads requests, a line each, and answers each with a line of JSON:
 *
 * <ul>
 *   <li>{@code drift LOOP DRILL STRENGTH} takes two ordinary days and generates the rows to measure
 *       on, which it writes to {@code fresh.bin} and {@code ordinary.bin}; what it has made once it
 *       finds again;
 *   <li>{@code day ROWS SEED STRATEGY …} repeats the drifted day until the loop is no longer
 *       undecided, trains each strategy on that day, and writes its rows to {@code training.bin}
 *       and {@code validation.bin}; then repeats it while a challenger waits for more rows.
 * </ul>
 *
 * <p>The files have the processed columns and the label of each row, as little-endian float32.
 */
public final class RecoveryWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private static final LocalDate FIRST = LocalDate.of(2026, 1, 1);
  private static final int ORDINARY_DAYS = 2;
  private static final int MOST_DAYS = 10;
  private static final int ROWS = 10_000;

  /** Most days on which a challenger that the first one left undecided is measured again. */
  private static final int LATER_DAYS = 3;

  /** Days between two seeds; a day's date is the seed of its rows. */
  private static final int APART = 20;

  private static final LocalDate FRESH = LocalDate.of(2027, 1, 1);
  private static final LocalDate ORDINARY = LocalDate.of(2027, 1, 2);

  /** A loop, and what happens to its data. */
  private record Drift(String loop, String drill, double strength) {
    /** The same loop on ordinary days. */
    Drift none() {
      return new Drift(loop, "none", 0);
    }

    String folder() {
      return "drift-%s-%s-%s".formatted(loop, drill, strength);
    }
  }

  private final Path folder;
  private final Path loops;
  private Drift drift = new Drift("", "", 0);

  private RecoveryWorker(Path folder, Path loops) {
    this.folder = folder;
    this.loops = loops;
  }

  /**
   * Answers requests until there are no more.
   *
   * @param words a folder, in which {@code store} is the data of an embedded store with the models
   *     and distributions of the loops; the folder with their loop files
   */
  public static void main(String[] words) throws Exception {
    RecoveryWorker worker = new RecoveryWorker(Path.of(words[0]), Path.of(words[1]));
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] request = line.split(" ");
      System.out.println(
          switch (request[0]) {
            case "drift" -> worker.prepare(request);
            case "day" -> worker.day(request);
            default -> throw new IllegalArgumentException(line);
          });
    }
  }

  private JsonNode prepare(String[] request) throws Exception {
    drift = new Drift(request[1], request[2], Double.parseDouble(request[3]));
    Path base = folder.resolve(drift.folder());
    if (!Files.exists(base)) {
      Path making = copy("store", "making");
      in(
          making,
          context -> {
            for (int day = 0; day < ORDINARY_DAYS; day++) {
              loop(context, FIRST.plusDays(day), ROWS, drift.none());
            }
            write(generate(context, FRESH, drift), making.resolve("fresh.bin"));
            write(generate(context, ORDINARY, drift.none()), making.resolve("ordinary.bin"));
            return Json.MAPPER.nullNode();
          });
      Files.move(making, base);
    }
    for (String rows : List.of("fresh.bin", "ordinary.bin")) {
      Files.copy(base.resolve(rows), folder.resolve(rows), StandardCopyOption.REPLACE_EXISTING);
    }
    long values = Files.size(folder.resolve("fresh.bin")) / Float.BYTES;
    return Json.MAPPER.createObjectNode().put("columns", values / ROWS - 1);
  }

  private JsonNode day(String[] request) throws Exception {
    int rows = Integer.parseInt(request[1]);
    LocalDate first = FIRST.plusDays(ORDINARY_DAYS + (long) APART * Integer.parseInt(request[2]));
    List<String> strategies = List.of(request).subList(3, request.length);
    return in(
        copy(drift.folder(), "day"),
        context -> {
          String champion = champion(context);
          ObjectNode answer = Json.MAPPER.createObjectNode();
          LocalDate date = first;
          double start = cpu();
          JsonNode ended = loop(context, date, rows, drift);
          for (int day = 1; isUndecided(ended) && day < MOST_DAYS; day++) {
            date = first.plusDays(day);
            start = cpu();
            ended = loop(context, date, rows, drift);
          }
          answer.put("loop_cpu", cpu() - start);
          answer.put("day", 1 + ChronoUnit.DAYS.between(first, date));
          answer.set("status", ended.get("status"));
          answer.set("message", ended.get("message"));
          String path = drift.loop + "/" + date;
          Map<String, Object> of = Map.of("model_id", champion, "data_path", path);
          context.step("prepare_retraining_data", of);
          Batch batch = Batch.load(context, path);
          DataSplit split = DataSplit.find(context, batch, null);
          write(batch, split.split().rows(Part.TRAINING), folder.resolve("training.bin"));
          write(batch, split.split().rows(Part.VALIDATION), folder.resolve("validation.bin"));
          List<Measured> before = measured(context, champion);
          measure(context, answer, "champion", champion, before);
          for (String strategy : strategies) {
            Map<String, Object> training = new LinkedHashMap<>(of);
            training.put("strategy", strategy);
            training.put("metric", Metric.F1_MACRO.id());
            start = cpu();
            JsonNode trained = context.step("finetune_model", training);
            double taken = cpu() - start;
            measure(context, answer, strategy, trained.path("model_id").asString(champion), before);
            ((ObjectNode) answer.get(strategy))
                .put("cpu", taken)
                .put("registered", trained.path("model_id").isString())
                .set("validation", trained.path("validation_value"));
          }
          String chosen = champion(context);
          answer.put("promoted", !chosen.equals(champion));
          measure(context, answer, "loop", chosen, before);
          int later = 0;
          while (later < LATER_DAYS && chosen.equals(champion) && hasChallenger(context)) {
            later++;
            loop(context, date.plusDays(later), rows, drift);
            chosen = champion(context);
          }
          answer.put("later_days", later).put("promoted_later", !chosen.equals(champion));
          measure(context, answer, "later", chosen, before);
          return answer;
        });
  }

  private interface Work {
    JsonNode in(BenchContext context) throws Exception;
  }

  private JsonNode in(Path data, Work work) throws Exception {
    try (EmbeddedStore server = EmbeddedStore.start(EmbeddedStore.Settings.of(data));
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(30), Clock.systemUTC())) {
      Settings settings =
          new Settings(Map.of("RETUNE_DEPLOYMENT_DIR", data.resolve("deployment").toString()));
      return work.in(
          new BenchContext(
              new RunIdentity("recovery", "recovery", "recovery", 1),
              store,
              settings,
              Clock.systemUTC()));
    }
  }

  private JsonNode loop(BenchContext context, LocalDate date, int rows, Drift with)
      throws Exception {
    return context.step(
        "run_loop",
        Map.of(
            "name",
            with.loop,
            "date",
            date.toString(),
            "loops",
            loops.toString(),
            "rows",
            rows,
            "drill",
            with.drill,
            "drill_strength",
            with.strength));
  }

  private String champion(BenchContext context) {
    return new Champions(context.store()).get(drift.loop).modelId();
  }

  private boolean hasChallenger(BenchContext context) {
    return !new ModelStore(context.store()).challengers(drift.loop).isEmpty();
  }

  private static boolean isUndecided(JsonNode ended) {
    return ended.get("status").stringValue().equals("undecided");
  }

  private static Batch generate(BenchContext context, LocalDate date, Drift with) throws Exception {
    Map<String, Object> day = Map.of("model", with.loop, "logical_date", date.toString());
    Map<String, Object> rows = new LinkedHashMap<>(day);
    rows.putAll(Map.of("rows", ROWS, "drill", with.drill, "drill_strength", with.strength));
    rows.put("row_documents_up_to", 0);
    context.step("generate_data", rows);
    context.step("process_data", day);
    return Batch.load(context, with.loop + "/" + date);
  }

  /** A version's answers to the rows of a day that is measured on. */
  private record Measured(String rows, Predictions answers) {}

  private List<Measured> measured(BenchContext context, String modelId) {
    return Stream.of(FRESH, ORDINARY)
        .map(
            date -> {
              Batch batch = Batch.load(context, drift.loop + "/" + date);
              int[] rows = IntStream.range(0, batch.features().rows()).toArray();
              return new Measured(
                  date.equals(FRESH) ? "fresh" : "ordinary",
                  MeasuredVersion.ofRows(context, modelId, batch, rows).predictions());
            })
        .toList();
  }

  /** Adds a version's macro F1, and the rows that it answers otherwise than the champion. */
  private void measure(
      BenchContext context,
      ObjectNode answer,
      String name,
      String modelId,
      List<Measured> champion) {
    ObjectNode values = answer.putObject(name);
    List<Measured> version = measured(context, modelId);
    for (int i = 0; i < champion.size(); i++) {
      Predictions before = champion.get(i).answers;
      Predictions now = version.get(i).answers;
      values.put(version.get(i).rows, Metric.F1_MACRO.of(now));
      values.put(
          "flips_" + version.get(i).rows,
          IntStream.range(0, now.rows())
              .filter(row -> now.answer(row) != before.answer(row))
              .count());
    }
  }

  private static void write(Batch batch, Path file) {
    write(batch, IntStream.range(0, batch.features().rows()).toArray(), file);
  }

  private static void write(Batch batch, int[] rows, Path file) {
    Features features = batch.features();
    int columns = features.codes().length + features.numbers().length + 1;
    ByteBuffer bytes =
        ByteBuffer.allocate(rows.length * columns * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int row : rows) {
      for (int[] codes : features.codes()) {
        bytes.putFloat(codes[row]);
      }
      for (float[] numbers : features.numbers()) {
        bytes.putFloat(numbers[row]);
      }
      bytes.putFloat(batch.rows().labels()[row]);
    }
    try {
      Files.write(file, bytes.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Copies a store's data. */
  private Path copy(String from, String to) throws IOException {
    Path source = folder.resolve(from);
    Path target = folder.resolve(to);
    if (Files.exists(target)) {
      try (Stream<Path> old = Files.walk(target)) {
        for (Path path : old.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
    try (Stream<Path> paths = Files.walk(source)) {
      for (Path path : paths.toList()) {
        Files.copy(path, target.resolve(source.relativize(path).toString()));
      }
    }
    return target;
  }

  private static double cpu() {
    return SYSTEM.getProcessCpuTime() / 1e9;
  }
}
