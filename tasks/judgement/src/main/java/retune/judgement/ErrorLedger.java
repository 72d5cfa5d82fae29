package retune.judgement;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bson.Document;
import retune.core.judgement.Gate;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.Harm;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;

/**
 * The evidence over days that a model's champion is below the gate. The collection {@code
 * error_ledger} holds an entry for each date under {@code MODEL/NUMBER}, in the order of arrival,
 * and only grows. A date counts once: a day that runs again, or with other rows or another
 * champion, adds nothing.
 *
 * <p>An entry holds the evidence after it, so one that was written stands for itself. Another
 * champion or another gate restarts the evidence on the weights that the year has left.
 */
public final class ErrorLedger {
  private static final String COLLECTION = "error_ledger";
  private static final String E_VALUES = "e_values";

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

    EValues harm(Gate gate) {
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

  /** An entry. */
  private record Entry(int number, LocalDate date, String modelId, Gate gate, Harm harm) {
    boolean isOf(Day day, Gate gate) {
      return modelId.equals(day.modelId) && this.gate.equals(gate);
    }
  }

  /** Counts the day, unless its date has counted, and returns the evidence about its champion. */
  public Harm count(Day day, Gate gate) {
    while (true) {
      List<Entry> entries = entries();
      Optional<Entry> last = entries.stream().max(Comparator.comparingInt(Entry::number));
      Optional<Entry> counted =
          entries.stream().filter(entry -> entry.date.equals(day.date)).findFirst();
      if (counted.isPresent()) {
        return known(day, gate, counted.get(), last.orElseThrow());
      }
      Entry entry = after(last, day, gate);
      // The number is free only for who has seen all entries, so no date can count twice.
      if (context.store().events().append(COLLECTION, id(entry.number), document(entry, day))) {
        return entry.harm;
      }
    }
  }

  private static Harm known(Day day, Gate gate, Entry counted, Entry last) {
    if (counted.isOf(day, gate)) {
      return counted.harm;
    }
    return last.isOf(day, gate)
        ? last.harm
        : new Harm(last.harm.detector().restart(), day.harm(gate), 0);
  }

  private static Entry after(Optional<Entry> last, Day day, Gate gate) {
    EValues today = day.harm(gate);
    EDetector before = last.map(entry -> entry.harm.detector()).orElseGet(EDetector::start);
    boolean continues = last.filter(entry -> entry.isOf(day, gate)).isPresent();
    EDetector detector = (continues ? before : before.restart()).after(today);
    int days = continues ? last.orElseThrow().harm.days() + 1 : 1;
    return new Entry(
        last.map(Entry::number).orElse(0) + 1,
        day.date,
        day.modelId,
        gate,
        new Harm(detector, today, days));
  }

  private List<Entry> entries() {
    return context.store().events().startingWith(COLLECTION, model + "/").stream()
        .map(ErrorLedger::entry)
        .toList();
  }

  private String id(int number) {
    return "%s/%d".formatted(model, number);
  }

  private Document document(Entry entry, Day day) {
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
        .append("usable", entry.harm.today().usable())
        .append(E_VALUES, list(entry.harm.today().logs()))
        .append("log_wealth", list(entry.harm.detector().logWealth()))
        .append("days_of_year", entry.harm.detector().days())
        .append("days_of_champion", entry.harm.days())
        .append("e_value", entry.harm.detector().eValue())
        .append("limit", EDetector.LIMIT)
        .append("decided", entry.harm.detector().isDecided());
    if (!Double.isNaN(day.rocAuc)) {
      document.append("roc_auc", day.rocAuc).append("roc_auc_error", day.rocAucError);
    }
    return document;
  }

  private static Entry entry(Document document) {
    EDetector detector =
        new EDetector(numbers(document, "log_wealth"), document.getInteger("days_of_year"));
    EValues today = new EValues(numbers(document, E_VALUES), document.getBoolean("usable"));
    return new Entry(
        document.getInteger("number"),
        LocalDate.parse(document.getString("logical_date")),
        document.getString("model_id"),
        new Gate(Metric.ofId(document.getString("metric")), document.getDouble("threshold")),
        new Harm(detector, today, document.getInteger("days_of_champion")));
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
