package retune.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.distribution.Drill;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.devstore.EmbeddedStore;
import retune.judgement.MeasuredVersion;
import retune.model.Champions;
import retune.model.batch.Batch;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Has the steps estimate a day's macro F1 without its labels and name what has changed with them,
 * and tells the truth beside both.
 *
 * <p>It reads requests, a line each, and answers each with a line of JSON:
 *
 * <ul>
 *   <li>{@code loop MODEL} begins with a model of the store and evaluates three ordinary days; its
 *       answers to the reference go to {@code reference.csv};
 *   <li>{@code day NUMBER ROWS CHANGE STRENGTH} makes a day: {@code CHANGE} is a drill, or {@code
 *       label_shift}, which draws rows so that the odds of the last class are 4 to the power of the
 *       strength times as high, or {@code covariate_shift}, which draws rows by their first two
 *       columns of numbers alone. The answers go to {@code day.csv}.
 * </ul>
 */
public final class EstimateWorker {
  private static final LocalDate FIRST = LocalDate.of(2026, 1, 1);
  private static final int ORDINARY_DAYS = 3;
  private static final int ORDINARY_ROWS = 1_000;
  private static final int SPARE = 12;

  private final Path folder;
  private final DocumentStore store;
  private String model = "";
  private String champion = "";

  private EstimateWorker(Path folder, DocumentStore store) {
    this.folder = folder;
    this.store = store;
  }

