package retune.control.dashboard;

import java.time.LocalDate;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.judgement.AuditTrail;
import retune.model.ChallengerTraffic;
import retune.runtime.StepContext;

/**
 * What a model's page says of its last days.
 *
 * @param summary as on the overview
 * @param span number of days that are shown
 * @param days the newest first
 * @param metric of the gate on the last day; null before the first
 * @param measured what the version in production had, by day and version
 * @param estimates without labels, by date
 * @param drift by date, the newest first
 * @param attempts at fine-tuning, the newest first
 * @param verdicts on attempts and earlier versions, by attempt
 * @param moves deployments and rollbacks, the oldest first
 * @param retrainings events, the newest first
 * @param candidates that retrainings trained, the newest first
 * @param evidence the last entry of the evidence over days
 * @param trafficEvidence the last entry of the evidence from production about the challenger that
 *     has traffic now; null where it has none
 * @param trafficWaits which days of its requests wait for labels; null before they were looked at
 * @param alerts with who acknowledged each, the newest first
 * @param reports ids of verdicts that have a report
 * @param lastRun how the last run of the control service ended; null if none has
 */
record ModelHistory(
    Summary summary,
    int span,
    List<Reading.Day> days,
    @Nullable Metric metric,
    Map<String, Reading.Measured> measured,
    Map<LocalDate, Document> estimates,
    Map<LocalDate, Reading.Drift> drift,
    List<Document> attempts,
    List<Document> verdicts,
    List<Document> moves,
    List<Document> retrainings,
    List<Document> candidates,
    @Nullable Document evidence,
    @Nullable Document trafficEvidence,
    @Nullable Document trafficWaits,
    Map<Document, Optional<Document>> alerts,
    Set<String> reports,
    @Nullable Document lastRun) {
  /** Days whose drift, attempts and rows of tables are shown. */
  static final int DETAIL = 21;

  private static final int RETRAININGS = 20;
  private static final int ALERTS = 10;

  static ModelHistory read(StepContext context, String model, int span) {
    Reading reading = new Reading(context.store());
    Summary summary = Summary.read(context, model);
    LocalDate last = summary.last().map(Reading.Day::date).orElse(LocalDate.EPOCH);
    LocalDate from = last.minusDays(span - 1L);
    List<Reading.Day> days = reading.days(model, from);
    LocalDate detail = last.minusDays(Math.min(span, DETAIL) - 1L);
    Metric metric = days.isEmpty() ? null : Metric.ofId(days.getFirst().metric());
    List<Reading.Day> lastDays = days.stream().filter(day -> !day.date().isBefore(detail)).toList();
    Supplier<Map<String, Reading.Measured>> measured =
        AtOnce.read(() -> metric == null ? Map.of() : reading.measured(model, from, metric));
    Supplier<Map<LocalDate, Document>> estimates =
        AtOnce.read(() -> metric == null ? Map.of() : reading.estimates(model, from, metric));
    var drift = AtOnce.read(() -> reading.drift(model, lastDays));
    var attempts = AtOnce.read(() -> reading.attempts(model, detail));
    var verdicts = AtOnce.read(() -> reading.verdicts(model, detail));
    var moves = AtOnce.read(() -> new AuditTrail(context.store()).deployments(model));
    var retrainings = AtOnce.read(() -> reading.retrainings(model, RETRAININGS));
    var candidates = AtOnce.read(() -> reading.candidates(model, RETRAININGS));
    var evidence = AtOnce.read(() -> reading.lastEvidence(model));
    var trafficEvidence = AtOnce.read(() -> trafficEvidence(reading, summary));
    var trafficWaits = AtOnce.read(() -> trafficWaits(reading, summary));
    var lastRun = AtOnce.read(() -> reading.lastRun(model));
    var alerts = AtOnce.read(() -> alerts(reading, model));
    List<String> compared =
        Stream.concat(
                verdicts.get().stream()
                    .filter(
                        verdict ->
                            !verdict.getString("model_id").equals(verdict.get("champion_id")))
                    .map(verdict -> verdict.getString("_id")),
                retrainings.get().stream().map(ModelHistory::judgement))
            .toList();
    return new ModelHistory(
        summary,
        span,
        days,
        metric,
        measured.get(),
        estimates.get(),
        drift.get(),
        attempts.get().reversed(),
        verdicts.get(),
        moves.get(),
        retrainings.get(),
        candidates.get(),
        evidence.get().orElse(null),
        trafficEvidence.get().orElse(null),
        trafficWaits.get().orElse(null),
        alerts.get(),
        new HashSet<>(reading.comparisons(compared)),
        lastRun.get().orElse(null));
  }

  private static Optional<Document> trafficEvidence(Reading reading, Summary summary) {
    ChallengerTraffic traffic = summary.champion().challenger();
    return traffic == null
        ? Optional.empty()
        : reading
            .lastTrafficEvidence(summary.model())
            .filter(entry -> traffic.modelId().equals(entry.getString("model_id")))
            .filter(entry -> summary.champion().modelId().equals(entry.getString("champion_id")));
  }

  private static Optional<Document> trafficWaits(Reading reading, Summary summary) {
    return Optional.ofNullable(summary.champion().challenger())
        .flatMap(traffic -> reading.trafficWaits(summary.model(), traffic));
  }

  private static Map<Document, Optional<Document>> alerts(Reading reading, String model) {
    List<Document> alerts = reading.alerts(model, ALERTS);
    Map<String, Document> acknowledged =
        reading.acknowledgements(alerts.stream().map(alert -> alert.getString("_id")).toList());
    Map<Document, Optional<Document>> told = new LinkedHashMap<>();
    alerts.forEach(
        alert -> told.put(alert, Optional.ofNullable(acknowledged.get(alert.getString("_id")))));
    return told;
  }

  /** The value of the version in production on a day; of other metrics none. */
  Reading.@Nullable Measured measured(Reading.Day day) {
    Reading.Measured found = measured.get(day.date() + " " + day.championId());
    if (found != null) {
      return found;
    }
    return metric != null && day.metric().equals(metric.id()) && Double.isFinite(day.value())
        ? new Reading.Measured(day.value(), Double.NaN, Double.NaN, 0, 0)
        : null;
  }

  /** The id of the judgement that a retraining came to, if it came to one. */
  static String judgement(Document event) {
    return "%s/%s/%s"
        .formatted(
            event.getString("model"),
            event.getString("retraining_id"),
            event.getString("champion_id"));
  }

  /** The detailed days. */
  List<Reading.Day> lastDays() {
    return days.subList(0, Math.min(DETAIL, days.size()));
  }
}
