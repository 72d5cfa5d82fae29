package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.metrics.Metric;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.Preprocessing;
import retune.core.split.Part;
import retune.learning.text.TextTraining;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.model.engine.Engine;
import retune.model.engine.Predictor;
import retune.model.engine.TextEngine;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;

/**
 * Trains a model of texts ({@code train SEED}), writes the parts of its table ({@code parts}) and
 * answers all rows of it ({@code answer BATCH TIMES}). Each line is replied to with a line of JSON:
 * CPU seconds of this process, collector and compiler included, wall seconds, and what was
 * measured.
 */
public final class TextWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private final Path file;
  private final Path folder;
  private final Table table;
  private final Target target;
  private @Nullable TrainingTable training;
  private ModelFolder.@Nullable Content model;

  private TextWorker(Path file, Path folder) throws IOException {
    this.file = file;
    this.folder = folder;
    this.table =
        CsvTables.readAll(file, CsvOptions.DETECT, CsvTables.survey(file, CsvOptions.DETECT));
    List<String> classes = List.copyOf(TrainingTable.classes(table.column("category")).keySet());
    this.target = new Target("category", classes, classes.size() == 2 ? classes.getLast() : null);
  }

  /**
   * Answers requests until there are no more.
   *
   * @param words a CSV file with the columns {@code text} and {@code category}; a folder that
   *     receives training.csv, validation.csv and holdout.csv, the parts of the file
   */
  public static void main(String[] words) throws IOException {
    TextWorker worker = new TextWorker(Path.of(words[0]), Path.of(words[1]));
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] request = line.split(" ", -1);
      long cpu = SYSTEM.getProcessCpuTime();
      long start = System.nanoTime();
      String measured =
          switch (request[0]) {
            case "train" -> worker.train(Integer.parseInt(request[1]));
            case "parts" -> worker.parts();
            case "answer" ->
                worker.answer(Integer.parseInt(request[1]), Integer.parseInt(request[2]));
            default -> throw new IllegalArgumentException(line);
          };
      long wall = System.nanoTime() - start;
      cpu = SYSTEM.getProcessCpuTime() - cpu;
      System.out.printf(
          Locale.ROOT, "{\"cpu\": %.6f, \"wall\": %.6f, %s}%n", cpu / 1e9, wall / 1e9, measured);
    }
  }

  private String train(int seed) throws IOException {
    training =
        TrainingTable.of(
            table,
            target,
            FitOptions.excluding().withTexts(List.of("text")),
            null,
            seed,
            "0".repeat(64));
    model =
        new TextTraining("texts", Metric.F1_MACRO, seed)
            .run(training, Instant.EPOCH, (what, done, total) -> {})
            .trained()
            .content();
    return "\"f1_macro\": %s, \"terms\": %d"
        .formatted(
            Objects.requireNonNull(model.version().metrics().get("test")).get("f1_macro"),
            Objects.requireNonNull(model.version().preprocessing().text()).terms().size());
  }

  /** Writes the parts of the table; preprocessing rejects no row of these tables. */
  private String parts() throws IOException {
    TrainingTable parts = Objects.requireNonNull(training);
    for (Part part : List.of(Part.TRAINING, Part.VALIDATION, Part.HOLDOUT)) {
      try (Writer text = Files.newBufferedWriter(folder.resolve(part.id() + ".csv"))) {
        CsvTables.copy(
            file, CsvOptions.DETECT, parts.rows(part), Set.of("text", target.column()), text);
      }
    }
    return "\"rows\": " + parts.labels().length;
  }

  /** Raw texts to classes, as the service answers them, on one thread. */
  private String answer(int batch, int times) {
    ModelFolder.Content content = Objects.requireNonNull(model);
    Preprocessing preprocessing = content.version().preprocessing();
    Table rows = table.without(Set.of(target.column()));
    long sum = 0;
    try (Engine engine = new TextEngine(content.version(), content.weights(), 1)) {
      Predictor predictor = new Predictor(content.version(), engine);
      for (int time = 0; time < times; time++) {
        for (int from = 0; from < rows.rows(); from += batch) {
          int to = Math.min(from + batch, rows.rows());
          Table some = rows.select(IntStream.range(from, to).toArray());
          sum += predictor.predict(preprocessing.apply(some).features()).predicted(0);
        }
      }
    }
    return "\"rows\": %d, \"sum\": %d".formatted((long) rows.rows() * times, sum);
  }
}
