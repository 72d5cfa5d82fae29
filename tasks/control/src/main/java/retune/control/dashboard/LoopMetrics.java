package retune.control.dashboard;

import com.mongodb.client.model.Projections;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.runtime.StepContext;

/**
 * What the pages say of each model, as numbers for Prometheus. Their count is bounded: a model has
 * one series of each, or one for each status that the steps know.
 */
public final class LoopMetrics {
  /** More models are left out, by name, and counted. */
  static final int MOST_MODELS = 200;

  private static final String PREFIX = "retune_loop_";
  private static final String MODEL = "model";
  private static final String STATUS = "status";

  /** Whoever scrapes presses no button. */
  private static final Viewer NOBODY =
      new Viewer(new Viewer.Can(false, false), null, "", null, "/metrics");

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Gauge value =
      gauge(
          "metric_value",
          "The gate's metric of the version in production, on the last day with labels.",
          MODEL,
          "metric");
  private final Gauge low =
      gauge("metric_low", "Lower end of the metric's 95 % interval.", MODEL, "metric");
  private final Gauge high =
      gauge("metric_high", "Upper end of the metric's 95 % interval.", MODEL, "metric");
  private final Gauge limit =
      gauge("metric_limit", "The gate's threshold of the metric.", MODEL, "metric");
  private final Gauge evaluatedAt =
      gauge(
          "last_evaluation_timestamp_seconds",
          "When the last day was judged, in seconds since 1970.",
          MODEL);
  private final Gauge sinceEvaluation =
      gauge("days_since_evaluation", "Days since the last day was judged.", MODEL);
  private final Gauge lastOutcome =
      gauge("last_outcome", "1 for the status that the last day ended with.", MODEL, STATUS);
  private final Gauge labelDelay =
      gauge(
          "label_delay_days",
          "Days from the last day with enough labels to the last day: 0 where labels come with"
              + " their rows.",
          MODEL);
  private final Gauge alerts =
      gauge("open_alerts", "What waits for a person, as on the first page.", MODEL);
  private final Gauge driftShare =
      gauge("drift_share", "Share of the columns with drift, on the last report.", MODEL);
  private final Gauge drift =
      gauge("drift_detected", "1 if the last report found drift, beyond chance.", MODEL);
  private final Info champion =
      Info.builder()
          .name(PREFIX + "champion_info")
          .help("The version in production.")
          .labelNames(MODEL, "model_id")
          .register(registry);
  private final Gauge championSince =
      gauge(
          "champion_timestamp_seconds",
          "When the version in production was deployed, in seconds since 1970.",
          MODEL);
  private final Gauge challenger =
      gauge(
          "challenger_fraction",
          "Share of the requests that the version beside the one in production answers: 0 in"
              + " shadow; absent without one.",
          MODEL,
          "mode");
  private final Counter evaluations =
      counter("evaluations_total", "Judged days by how they ended, repetitions included.");
  private final Counter verdicts =
      counter("verdicts_total", "Verdicts on versions and attempts by kind.");
  private final Counter retrainings =
      counter("retrainings_total", "Events of retrainings by status.");
  private final Counter attempts =
      Counter.builder()
          .name(PREFIX + "attempts_total")
          .help("Attempts at fine-tuning.")
          .labelNames(MODEL)
          .register(registry);
  private final Gauge leftOut =
      Gauge.builder()
          .name(PREFIX + "models_left_out")
          .help("Models beyond the first %d by name, which have no metrics.".formatted(MOST_MODELS))
          .register(registry);

  private LoopMetrics() {}

  /** Reads all loops from the store. */
  public static MetricSnapshots read(StepContext context) {
    LoopMetrics metrics = new LoopMetrics();
    List<String> all = new Reading(context.store()).models();
    List<String> models = all.subList(0, Math.min(MOST_MODELS, all.size()));
    metrics.leftOut.set(all.size() - models.size());
    Instant now = context.clock().instant();
    models.forEach(model -> metrics.tell(context, model, now));
    metrics.count(context, "outcomes", models, metrics.evaluations);
    metrics.count(context, "verdicts", models, metrics.verdicts);
    metrics.count(context, "retraining_events", models, metrics.retrainings);
    metrics.countAttempts(context, models);
    return metrics.registry.scrape();
  }

