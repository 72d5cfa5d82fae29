package retune.judgement;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bson.Document;
import retune.core.judgement.Gate;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.Harm;
import retune.core.judgement.ledger.Superiority;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * The evidence over days that a model's champion is below the gate, and that a challenger is better
 * than it. The collection {@code error_ledger} holds an entry for each date under {@code
 * MODEL/NUMBER}, in the order of arrival, and only grows. A date counts once: a day that runs
 * again, or with other rows or another champion, adds nothing.
 *
 * <p>An entry holds the evidence after it, so one that was written stands for itself. Another
 * champion or another gate restarts the evidence on the weights that the year has left.
 */
public final class ErrorLedger {
  private static final String COLLECTION = "error_ledger";
  private static final String E_VALUES = "e_values";
  private static final String USABLE = "usable";
  private static final String BY_ACCURACY = "by_accuracy";
  private static final String TOGETHER = "together";
  private static final String LOG_WEALTH = "log_wealth";
  private static final String WORSE_LOG_WEALTH = "worse_log_wealth";
  private static final String CHALLENGERS = "challengers";
  private static final String DAYS = "days";

  /** The most days whose rows are counted together, because one alone has too few labels. */
  static final int MOST_TOGETHER = 30;

  private final StepContext context;
  private final String model;

  /** The ledger of a model. */
  public ErrorLedger(StepContext context, String model) {
    this.context = context;
    this.model = model;
  }

  /**
   * What a champion answered on a day.
   *
   * @param modelId the champion
   * @param confusion its answers to the labelled rows
   * @param positive index of the positive class; ignored for more than two classes
   * @param rocAuc NaN where it is not defined
   * @param rocAucError its standard error; NaN where it is not known
   */
  public record Day(
      LocalDate date,
      String modelId,
      ConfusionMatrix confusion,
      int positive,
      double rocAuc,
      double rocAucError) {

    /** From the result that {@link MeasuredVersion} keeps. */
    public static Day of(LocalDate date, Document measured) {
      Document metrics = measured.get("metrics", Document.class);
      return new Day(
          date,
          measured.getString("model_id"),
          matrix(metrics),
          measured.getInteger(MeasuredVersion.POSITIVE, 1),
          number(metrics, Metric.ROC_AUC.id()),
          number(measured, MeasuredVersion.ROC_AUC_ERROR));
    }

    /**
     * The evidence of harm.
     *
     * @param confusion the day's answers, with those of the days that it is counted together with
     */
    EValues harm(Gate gate, ConfusionMatrix confusion) {
      if (gate.metric() != Metric.ROC_AUC) {
        return EValues.ofHarm(gate, confusion, positive);
      }
      if (Double.isNaN(rocAuc) || Double.isNaN(rocAucError)) {
        return EValues.none();
      }
      long[] labels =
          IntStream.range(0, confusion.classes()).mapToLong(confusion::trueRows).toArray();
      return EValues.ofRocAuc(rocAuc, rocAucError, gate.threshold(), labels);
    }
  }

  /**
   * An entry.
   *
   * @param challengers the newest first
   */
  private record Entry(
      int number,
      LocalDate date,
      String modelId,
      Gate gate,
      Harm harm,
      List<Challenger> challengers) {
    boolean isOf(Day day, Gate gate) {
      return modelId.equals(day.modelId) && this.gate.equals(gate);
    }
  }

  /**
   * Counts a day on which the challengers were measured, too; see {@link #count(Day, List, Gate)}.
   */
  public Harm count(ProcessedBatch batch, Document measured, Gate gate) {
    Day day = Day.of(batch.logicalDate(), measured);
    return count(day, new Challengers(context, model).days(batch, day.modelId), gate);
  }

  /**
   * Counts the day, unless its date has counted, and returns the evidence about its champion.
   *
   * @param challengers what was measured of the challengers, the newest first
   */
  public Harm count(Day day, List<ChallengerDay> challengers, Gate gate) {
    while (true) {
      List<Entry> entries = entries();
      Optional<Entry> last = entries.stream().max(Comparator.comparingInt(Entry::number));
      Optional<Entry> counted =
          entries.stream().filter(entry -> entry.date.equals(day.date)).findFirst();
      if (counted.isPresent()) {
        return known(day, gate, counted.get(), last.orElseThrow());
      }
      Entry entry = after(last, harm(entries, last, day, gate), day, challengers, gate);
      // The number is free only for who has seen all entries, so no date can count twice.
      if (context
          .store()
          .events()
          .append(COLLECTION, id(entry.number), document(entry, day, challengers))) {
        return entry.harm;
      }
    }
  }

  /** What the entry of a date says of the challengers beside a champion. */
  List<Challenger> challengers(LocalDate date, String championId) {
    return entries().stream()
        .filter(entry -> entry.date.equals(date) && entry.modelId.equals(championId))
        .findFirst()
        .map(Entry::challengers)
        .orElse(List.of());
  }

