package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.DistributionLearner;
import retune.core.distribution.Drill;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;
import retune.core.drift.ComparedColumn;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.DatasetShift;
import retune.core.drift.DriftDetector;
import retune.core.drift.DriftReport;
import retune.core.drift.ShiftDetector;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.Occurrence;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.PreprocessingFitter;
import retune.runtime.Json;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.steps.data.DistributionFile;
import retune.steps.drift.ComparedColumns;
import tools.jackson.databind.node.ObjectNode;

/**
 * Compares days with references that are drawn from the same distribution, or from it with a drill.
 *
 * <p>It reads requests, a line each, and answers each with a line of JSON:
 *
 * <ul>
 *   <li>{@code table NAME FILE [TARGET POSITIVE]} takes a learned distribution, or learns it from a
 *       CSV file, and fits the preprocessing to 10,000 of its rows;
 *   <li>{@code day NAME REFERENCE DAY ROWS DRILL STRENGTH} compares; the numbers of reference and
 *       day are seeds;
 *   <li>{@code export NAME REFERENCE DAY ROWS FOLDER} writes both as CSV files;
 *   <li>{@code wide ROWS COLUMNS} compares made columns, two thirds of them numbers, all with
 *       labels and a model's probabilities, and judges the kind of shift, too.
 * </ul>
 */
