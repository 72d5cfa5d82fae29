package retune.judgement;

import java.time.LocalDate;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.bson.Document;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.Superiority;
import retune.core.metrics.Metric;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;

/**
 * The evidence from production that a challenger with traffic is better than the champion, or
 * worse: bets as those of {@link ErrorLedger} on challengers, on requests that both have scored.
 * The collection {@code challenger_ledger} holds an entry for each date under {@code MODEL/NUMBER},
 * in the order of arrival, and only grows. A date counts once for a model, so that no row counts
 * twice.
 *
 * <p>Another champion, challenger or metric begins without evidence, on the weights that the year
 * has left.
 */
public final class ChallengerLedger {
  private static final String COLLECTION = "challenger_ledger";

  private final StepContext context;
  private final String model;

  /** The ledger of a model. */
  public ChallengerLedger(StepContext context, String model) {
    this.context = context;
    this.model = model;
  }

  /**
   * What is compared.
   *
   * @param championId the version in production
   * @param challengerId the version beside it
   * @param metric by which the challenger must be better
   */
  public record Pair(String championId, String challengerId, Metric metric) {}

  /**
   * What a date said.
   *
   * @param rows with both answers and a label
   * @param evidence after the date
   */
  public record Entry(int number, LocalDate date, Pair pair, long rows, Superiority evidence) {}

  /** The dates that have counted, for whatever pair. */
  public Set<LocalDate> counted() {
    return entries().stream().map(Entry::date).collect(Collectors.toSet());
  }

  /** The last entry of a pair, if no other pair has followed it. */
  public Optional<Entry> latest(Pair pair) {
    return last(entries()).filter(entry -> entry.pair.equals(pair));
  }

  /**
   * Counts a date, unless it has counted.
   *
   * @param day reads what both answered; called only for a date that counts
   * @return false if it has counted before
   */
  public boolean count(LocalDate date, Pair pair, Supplier<ChallengerDay> day) {
    ChallengerDay answers = null;
    while (true) {
      List<Entry> entries = entries();
      if (entries.stream().anyMatch(entry -> entry.date.equals(date))) {
        return false;
      }
      if (answers == null) {
        answers = day.get();
      }
      Entry entry = after(last(entries), date, pair, answers);
      // The number is free only for who has seen all entries, so no date can count twice.
      if (context
          .store()
          .events()
          .append(COLLECTION, model + "/" + entry.number, document(entry, answers))) {
        return true;
      }
    }
  }

  private static Optional<Entry> last(List<Entry> entries) {
    return entries.stream().max(Comparator.comparingInt(Entry::number));
  }

  private static Entry after(
      Optional<Entry> last, LocalDate date, Pair pair, ChallengerDay answers) {
    Superiority before =
        last.filter(entry -> entry.pair.equals(pair))
            .map(Entry::evidence)
            .orElseGet(
                () ->
                    Superiority.start(last.map(entry -> entry.evidence.better().days()).orElse(0)));
    return new Entry(
        last.map(Entry::number).orElse(0) + 1,
        date,
        pair,
        answers.rows(),
        before.after(answers.superiority(pair.metric), answers.inferiority(pair.metric), 1));
  }

  private Document document(Entry entry, ChallengerDay answers) {
    Superiority evidence = entry.evidence;
    Document document = answers.toDocument(entry.pair.metric);
    document
        .append("model", model)
        .append("number", entry.number)
        .append("logical_date", entry.date.toString())
        .append("champion_id", entry.pair.championId)
        .append("metric", entry.pair.metric.id())
        .append("days", evidence.days())
        .append("days_of_year", evidence.better().days())
        .append("usable", evidence.today().usable())
        .append("by_accuracy", evidence.today().byAccuracy())
        .append("e_values", list(evidence.today().logs()))
        .append("log_wealth", list(evidence.better().logWealth()))
        .append("worse_log_wealth", list(evidence.worse().logWealth()))
        .append("e_value", evidence.better().eValue())
        .append("worse_e_value", evidence.worse().eValue())
        .append("limit", EDetector.LIMIT)
        .append("standing", evidence.standing().id());
    document.putAll(Provenance.of(context));
    return document;
  }

  private List<Entry> entries() {
    return context.store().events().startingWith(COLLECTION, model + "/").stream()
        .map(ChallengerLedger::entry)
        .toList();
  }

  private static Entry entry(Document document) {
    int daysOfYear = document.getInteger("days_of_year");
    return new Entry(
        document.getInteger("number"),
        LocalDate.parse(document.getString("logical_date")),
        new Pair(
            document.getString("champion_id"),
            document.getString("model_id"),
            Metric.ofId(document.getString("metric"))),
        document.getLong("rows"),
        new Superiority(
            new EDetector(numbers(document, "log_wealth"), daysOfYear),
            new EDetector(numbers(document, "worse_log_wealth"), daysOfYear),
            new EValues(
                numbers(document, "e_values"),
                document.getBoolean("usable"),
                document.getBoolean("by_accuracy", false)),
            document.getInteger("days")));
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static double[] numbers(Document document, String field) {
    return document.getList(field, Double.class).stream()
        .mapToDouble(Double::doubleValue)
        .toArray();
  }
}