  private void tell(StepContext context, String model, Instant now) {
    Reading reading = new Reading(context.store());
    Summary summary = Summary.read(context, model);
    champion.addLabelValues(model, summary.champion().modelId());
    Optional.ofNullable(summary.champion().deployedAt())
        .ifPresent(at -> championSince.labelValues(model).set(seconds(Instant.parse(at))));
    Optional.ofNullable(summary.champion().challenger())
        .ifPresent(
            traffic -> challenger.labelValues(model, traffic.mode().id()).set(traffic.fraction()));
    alerts.labelValues(model).set(summary.needs(NOBODY, now).size());
    Reading.Drift report = summary.drift();
    if (report != null) {
      drift.labelValues(model).set(report.detected() ? 1 : 0);
      driftShare
          .labelValues(model)
          .set(report.features() == 0 ? 0 : (double) report.drifted() / report.features());
    }
    summary.last().ifPresent(last -> tell(model, last, summary.days(), reading, now));
  }

  private void tell(
      String model, Reading.Day last, List<Reading.Day> days, Reading reading, Instant now) {
    evaluatedAt.labelValues(model).set(seconds(last.at()));
    sinceEvaluation
        .labelValues(model)
        .set(
            Math.max(0, seconds(now) - seconds(last.at()))
                / ChronoUnit.DAYS.getDuration().toSeconds());
    lastOutcome.labelValues(model, last.status()).set(1);
    days.stream()
        .filter(day -> Double.isFinite(day.value()))
        .findFirst()
        .ifPresent(
            day -> {
              labelDelay.labelValues(model).set(daysBetween(day.date(), last.date()));
              tell(model, day, measured(model, day, reading));
            });
  }

  private void tell(String model, Reading.Day day, Reading.@Nullable Measured measured) {
    limit.labelValues(model, day.metric()).set(day.threshold());
    value.labelValues(model, day.metric()).set(measured == null ? day.value() : measured.value());
    if (measured != null && Double.isFinite(measured.low())) {
      low.labelValues(model, day.metric()).set(measured.low());
      high.labelValues(model, day.metric()).set(measured.high());
    }
  }

  private static Reading.@Nullable Measured measured(
      String model, Reading.Day day, Reading reading) {
    return reading
        .measured(model, day.date(), Metric.ofId(day.metric()))
        .get(day.date() + " " + day.championId());
  }

  /** Counts documents by model and status, in one pass over the collection. */
  private void count(StepContext context, String collection, List<String> models, Counter counter) {
    for (Document found :
        context
            .store()
            .collection(collection)
            .find()
            .projection(Projections.include("_id", STATUS))) {
      String model = model(found);
      if (models.contains(model)) {
        counter.labelValues(model, String.valueOf(found.getString(STATUS))).inc();
      }
    }
  }

  private void countAttempts(StepContext context, List<String> models) {
    for (Document found :
        context.store().collection("attempts").find().projection(Projections.include("_id"))) {
      String model = model(found);
      if (models.contains(model)) {
        attempts.labelValues(model).inc();
      }
    }
  }

  /** The model of a document whose id is {@code MODEL/…}. */
  private static String model(Document document) {
    String id = document.getString("_id");
    return id.substring(0, Math.max(0, id.indexOf('/')));
  }

  private static double daysBetween(LocalDate one, LocalDate other) {
    return (double) ChronoUnit.DAYS.between(one, other);
  }

  private static double seconds(Instant time) {
    return time.toEpochMilli() / 1e3;
  }

  private Gauge gauge(String name, String help, String... labels) {
    return Gauge.builder().name(PREFIX + name).help(help).labelNames(labels).register(registry);
  }

  private Counter counter(String name, String help) {
    return Counter.builder()
        .name(PREFIX + name)
        .help(help)
        .labelNames(MODEL, STATUS)
        .register(registry);
  }
}