public final class DriftWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private static final int REFERENCE_ROWS = 10_000;
  private static final LocalDate FIRST = LocalDate.of(2026, 1, 1);
  private static final DriftDetector DETECTOR = new DriftDetector(0.01, 0, 499);
  private static final int CATEGORIES = 8;
  private static final List<String> BINARY = List.of("0", "1");

  private record Source(
      TableDistribution distribution, Target target, Preprocessing preprocessing) {}

  /** Rows as a model reads them. */
  private record Rows(ProcessedBatch batch, Features features, int[] labels, long[] hashes) {}

  private final Map<String, Source> sources = new HashMap<>();
  private final Map<String, Rows> references = new HashMap<>();

  private DriftWorker() {}

  /** Answers requests until there are no more. */
  public static void main(String[] words) throws IOException {
    DriftWorker worker = new DriftWorker();
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] request = line.split(" ");
      System.out.println(
          switch (request[0]) {
            case "table" -> worker.table(request);
            case "day" -> worker.day(request);
            case "export" -> worker.export(request);
            case "wide" -> wide(Integer.parseInt(request[1]), Integer.parseInt(request[2]));
            default -> throw new IllegalArgumentException(line);
          });
    }
  }

  private ObjectNode table(String[] request) throws IOException {
    Path file = Path.of(request[2]);
    TableDistribution distribution = request.length == 3 ? DistributionFile.read(file) : null;
    if (distribution == null) {
      Table rows = CsvTables.readAll(file, CsvOptions.DETECT);
      Target learned = Target.of(rows.column(request[3]), request[4]);
      distribution = DistributionLearner.learn(rows, learned, request[1]);
    }
    Table drawn = rows(distribution, -1, REFERENCE_ROWS, Drill.NONE);
    Target target = distribution.target();
    Preprocessing preprocessing =
        PreprocessingFitter.fit(drawn, FitOptions.excluding(target.column()));
    sources.put(request[1], new Source(distribution, target, preprocessing));
    return Json.MAPPER.createObjectNode().put("columns", preprocessing.rawColumns().size());
  }

  private ObjectNode day(String[] request) {
    Source source = Objects.requireNonNull(sources.get(request[1]));
    Rows reference = reference(request[1], Integer.parseInt(request[2]));
    Drill drill =
        new Drill(
            Drill.Kind.valueOf(request[5].toUpperCase(Locale.ROOT)),
            Double.parseDouble(request[6]));
    Rows current =
        processed(
            source,
            rows(
                source.distribution,
                1 + Integer.parseInt(request[3]),
                Integer.parseInt(request[4]),
                drill));
    ComparedColumns columns = new ComparedColumns(source.preprocessing);
    return measured(
        new DriftDetector.Samples(
            columns.features(reference.features, current.features),
            List.of(),
            new Codes(
                source.target.column(), source.target.classes(), reference.labels, current.labels),
            columns.shares(reference.batch, current.batch),
            reference.hashes,
            current.hashes));
  }

  private ObjectNode export(String[] request) throws IOException {
    Source source = Objects.requireNonNull(sources.get(request[1]));
    Path folder = Path.of(request[5]);
    YearRows.write(
        folder.resolve("reference.csv"),
        rows(source.distribution, reference(request[2]), REFERENCE_ROWS, Drill.NONE)
            .without(Set.of(source.target.column())));
    YearRows.write(
        folder.resolve("day.csv"),
        rows(
                source.distribution,
                1 + Integer.parseInt(request[3]),
                Integer.parseInt(request[4]),
                Drill.NONE)
            .without(Set.of(source.target.column())));
    return Json.MAPPER.createObjectNode();
  }

  private static int reference(String number) {
    return -2 - Integer.parseInt(number);
  }

  /** References are kept while they are in use. */
  private Rows reference(String name, int number) {
    if (references.size() > 20) {
      references.clear();
    }
    Source source = Objects.requireNonNull(sources.get(name));
    return references.computeIfAbsent(
        name + number,
        _ -> processed(source, rows(source.distribution, -2 - number, REFERENCE_ROWS, Drill.NONE)));
  }

  private static Table rows(TableDistribution distribution, int day, int rows, Drill drill) {
    return new TableSampler(distribution, 0, FIRST.plusDays(day), drill).table(rows);
  }

  private static Rows processed(Source source, Table raw) {
    Table inputs = raw.without(Set.of(source.target.column()));
    Preprocessing.Result result = source.preprocessing.apply(inputs);
    Table kept = inputs.select(result.keptRows());
    int rejected = raw.rows() - kept.rows();
    ProcessedBatch batch =
        new ProcessedBatch(
            "",
            "",
            FIRST,
            "",
            "",
            "",
            "",
            "",
            source.preprocessing.schema(),
            raw.rows(),
            kept.rows(),
            kept.rows(),
            rejected == 0 ? Map.of() : Map.of("rejected", rejected),
            Occurrence.named(result.outcomes()));
    int[] labels = source.target.encode(raw.column(source.target.column()));
    return new Rows(
        batch,
        result.features(),
        Arrays.stream(result.keptRows()).map(row -> labels[row]).toArray(),
        Hashing.rows(kept, source.preprocessing.rawColumns()));
  }

  /** Compares made columns of a wide table, for the time that it takes. */
  private static ObjectNode wide(int rows, int columns) {
    SplittableRandom random = new SplittableRandom(1);
    List<ComparedColumn> made =
        IntStream.range(0, columns)
            .mapToObj(
                i ->
                    i % 3 == 2
                        ? new Codes(
                            "c" + i,
                            IntStream.range(0, CATEGORIES).mapToObj(String::valueOf).toList(),
                            random.ints(rows, 0, CATEGORIES).toArray(),
                            random.ints(rows, 0, CATEGORIES).toArray())
                        : numbers("n" + i, random, rows))
            .toList();
    double[] before = probabilities(random, rows);
    double[] after = probabilities(random, rows);
    Codes labels =
        new Codes("label", BINARY, labels(random, before, rows), labels(random, after, rows));
    List<ComparedColumn> predictions =
        List.of(new Numbers("probability", ofPositive(before), ofPositive(after), 0, 1));
    DriftDetector.Samples samples =
        new DriftDetector.Samples(
            made,
            predictions,
            labels,
            List.of(),
            random.longs(rows).toArray(),
            random.longs(rows).toArray());
    long cpu = SYSTEM.getProcessCpuTime();
    DriftReport report = DETECTOR.compare(samples);
    long compared = SYSTEM.getProcessCpuTime();
    DatasetShift shift =
        new ShiftDetector(DETECTOR.rate(), DETECTOR.seed(), DETECTOR.resamples())
            .judge(
                report,
                made,
                predictions,
                new ShiftDetector.Answers(
                    BINARY.size(), labels.reference(), before, labels.current(), after));
    long judged = SYSTEM.getProcessCpuTime();
    return Json.MAPPER
        .createObjectNode()
        .put("cpu", (judged - cpu) / 1e9)
        .put("shift_cpu", (judged - compared) / 1e9)
        .put("shift", shift.kind().id());
  }

  /** By row and class, of two classes. */
  private static double[] probabilities(SplittableRandom random, int rows) {
    double[] probabilities = new double[rows * BINARY.size()];
    for (int at = 0; at < probabilities.length; at += BINARY.size()) {
      probabilities[at + 1] = 1 / (1 + Math.exp(1 - random.nextGaussian()));
      probabilities[at] = 1 - probabilities[at + 1];
    }
    return probabilities;
  }

  private static float[] ofPositive(double[] probabilities) {
    float[] positive = new float[probabilities.length / BINARY.size()];
    for (int row = 0; row < positive.length; row++) {
      positive[row] = (float) probabilities[row * BINARY.size() + 1];
    }
    return positive;
  }

  private static int[] labels(SplittableRandom random, double[] probabilities, int rows) {
    return IntStream.range(0, rows)
        .map(row -> random.nextDouble() < probabilities[row * BINARY.size() + 1] ? 1 : 0)
        .toArray();
  }

  private static ComparedColumn numbers(String name, SplittableRandom random, int rows) {
    float[] reference = new float[rows];
    float[] current = new float[rows];
    for (int row = 0; row < rows; row++) {
      reference[row] = (float) random.nextGaussian();
      current[row] = (float) random.nextGaussian();
    }
    return new Numbers(name, reference, current, 0, 1);
  }

  private static ObjectNode measured(DriftDetector.Samples samples) {
    long cpu = SYSTEM.getProcessCpuTime();
    long start = System.nanoTime();
    DriftReport report = DETECTOR.compare(samples);
    double wall = (System.nanoTime() - start) / 1e9;
    return Json.MAPPER
        .createObjectNode()
        .put("cpu", (SYSTEM.getProcessCpuTime() - cpu) / 1e9)
        .put("wall", wall)
        .put("drifted", report.isDrifted())
        .put("features", report.driftedFeatures())
        .put("label", report.labels() != null && report.labels().isDrifted())
        .put("joint", report.joint().isDrifted())
        .put("psi", report.worstFirst().getFirst().psi().value())
        .put("alarms", alarms(report));
  }

  /** What is beyond its limit, with a space between names. */
  private static String alarms(DriftReport report) {
    Stream<String> columns =
        report.columns().filter(DriftReport.Column::isDrifted).map(DriftReport.Column::name);
    Stream<String> shares =
        report.shares().stream()
            .filter(share -> share.measure().isDrifted())
            .map(share -> share.property().name().toLowerCase(Locale.ROOT) + ":" + share.column());
    Stream<String> rows =
        Stream.of(
                report.repeated().measure().isDrifted() ? "repeated_rows" : "",
                report.joint().isDrifted() ? "all_columns" : "")
            .filter(name -> !name.isEmpty());
    return Stream.of(columns, shares, rows)
        .flatMap(names -> names)
        .collect(Collectors.joining(" "));
  }
}