  /**
   * Answers requests until there are no more.
   *
   * @param words a folder, in which {@code store} is the data of an embedded store with the models
   *     and distributions of the loops
   */
  public static void main(String[] words) throws Exception {
    Path folder = Path.of(words[0]);
    try (EmbeddedStore server =
            EmbeddedStore.start(EmbeddedStore.Settings.of(folder.resolve("store")));
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofMinutes(1), Clock.systemUTC())) {
      EstimateWorker worker = new EstimateWorker(folder, store);
      BufferedReader requests =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = requests.readLine(); line != null; line = requests.readLine()) {
        String[] request = line.split(" ");
        System.out.println(
            switch (request[0]) {
              case "loop" -> worker.loop(request);
              case "day" -> worker.day(request);
              default -> throw new IllegalArgumentException(line);
            });
      }
    }
  }

  private BenchContext context(String run) {
    return new BenchContext(
        new RunIdentity("estimate", run, "estimate", 1),
        store,
        new Settings(Map.of()),
        Clock.systemUTC());
  }

  private ObjectNode loop(String[] request) throws Exception {
    model = request[1];
    champion = new Champions(store).get(model).modelId();
    for (int day = 0; day < ORDINARY_DAYS; day++) {
      LocalDate date = FIRST.plusDays(day);
      generate(date, ORDINARY_ROWS, Drill.Kind.NONE, 0);
      context("ordinary" + day).step("evaluate_model", of(date));
    }
    BenchContext reference = context("reference");
    write(
        MeasuredVersion.ofAll(reference, champion, Batch.load(reference, Batch.referenceId(model)))
            .predictions(),
        "reference.csv");
    return Json.MAPPER.createObjectNode().put("champion", champion);
  }

  private ObjectNode day(String[] request) throws Exception {
    LocalDate date = FIRST.plusDays(ORDINARY_DAYS + Long.parseLong(request[1]));
    int rows = Integer.parseInt(request[2]);
    String change = request[3];
    double strength = Double.parseDouble(request[4]);
    if (change.equals("label_shift") || change.equals("covariate_shift")) {
      generate(date, SPARE * rows, Drill.Kind.NONE, 0);
      Rows all = Batch.load(context("day"), path(date)).rows();
      double[] weights =
          change.equals("label_shift")
              ? byLabel(all.labels(), strength)
              : byInputs(all.features(), strength);
      write(date, all.select(drawn(weights, rows, date.toEpochDay())));
    } else {
      generate(date, rows, Drill.Kind.valueOf(change.toUpperCase(Locale.ROOT)), strength);
    }
    Rows labelled = Batch.load(context("day"), path(date)).rows();
    int[] none = new int[labelled.labels().length];
    Arrays.fill(none, Target.UNLABELLED);
    write(date, new Rows(labelled.features(), none, labelled.rowHashes()));
    JsonNode unlabelled = context("unlabelled").step("detect_drift", of(date));
    Map<String, Object> what = new LinkedHashMap<>(of(date));
    what.put("metric", "f1_macro");
    JsonNode estimate = context("unlabelled").step("estimate_performance", what);
    write(date, labelled);
    Predictions truth =
        MeasuredVersion.ofAll(
                context("labelled"), champion, Batch.load(context("labelled"), path(date)))
            .predictions();
    ObjectNode answer = Json.MAPPER.createObjectNode();
    answer.set("unlabelled", unlabelled);
    answer.set("labelled", context("labelled").step("detect_drift", of(date)));
    answer.set("estimate", estimate);
    answer.put("truth", Metric.F1_MACRO.of(truth));
    answer.put("positive", truth.positive()).put("threshold", truth.threshold());
    answer.put(
        "share",
        (double) Arrays.stream(truth.labels()).filter(label -> label == truth.positive()).count()
            / truth.rows());
    write(truth, "day.csv");
    return answer;
  }

  private String path(LocalDate date) {
    return model + "/" + date;
  }

  private Map<String, Object> of(LocalDate date) {
    return Map.of("model_id", champion, "data_path", path(date));
  }

  private void generate(LocalDate date, int rows, Drill.Kind drill, double strength)
      throws Exception {
    Map<String, Object> day = Map.of("model", model, "logical_date", date.toString());
    Map<String, Object> generated = new LinkedHashMap<>(day);
    generated.put("rows", rows);
    generated.put("drill", drill.name().toLowerCase(Locale.ROOT));
    generated.put("drill_strength", strength);
    generated.put("row_documents_up_to", 0);
    BenchContext context = context("day of " + date);
    context.step("generate_data", generated);
    context.step("process_data", day);
  }

  /** Replaces the rows of a day. */
  private void write(LocalDate date, Rows rows) {
    ProcessedBatch batch = Batch.describe(context("day"), path(date));
    int count = rows.labels().length;
    int labelled =
        (int) Arrays.stream(rows.labels()).filter(label -> label != Target.UNLABELLED).count();
    store
        .processedBatches()
        .write(
            new ProcessedBatch(
                batch.batchId(),
                batch.model(),
                batch.logicalDate(),
                batch.datasetName(),
                "estimate",
                Hashing.sha256("%s, %d rows, %d labels".formatted(path(date), count, labelled)),
                batch.rawContentHash(),
                batch.preprocessingHash(),
                batch.schema(),
                count,
                count,
                labelled,
                Map.of(),
                scaled(batch.outcomes(), (double) count / batch.rows())),
            List.of(rows).iterator(),
            false);
  }

  /** What was counted on all rows, on a part of them. */
  private static Map<String, Integer> scaled(Map<String, Integer> counts, double share) {
    return counts.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey, count -> (int) Math.round(share * count.getValue())));
  }

  /** The odds of the last class change; within a class all rows are alike. */
  private static double[] byLabel(int[] labels, double strength) {
    int last = Arrays.stream(labels).max().orElseThrow();
    double most = Math.pow(4, strength);
    return Arrays.stream(labels).mapToDouble(label -> label == last ? 1 : 1 / most).toArray();
  }

  /** The first two columns of numbers move upwards; for given inputs labels are as before. */
  private static double[] byInputs(Features features, double strength) {
    int[] columns = {0, Math.min(1, features.numbers().length - 1)};
    double[] weights = new double[features.rows()];
    Arrays.fill(weights, 1);
    for (int column : columns) {
      float[] sorted = features.numbers()[column].clone();
      Arrays.sort(sorted);
      for (int row = 0; row < weights.length; row++) {
        int rank = Arrays.binarySearch(sorted, features.numbers()[column][row]);
        weights[row] *= Math.exp(2 * strength * (Math.max(rank, 0) / (double) weights.length - 1));
      }
    }
    return weights;
  }

  /** The first rows, each kept with its weight, which is at most 1, as its probability. */
  private static int[] drawn(double[] weights, int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] drawn =
        IntStream.range(0, weights.length)
            .filter(row -> random.nextDouble() < weights[row])
            .limit(rows)
            .toArray();
    if (drawn.length < rows) {
      throw new IllegalArgumentException("only %d rows are left".formatted(drawn.length));
    }
    return drawn;
  }

  /** One row a line: its label, and the probability of the positive class. */
  private void write(Predictions answers, String file) throws IOException {
    StringBuilder text = new StringBuilder("label,probability\n");
    for (int row = 0; row < answers.rows(); row++) {
      text.append(answers.labels()[row] == answers.positive() ? 1 : 0)
          .append(',')
          .append(answers.probability(row, answers.positive()))
          .append('\n');
    }
    Files.writeString(folder.resolve(file), text);
  }
}