  /** The evidence about that champion after its last day; empty if no day of it has counted. */
  public Optional<Harm> latest(String championId) {
    return entries().stream()
        .max(Comparator.comparingInt(Entry::number))
        .filter(entry -> entry.modelId.equals(championId))
        .map(Entry::harm);
  }

  /** The labelled rows of each class on the last day of that champion; empty without one. */
  public Optional<long[]> lastLabels(String championId) {
    return context.store().events().startingWith(COLLECTION, model + "/").stream()
        .max(Comparator.comparingInt(entry -> entry.getInteger("number")))
        .filter(entry -> championId.equals(entry.getString("model_id")))
        .map(ErrorLedger::labels);
  }

  private static long[] labels(Document entry) {
    long[] labels = new long[entry.getInteger("classes")];
    for (List<?> cell : entry.getList("cells", List.class)) {
      labels[(int) rows(cell.get(0))] += rows(cell.get(2));
    }
    return labels;
  }

  private static Harm known(Day day, Gate gate, Entry counted, Entry last) {
    if (counted.isOf(day, gate)) {
      return counted.harm;
    }
    return last.isOf(day, gate)
        ? last.harm
        : new Harm(last.harm.detector().restart(), day.harm(gate, day.confusion), 1, 0);
  }

  /**
   * The entries of the last days that have not been bet on, because some class had too few labels.
   * Which days are counted together depends on the labels alone, so that the bets stay fair.
   */
  private static List<Entry> waiting(List<Entry> entries, Day day, Gate gate) {
    return gate.metric().dependsOnAnswers()
        ? entries.stream()
            .sorted(Comparator.comparingInt(Entry::number).reversed())
            .takeWhile(entry -> entry.isOf(day, gate) && !entry.harm.today().usable())
            .limit(MOST_TOGETHER - 1)
            .toList()
        : List.of();
  }

  /** The day's answers with those of the days that have waited. */
  private ConfusionMatrix together(Day day, List<Entry> waiting) {
    long[][] counts =
        Arrays.stream(day.confusion.counts()).map(long[]::clone).toArray(long[][]::new);
    for (Entry entry : waiting) {
      Document document = context.store().events().find(COLLECTION, id(entry.number)).orElseThrow();
      for (List<?> cell : document.getList("cells", List.class)) {
        counts[(int) rows(cell.get(0))][(int) rows(cell.get(1))] += rows(cell.get(2));
      }
    }
    return new ConfusionMatrix(counts);
  }

  private Harm harm(List<Entry> entries, Optional<Entry> last, Day day, Gate gate) {
    List<Entry> waiting = waiting(entries, day, gate);
    EValues today = day.harm(gate, together(day, waiting));
    EDetector before = last.map(entry -> entry.harm.detector()).orElseGet(EDetector::start);
    Optional<Entry> continued = last.filter(entry -> entry.isOf(day, gate));
    return new Harm(
        (continued.isPresent() ? before : before.restart()).after(today),
        today,
        waiting.size() + 1,
        continued.map(entry -> entry.harm.days()).orElse(0) + 1);
  }

  private static Entry after(
      Optional<Entry> last, Harm harm, Day day, List<ChallengerDay> challengers, Gate gate) {
    return new Entry(
        last.map(Entry::number).orElse(0) + 1,
        day.date,
        day.modelId,
        gate,
        harm,
        after(
            last.filter(entry -> entry.isOf(day, gate)),
            challengers,
            gate.metric(),
            last.map(entry -> entry.harm.detector().days()).orElse(0)));
  }

  /** The challengers after their day; one that is new starts on the days that the year has left. */
  private static List<Challenger> after(
      Optional<Entry> continued, List<ChallengerDay> challengers, Metric metric, int daysOfYear) {
    int judged = Math.min(challengers.size(), Superiority.MOST_CHALLENGERS);
    List<Challenger> after = new ArrayList<>();
    for (ChallengerDay day : challengers) {
      if (after.size() == judged) {
        after.add(new Challenger(day.modelId(), 0, null));
        continue;
      }
      Superiority before =
          continued.stream()
              .flatMap(entry -> entry.challengers.stream())
              .filter(challenger -> challenger.modelId().equals(day.modelId()))
              .flatMap(challenger -> Stream.ofNullable(challenger.evidence()))
              .findFirst()
              .orElseGet(() -> Superiority.start(daysOfYear));
      after.add(
          new Challenger(
              day.modelId(),
              day.rows(),
              before.after(day.superiority(metric), day.inferiority(metric), 1.0 / judged)));
    }
    return List.copyOf(after);
  }

  private List<Entry> entries() {
    return context.store().events().startingWith(COLLECTION, model + "/").stream()
        .map(ErrorLedger::entry)
        .toList();
  }

