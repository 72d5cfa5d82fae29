package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.bench.YearScript.Day;
import retune.bench.YearScript.Population;
import retune.bench.YearScript.Stretch;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.DistributionLearner;
import retune.core.distribution.TableDistribution;
import retune.model.ModelFolder;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;
import retune.runtime.store.DocumentStore;
import retune.steps.data.DistributionFile;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Simulates years of a loop whose labels are 14 days late, beside policies that retrain by the
 * calendar, on drifted inputs, or never.
 *
 * <p>It reads requests, a line each, and answers each with a line of JSON:
 *
 * <ul>
 *   <li>{@code table NAME FILE [TARGET POSITIVE]} takes a learned distribution, or learns it from a
 *       CSV file, and makes a loop of 10,000 of its rows;
 *   <li>{@code year NAME SEED DAYS} simulates.
 * </ul>
 */
public final class YearWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private static final Logger ROOT = Logger.getLogger("");

  private static final LocalDate FIRST = LocalDate.of(2026, 1, 1);
  private static final int FIRST_ROWS = 10_000;
  private static final int ROWS_A_DAY = 1_000;
  private static final int TRUTH_ROWS = 20_000;

  /** Days until a day's labels arrive. */
  private static final int DELAY = 14;

  /** Days whose rows a retraining learns from: as many rows as the first model. */
  static final int WINDOW = FIRST_ROWS / ROWS_A_DAY;

  private static final int[] SCHEDULES = {7, 14, 30, 60, 90};
  private static final double MOST_PSI = 0.2;

  /** Days between two retrainings on drift, at least. */
  private static final int DRIFT_PAUSE = 7;

  /** For training without a store. */
  private record Alone() implements StepContext {
    @Override
    public RunIdentity run() {
      return new RunIdentity("year", "year", "year", 1);
    }

    @Override
    public Clock clock() {
      return Clock.systemUTC();
    }

    @Override
    public Settings settings() {
      return new Settings(Map.of());
    }

    @Override
    public DocumentStore store() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void progress(String what, long done, long total) {}

    @Override
    public void onStop(Runnable stop) {}
  }

  private record Source(
      YearRows rows, ModelFolder.Content first, PsiReference psi, YearTruth truth) {}

  /** What a policy had in production. */
  private static final class Policy {
    private ModelFolder.Content production;
    private final List<ModelFolder.Content> daily = new ArrayList<>();
    private final ArrayNode promotions = Json.MAPPER.createArrayNode();

    Policy(ModelFolder.Content first) {
      production = first;
    }
  }

  private final Path folder;
  private final Map<String, Source> sources = new HashMap<>();

  private YearWorker(Path folder) {
    this.folder = folder;
  }

  /**
   * Answers requests until there are no more.
   *
   * @param words a folder for stores and rows
   */
  public static void main(String[] words) throws Exception {
    ROOT.setLevel(Level.OFF);
    YearWorker worker = new YearWorker(Path.of(words[0]));
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] request = line.split(" ");
      System.out.println(
          switch (request[0]) {
            case "table" -> worker.table(request);
            case "year" ->
                worker.year(request[1], Integer.parseInt(request[2]), Integer.parseInt(request[3]));
            default -> throw new IllegalArgumentException(line);
          });
    }
  }

  private ObjectNode table(String[] request) throws Exception {
    String name = request[1];
    Path file = Path.of(request[2]);
    TableDistribution distribution;
    if (request.length == 3) {
      distribution = DistributionFile.read(file);
    } else {
      Table given = CsvTables.readAll(file, CsvOptions.DETECT);
      Target target = Target.of(given.column(request[3]), request[4]);
      distribution = DistributionLearner.learn(given, target, name);
    }
    YearRows rows = new YearRows(distribution);
    Table learned = rows.of(Population.ORDINARY, -1, FIRST, FIRST_ROWS);
    Path made = folder.resolve(name);
    delete(made);
    Files.createDirectories(made);
    Path csv = made.resolve("first.csv");
    YearRows.write(csv, learned);
    try (YearLoop loop = new YearLoop(name, made, folder.resolve("days"), date(-DELAY - 1))) {
      loop.make(csv, distribution.target().column(), distribution.target().positive());
      ModelFolder.Content first = loop.version(loop.champion());
      YearTruth truth = new YearTruth(rows, first, TRUTH_ROWS);
      sources.put(name, new Source(rows, first, PsiReference.of(truth.features(learned)), truth));
      return Json.MAPPER
          .createObjectNode()
          .put("first", truth.of(first, Population.ORDINARY))
          .put("columns", first.version().preprocessing().rawColumns().size());
    }
  }

  private ObjectNode year(String name, int seed, int days) throws Exception {
    Source source = Objects.requireNonNull(sources.get(name));
    YearScript script = YearScript.of(days, seed);
    Path copy = folder.resolve("year");
    copy(folder.resolve(name), copy);
    Map<String, Policy> policies = new LinkedHashMap<>();
    Stream.concat(
            Stream.of("loop", "never", "psi"),
            IntStream.of(SCHEDULES).mapToObj(every -> "every-" + every))
        .forEach(policy -> policies.put(policy, new Policy(source.first)));
    Map<Integer, Table> recorded = new TreeMap<>();
    for (int day = -DELAY - WINDOW; day < 0; day++) {
      recorded.put(day, day(source, script, seed, day));
    }
    ArrayNode daysOfLoop = Json.MAPPER.createArrayNode();
    PsiReference reference = source.psi;
    int lastOnDrift = -DRIFT_PAUSE;
    double loopCpu = 0;
    double trainingCpu = 0;
    double threshold;
    try (YearLoop loop = new YearLoop(name, copy, folder.resolve("days"), date(0))) {
      for (int today = 0; today < days; today++) {
        policies.values().forEach(policy -> policy.daily.add(policy.production));
        recorded.put(today, day(source, script, seed, today));
        double start = cpu();
        YearLoop.Ran ran =
            loop.run(
                date(today + 1),
                date(today - DELAY),
                Objects.requireNonNull(recorded.get(today - DELAY)));
        loopCpu += cpu() - start;
        ObjectNode told = daysOfLoop.addObject().put("day", today).put("status", ran.status());
        String champion = loop.champion();
        Policy ours = Objects.requireNonNull(policies.get("loop"));
        boolean moved = !champion.equals(ours.production.version().modelId());
        if (!ran.status().equals("approved") || ran.retraining() != null || moved) {
          told.put("message", ran.message());
        }
        if (ran.retraining() != null) {
          told.put("retraining", ran.retraining());
        }
        start = cpu();
        Population tomorrow = script.days().get(Math.min(today + 1, days - 1)).population();
        if (moved) {
          promote(source, ours, loop.version(champion), today + 1, tomorrow);
        }
        ModelFolder.Content trained = null;
        Table window = null;
        boolean alarm =
            today - lastOnDrift >= DRIFT_PAUSE
                && reference.greatest(source.truth.features(recorded.get(today))) > MOST_PSI;
        for (int every : SCHEDULES) {
          if ((today + 1) % every == 0) {
            window = window == null ? window(recorded, today - DELAY) : window;
            trained = trained == null ? train(source, window, seed, today) : trained;
            promote(
                source,
                Objects.requireNonNull(policies.get("every-" + every)),
                trained,
                today + 1,
                tomorrow);
          }
        }
        if (alarm) {
          window = window == null ? window(recorded, today - DELAY) : window;
          trained = trained == null ? train(source, window, seed, today) : trained;
          promote(
              source, Objects.requireNonNull(policies.get("psi")), trained, today + 1, tomorrow);
          reference = PsiReference.of(source.truth.features(window));
          lastOnDrift = today;
        }
        trainingCpu += cpu() - start;
        recorded.remove(today - DELAY - WINDOW);
      }
      threshold = loop.threshold();
    }
    double start = cpu();
    ObjectNode answer = Json.MAPPER.createObjectNode().put("gate", threshold);
    answer.set("stretches", stretches(source, script, policies));
    ArrayNode references = answer.putArray("reference");
    for (Day day : script.days()) {
      references.add(rounded(truth(source, day.population())));
    }
    ObjectNode of = answer.putObject("policies");
    policies.forEach(
        (policy, had) -> {
          ObjectNode values = of.putObject(policy);
          ArrayNode daily = values.putArray("f1");
          for (int day = 0; day < days; day++) {
            daily.add(
                rounded(source.truth.of(had.daily.get(day), script.days().get(day).population())));
          }
          values.set("promotions", had.promotions);
        });
    answer.set("loop", daysOfLoop);
    answer
        .put("loop_cpu", loopCpu)
        .put("training_cpu", trainingCpu)
        .put("truth_cpu", cpu() - start);
    return answer;
  }

  /**
   * Where each stretch begins, what it does to who knew the one before, and how fast policies were.
   */
  private static ArrayNode stretches(
      Source source, YearScript script, Map<String, Policy> policies) {
    ArrayNode all = Json.MAPPER.createArrayNode();
    Population before = Population.ORDINARY;
    for (Stretch stretch : script.stretches()) {
      Population now = stretch.population();
      double best = truth(source, now);
      double loss = best - source.truth.of(source.truth.reference(before, new Alone()), now);
      ObjectNode told =
          all.addObject()
              .put("name", stretch.name())
              .put("first", stretch.first())
              .put("days", stretch.days())
              .put("reference", rounded(best))
              .put("loss", rounded(loss));
      ObjectNode reactions = told.putObject("reactions");
      policies.forEach(
          (policy, had) -> {
            double low = source.truth.of(had.daily.get(stretch.first()), now);
            double half = (low + best) / 2;
            int recovered =
                IntStream.range(0, stretch.days())
                    .filter(
                        day -> source.truth.of(had.daily.get(stretch.first() + day), now) >= half)
                    .findFirst()
                    .orElse(-1);
            reactions.putObject(policy).put("start", rounded(low)).put("days", recovered);
          });
      before = now;
    }
    return all;
  }

  private static double truth(Source source, Population population) {
    return source.truth.of(source.truth.reference(population, new Alone()), population);
  }

  private static void promote(
      Source source, Policy policy, ModelFolder.Content next, int day, Population population) {
    policy
        .promotions
        .addObject()
        .put("day", day)
        .put("before", rounded(source.truth.of(policy.production, population)))
        .put("after", rounded(source.truth.of(next, population)));
    policy.production = next;
  }

  private static ModelFolder.Content train(Source source, Table window, int seed, int today) {
    return source.truth.train("%s-%s".formatted(seed, today), window, new Alone());
  }

  private static Table window(Map<Integer, Table> recorded, int last) {
    return Table.joined(
        IntStream.rangeClosed(last - WINDOW + 1, last)
            .mapToObj(day -> Objects.requireNonNull(recorded.get(day)))
            .toList());
  }

  private static Table day(Source source, YearScript script, int seed, int day) {
    Day of = day < 0 ? new Day(0, Population.ORDINARY, 0) : script.days().get(day);
    return source.rows.recorded(of, seed, date(day), ROWS_A_DAY);
  }

  private static LocalDate date(int day) {
    return FIRST.plusDays(day);
  }

  private static double rounded(double value) {
    return Math.round(value * 1e4) / 1e4;
  }

  private static double cpu() {
    return SYSTEM.getProcessCpuTime() / 1e9;
  }

  private static void copy(Path source, Path target) throws IOException {
    delete(target);
    try (Stream<Path> paths = Files.walk(source)) {
      for (Path path : paths.toList()) {
        Files.copy(path, target.resolve(source.relativize(path).toString()));
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> old = Files.walk(folder)) {
      for (Path path : old.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
