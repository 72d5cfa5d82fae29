package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.judgement.LabelMaturity;
import retune.core.judgement.LabelMaturity.Labels;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.core.judgement.ledger.Superiority;
import retune.core.judgement.ledger.Superiority.Standing;
import retune.core.metrics.Metric;
import retune.judgement.AuditTrail;
import retune.judgement.ChallengerDay;
import retune.judgement.ChallengerLedger;
import retune.judgement.ChallengerLedger.Pair;
import retune.model.ChallengerTraffic;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.TrafficControl;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.Provenance;
import retune.runtime.store.RawBatches;
import retune.steps.data.CollectQueries;

@About(
    value =
        "Weighs the challenger that has traffic by requests that it and the version in production"
            + " have both scored, from the query log, with people's labels: each day since its"
            + " start once, when its labels suffice. Says promote, keep or abort. It aborts a"
            + " challenger that is proved worse, or not proved better within 90 days of traffic:"
            + " its traffic ends, and the reason is recorded.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default --logical-date 2026-11-05 --metric f1_score",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class WeighChallenger implements Step<WeighChallenger.Input, WeighChallenger.Output> {
  private static final Logger LOGGER = System.getLogger(WeighChallenger.class.getName());
  private static final String BY = "weigh_challenger";

  /** After so many pairs the days that were read are weighed, to bound the memory. */
  private static final int PAIRS_AT_ONCE = 1_000_000;

  private final int pairsAtOnce;

  public WeighChallenger() {
    this(PAIRS_AT_ONCE);
  }

  WeighChallenger(int pairsAtOnce) {
    this.pairsAtOnce = pairsAtOnce;
  }

  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("last day of requests to weigh (UTC)") LocalDate logicalDate,
      @Field(
              value =
                  "metric by which the challenger must be better, as of check_model_performance",
              byDefault = "f1_score")
          Metric metric,
      @Field(
              value = "as of evaluate_model: least share of the paired requests with a label",
              byDefault = EvaluateModel.MATURE_SHARE,
              min = 0,
              max = 1)
          double matureShare,
      @Field(
              value = "as of evaluate_model: least age of a day, unless every pair has a label",
              byDefault = EvaluateModel.MATURE_DAYS,
              min = 0,
              max = 3650)
          int matureDays) {}

  /** What the evidence says. */
  public enum Decision {
    /** It is proved better; promote_challenger approves it. */
    PROMOTE,
    /** Nothing is decided, or there is no challenger. */
    KEEP,
    /** Its traffic has ended. */
    ABORT
  }

  public record Output(
      @Field("the challenger; null if none has traffic") @Nullable String modelId,
      @Field("the version in production") String championId,
      @Field("promote, keep or abort") Decision decision,
      @Field("days that were weighed now") List<LocalDate> days,
      @Field("labelled requests of these days that both versions scored") long rows,
      @Field("days that wait for labels") int waiting,
      @Field("rows without the shape of a query, of the days that were read; left out")
          int malformed,
      @Field("evidence that the challenger is better; 40 decides") @Nullable Double evidence,
      @Field("evidence that it is worse; 40 decides") @Nullable Double worseEvidence,
      @Field("what was found, as a sentence") String message) {}

  /** Days that wait for labels, the first one first. */
  private record Waiting(LabelMaturity maturity, List<Labels> days) {
    private static final String COLLECTION = "challenger_waits";

    /** As a sentence; empty if no day waits. */
    String sentence() {
      return switch (days.size()) {
        case 0 -> "";
        case 1 -> "1 day waits for labels: %s.".formatted(maturity.lack(days.getFirst()));
        default ->
            "%d days wait for labels, the first: %s."
                .formatted(days.size(), maturity.lack(days.getFirst()));
      };
    }

    /** Keeps for people what waits now. */
    void record(Input input, StepContext context, Champion champion, ChallengerTraffic traffic) {
      Document now =
          new Document("model", input.model())
              .append("number", traffic.number())
              .append("model_id", traffic.modelId())
              .append("champion_id", champion.modelId())
              .append("logical_date", input.logicalDate().toString())
              .append("mature_share", maturity.share())
              .append("mature_days", maturity.days())
              .append("days", days.stream().map(Waiting::document).toList())
              .append("message", sentence());
      now.putAll(Provenance.of(context));
      context
          .store()
          .events()
          .record(COLLECTION, "%s/%d".formatted(input.model(), traffic.number()), now);
    }

    private static Document document(Labels day) {
      return new Document("date", day.date().toString())
          .append("rows", day.rows())
          .append("labelled", day.labelled())
          .append("age_days", day.ageDays());
    }
  }

  /**
   * What is known of the challenger.
   *
   * @param entry the last day that was weighed
   * @param daysOfTraffic that are over
   */
  private record Finding(
      String modelId, Optional<ChallengerLedger.Entry> entry, int daysOfTraffic, Waiting waiting) {
    Optional<Superiority> evidence() {
      return entry.map(ChallengerLedger.Entry::evidence);
    }

    private Standing byEvidence() {
      return evidence().map(Superiority::standing).orElse(Standing.OPEN);
    }

    /** What the evidence says; where that is open, the age of the traffic decides. */
    Standing standing() {
      Standing standing = byEvidence();
      return standing == Standing.OPEN && daysOfTraffic >= Superiority.MOST_DAYS
          ? Standing.TOO_OLD
          : standing;
    }

    Decision decision() {
      return switch (standing()) {
        case OPEN -> Decision.KEEP;
        case BETTER -> Decision.PROMOTE;
        case WORSE, TOO_OLD -> Decision.ABORT;
      };
    }

    String message() {
      return (weighed() + " " + waiting.sentence()).strip();
    }

    private String weighed() {
      if (byEvidence() != standing()) {
        return "%s is dropped: it has had traffic for %d days, in which a challenger must be proved better, and %s."
            .formatted(
                modelId,
                daysOfTraffic,
                evidence()
                    .map(Superiority::clause)
                    .orElse("no day of its requests has been weighed"));
      }
      return entry
          .map(last -> last.evidence().sentence(modelId, last.rows()))
          .orElseGet(() -> "%s is not weighed yet.".formatted(modelId));
    }
  }

  /** Weighs days, several at a time, because all of them share one pass over the feedback. */
  private static final class Weighing {
    private final StepContext context;
    private final String model;
    private final LabelMaturity maturity;
    private final ChallengerLedger ledger;
    private final Pair pair;
    private final Target target;
    private final List<Arrival> arrivals;
    private final List<LocalDate> weighed = new ArrayList<>();
    private final List<Labels> immature = new ArrayList<>();
    private long rows;
    private int malformed;
    private @Nullable String firstMalformed;

    Weighing(StepContext context, Input input, ChallengerLedger ledger, Pair pair) {
      this.context = context;
      this.model = input.model();
      this.maturity = new LabelMaturity(input.matureShare(), input.matureDays());
      this.ledger = ledger;
      this.pair = pair;
      this.target = new ModelStore(context).get(pair.challengerId()).target();
      this.arrivals = context.store().lateLabels().arrivals(model);
    }

    void weigh(List<LocalDate> dates, int pairsAtOnce) {
      List<LoggedPairs> days = new ArrayList<>();
      int pairs = 0;
      for (LocalDate date : dates) {
        LoggedPairs day = read(date);
        if (day.size() > 0) {
          days.add(day);
          pairs += day.size();
        }
        if (pairs >= pairsAtOnce) {
          labelAndCount(days);
          days.clear();
          pairs = 0;
        }
      }
      labelAndCount(days);
    }

    private LoggedPairs read(LocalDate date) {
      LoggedPairs day = LoggedPairs.read(context.store().queryLogs(), model, date, pair, target);
      malformed += day.malformed();
      firstMalformed = firstMalformed == null ? day.firstMalformed() : firstMalformed;
      return day;
    }

    /**
     * Labels come with the days' rows, or as feedback for requests that are no rows of the loop's
     * days; the former count where there are both.
     */
    private void labelAndCount(List<LoggedPairs> days) {
      if (days.isEmpty()) {
        return;
      }
      context
          .store()
          .feedback()
          .forEach(model, given -> days.forEach(day -> day.label(given.key(), given.label())));
      for (LoggedPairs day : days) {
        context.store().lateLabels().forEach(model, arrivals, day.date(), day::label);
        Labels state = Labels.at(context.clock().instant(), day.date(), day.labelled(), day.size());
        if (!maturity.isReachedBy(state)) {
          immature.add(state);
        } else if (ledger.count(
            day.date(),
            pair,
            () -> ChallengerDay.ofRequests(pair.challengerId(), target, day.withLabels()))) {
          weighed.add(day.date());
          rows += day.labelled();
        }
      }
    }

    Waiting waiting() {
      return new Waiting(maturity, List.copyOf(immature));
    }

    /** What was left out, as a sentence; empty if nothing was. */
    String leftOut() {
      return malformed == 0
          ? ""
          : "Left out as malformed: %d, such as in block %s of the query log."
              .formatted(malformed, firstMalformed);
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    Champion champion = new Champions(context.store()).get(input.model());
    ChallengerTraffic traffic = champion.challenger();
    Output output =
        traffic == null
            ? new Output(
                null,
                champion.modelId(),
                Decision.KEEP,
                List.of(),
                0,
                0,
                0,
                null,
                null,
                "No challenger of %s has traffic.".formatted(input.model()))
            : weigh(input, context, champion, traffic);
    LOGGER.log(Level.INFO, output.message);
    return output;
  }

  private Output weigh(
      Input input, StepContext context, Champion champion, ChallengerTraffic traffic) {
    Optional<String> rejection = rejection(context, traffic);
    if (rejection.isPresent()) {
      new TrafficControl(context, input.model()).end(traffic.modelId(), BY, rejection.get());
      return new Output(
          traffic.modelId(),
          champion.modelId(),
          Decision.ABORT,
          List.of(),
          0,
          0,
          0,
          null,
          null,
          "%s has no traffic any more: %s.".formatted(traffic.modelId(), rejection.get()));
    }
    ChallengerLedger ledger = new ChallengerLedger(context, input.model());
    Pair pair = new Pair(champion.modelId(), traffic.modelId(), input.metric());
    List<LocalDate> dates = dates(input, context, traffic);
    Set<LocalDate> counted = ledger.counted();
    Weighing weighing = new Weighing(context, input, ledger, pair);
    weighing.weigh(
        dates.stream()
            .filter(date -> !counted.contains(date))
            .filter(date -> !isJudgedByDay(context, input.model(), date, traffic))
            .toList(),
        pairsAtOnce);
    Waiting waiting = weighing.waiting();
    waiting.record(input, context, champion, traffic);
    Finding found = new Finding(traffic.modelId(), ledger.latest(pair), dates.size(), waiting);
    if (found.decision() == Decision.ABORT) {
      abort(input, context, found);
    }
    return new Output(
        traffic.modelId(),
        champion.modelId(),
        found.decision(),
        List.copyOf(weighing.weighed),
        weighing.rows,
        waiting.days.size(),
        weighing.malformed,
        found.evidence().map(evidence -> evidence.better().eValue()).orElse(null),
        found.evidence().map(evidence -> evidence.worse().eValue()).orElse(null),
        (found.message() + " " + weighing.leftOut()).strip());
  }

  /** Why an evaluation has rejected the challenger since its traffic started, if one has. */
  private static Optional<String> rejection(StepContext context, ChallengerTraffic traffic) {
    Instant start = Instant.parse(traffic.startedAt());
    return AuditTrail.moves(new AuditTrail(context.store()).version(traffic.modelId())).stream()
        .reduce((_, last) -> last)
        .filter(move -> VersionStatus.REJECTED.id().equals(move.getString("to")))
        .filter(move -> Instant.parse(move.getString("timestamp")).isAfter(start))
        .map(move -> "it was rejected at %s".formatted(move.getString("timestamp")));
  }

  /** The days that are over, from the start of the traffic on. */
  private static List<LocalDate> dates(
      Input input, StepContext context, ChallengerTraffic traffic) {
    LocalDate first = LocalDate.ofInstant(Instant.parse(traffic.startedAt()), ZoneOffset.UTC);
    LocalDate today = LocalDate.ofInstant(context.clock().instant(), ZoneOffset.UTC);
    LocalDate end = input.logicalDate().isBefore(today) ? input.logicalDate().plusDays(1) : today;
    return first.isBefore(end) ? first.datesUntil(end).toList() : List.of();
  }

  /**
   * Whether the day's evaluation measures the challenger on the same requests, because the loop's
   * rows are the query log: then they count there, and not twice.
   */
  private static boolean isJudgedByDay(
      StepContext context, String model, LocalDate date, ChallengerTraffic traffic) {
    return new ModelStore(context).status(traffic.modelId()) == VersionStatus.CHALLENGER
        && context
            .store()
            .rawBatches()
            .find(RawBatches.batchId(model, date))
            .filter(batch -> batch.datasetName().equals(CollectQueries.DATASET))
            .isPresent();
  }

  /**
   * Ends the traffic; a version that is proved worse is rejected before that, unless accuracy took
   * the metric's place: it may be better by the metric.
   */
  private static void abort(Input input, StepContext context, Finding found) {
    String message = found.message();
    boolean byAccuracy = found.evidence().filter(last -> last.today().byAccuracy()).isPresent();
    if (found.standing() == Standing.WORSE && !byAccuracy) {
      new ModelStore(context).move(found.modelId(), Event.REJECT, message);
    }
    new TrafficControl(context, input.model())
        .end(found.modelId(), BY, message.substring(0, message.length() - 1));
  }
}