  private String id(int number) {
    return "%s/%d".formatted(model, number);
  }

  private Document document(Entry entry, Day day, List<ChallengerDay> challengers) {
    Document document = Provenance.of(context);
    document
        .append("model", model)
        .append("number", entry.number)
        .append("logical_date", entry.date.toString())
        .append("model_id", entry.modelId)
        .append("metric", entry.gate.metric().id())
        .append("threshold", entry.gate.threshold())
        .append("rows", day.confusion.total())
        .append("classes", day.confusion.classes())
        .append("positive", day.positive)
        .append("cells", cells(day.confusion))
        .append(USABLE, entry.harm.today().usable())
        .append(TOGETHER, entry.harm.together())
        .append(E_VALUES, list(entry.harm.today().logs()))
        .append(LOG_WEALTH, list(entry.harm.detector().logWealth()))
        .append("days_of_year", entry.harm.detector().days())
        .append("days_of_champion", entry.harm.days())
        .append("e_value", entry.harm.detector().eValue())
        .append("limit", EDetector.LIMIT)
        .append("decided", entry.harm.detector().isDecided());
    if (!Double.isNaN(day.rocAuc)) {
      document.append("roc_auc", day.rocAuc).append("roc_auc_error", day.rocAucError);
    }
    Metric metric = entry.gate.metric();
    return document.append(
        CHALLENGERS,
        IntStream.range(0, challengers.size())
            .mapToObj(i -> document(challengers.get(i), entry.challengers.get(i), metric))
            .toList());
  }

  private static Document document(ChallengerDay day, Challenger challenger, Metric metric) {
    Document document = day.toDocument(metric).append("standing", challenger.standing());
    Superiority evidence = challenger.evidence();
    if (evidence != null) {
      document
          .append(DAYS, evidence.days())
          .append(USABLE, evidence.today().usable())
          .append(BY_ACCURACY, evidence.today().byAccuracy())
          .append(E_VALUES, list(evidence.today().logs()))
          .append(LOG_WEALTH, list(evidence.better().logWealth()))
          .append(WORSE_LOG_WEALTH, list(evidence.worse().logWealth()))
          .append("e_value", evidence.better().eValue())
          .append("worse_e_value", evidence.worse().eValue());
    }
    return document;
  }

  private static Challenger challenger(Document document, int daysOfYear) {
    Superiority evidence =
        document.containsKey(DAYS)
            ? new Superiority(
                new EDetector(numbers(document, LOG_WEALTH), daysOfYear),
                new EDetector(numbers(document, WORSE_LOG_WEALTH), daysOfYear),
                eValues(document),
                document.getInteger(DAYS))
            : null;
    return new Challenger(document.getString("model_id"), document.getLong("rows"), evidence);
  }

  private static EValues eValues(Document document) {
    return new EValues(
        numbers(document, E_VALUES),
        document.getBoolean(USABLE),
        document.getBoolean(BY_ACCURACY, false));
  }

  private static Entry entry(Document document) {
    int daysOfYear = document.getInteger("days_of_year");
    EDetector detector = new EDetector(numbers(document, LOG_WEALTH), daysOfYear);
    return new Entry(
        document.getInteger("number"),
        LocalDate.parse(document.getString("logical_date")),
        document.getString("model_id"),
        new Gate(Metric.ofId(document.getString("metric")), document.getDouble("threshold")),
        new Harm(
            detector,
            eValues(document),
            document.getInteger(TOGETHER, 1),
            document.getInteger("days_of_champion")),
        document.getList(CHALLENGERS, Document.class, List.of()).stream()
            .map(challenger -> challenger(challenger, daysOfYear))
            .toList());
  }

  /** The cells that are not empty, each as true class, answered class and rows. */
  private static List<List<Long>> cells(ConfusionMatrix confusion) {
    List<List<Long>> cells = new ArrayList<>();
    for (int label = 0; label < confusion.classes(); label++) {
      for (int answer = 0; answer < confusion.classes(); answer++) {
        long rows = confusion.counts()[label][answer];
        if (rows > 0) {
          cells.add(List.of((long) label, (long) answer, rows));
        }
      }
    }
    return cells;
  }

  private static ConfusionMatrix matrix(Document metrics) {
    return new ConfusionMatrix(
        metrics.getList("confusion_matrix", List.class).stream()
            .map(row -> ((List<?>) row).stream().mapToLong(ErrorLedger::rows).toArray())
            .toArray(long[][]::new));
  }

  private static long rows(Object count) {
    return ((Number) count).longValue();
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static double[] numbers(Document document, String field) {
    return document.getList(field, Double.class).stream()
        .mapToDouble(Double::doubleValue)
        .toArray();
  }

  private static double number(Document document, String field) {
    Double value = document.getDouble(field);
    return value == null ? Double.NaN : value;
  }
}
