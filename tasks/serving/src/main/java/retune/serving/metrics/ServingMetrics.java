package retune.serving.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.concurrent.atomic.LongAdder;
import retune.model.ModelVersion;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;

/** The metrics of the service. */
public final class ServingMetrics {
  private static final String PREFIX = "retune_serving_";

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Counter requests =
      Counter.builder()
          .name(PREFIX + "requests_total")
          .help("Requests by endpoint and HTTP status.")
          .labelNames("endpoint", "status")
          .register(registry);
  private final Histogram duration =
      Histogram.builder()
          .name(PREFIX + "request_duration_seconds")
          .help("Time from the headers of a request to its response.")
          .labelNames("endpoint")
          .classicOnly()
          .classicUpperBounds(
              .0005, .001, .002, .004, .008, .016, .032, .064, .125, .25, .5, 1, 2, 5, 10)
          .register(registry);
  private final Counter rateLimited =
      Counter.builder()
          .name(PREFIX + "rate_limited_total")
          .help("Requests refused because their caller made too many a minute.")
          .register(registry);
  private final Counter refusedConnections =
      Counter.builder()
          .name(PREFIX + "refused_connections_total")
          .help("Connections closed because too many requests were at work.")
          .register(registry);
  private final Gauge inFlight =
      Gauge.builder()
          .name(PREFIX + "in_flight_requests")
          .help("Requests in flight.")
          .register(registry);
  private final Counter predictions =
      Counter.builder()
          .name(PREFIX + "predictions_total")
          .help("Rows by predicted class.")
          .labelNames("predicted")
          .register(registry);
  private final Histogram confidence =
      Histogram.builder()
          .name(PREFIX + "confidence")
          .help("Probability of the predicted class.")
          .classicOnly()
          .classicUpperBounds(.1, .2, .3, .4, .5, .55, .6, .65, .7, .75, .8, .85, .9, .95, .99, 1)
          .register(registry);
  private final Counter outcomes =
      Counter.builder()
          .name(PREFIX + "value_outcomes_total")
          .help("Values that a rule of the preprocessing handled, such as an unseen category.")
          .labelNames("outcome", "column")
          .register(registry);
  private final Info model =
      Info.builder()
          .name(PREFIX + "model_info")
          .help("The served version.")
          .labelNames("model", "model_id", "model_version")
          .register(registry);
  private final Gauge loadedAt =
      Gauge.builder()
          .name(PREFIX + "model_loaded_timestamp_seconds")
          .help("When the served version was loaded, in seconds since 1970.")
          .register(registry);
  private final Counter swaps =
      Counter.builder()
          .name(PREFIX + "model_swaps_total")
          .help("Versions loaded, including the first.")
          .register(registry);
  private final Counter refusals =
      Counter.builder()
          .name(PREFIX + "model_refusals_total")
          .help(
              "Failed attempts to load a champion: not approved, unreadable, or wrong on its golden"
                  + " rows.")
          .register(registry);
  private final Gauge behind =
      Gauge.builder()
          .name(PREFIX + "behind_champion")
          .help("1 while the served version is not the champion.")
          .register(registry);
  private final Gauge storeUp =
      Gauge.builder()
          .name(PREFIX + "store_up")
          .help("1 while the document store is reachable or not needed.")
          .register(registry);
  private final QueryLogMetrics queryLog = new QueryLogMetrics(registry);
  private final ChallengerMetrics challenger = new ChallengerMetrics(registry);
  private final LongAdder answered = new LongAdder();
  private final LongAdder rows = new LongAdder();

  public ServingMetrics() {
    JvmMetrics.builder().register(registry);
  }

  public QueryLogMetrics queryLog() {
    return queryLog;
  }

  public ChallengerMetrics challenger() {
    return challenger;
  }

  /** Counts a request in. */
  public void requestBegan() {
    inFlight.inc();
  }

  /** Counts a request out. */
  public void requestEnded(String endpoint, int status, long nanoseconds) {
    requests.labelValues(endpoint, Integer.toString(status)).inc();
    duration.labelValues(endpoint).observe(nanoseconds / 1e9);
    answered.increment();
    inFlight.dec();
  }

  /** Counts a connection that is closed for lack of a place. */
  public void refusedConnection() {
    refusedConnections.inc();
  }

  /** Counts a request that its caller made too soon. */
  public void rateLimited() {
    rateLimited.inc();
  }

  /** Counts predictions and what the preprocessing did. */
  public void predicted(LoadedVersion.Answers answers) {
    for (Prediction prediction : answers.predictions()) {
      predictions.labelValues(prediction.answeredClass()).inc();
      confidence.observe(prediction.confidence());
    }
    rows.add(answers.predictions().size());
    answers
        .outcomes()
        .forEach(
            (occurrence, count) ->
                outcomes.labelValues(occurrence.outcome().id(), occurrence.column()).inc(count));
  }

  /** Records a newly loaded version. */
  public void swapped(ModelVersion version, Instant now) {
    model.setLabelValues(version.modelName(), version.modelId(), version.modelVersion());
    loadedAt.set(now.toEpochMilli() / 1e3);
    swaps.inc();
  }

  /** Counts a champion that was refused. */
  public void refused() {
    refusals.inc();
  }

  public void behindChampion(boolean isBehind) {
    behind.set(isBehind ? 1 : 0);
  }

  public void storeUp(boolean isUp) {
    storeUp.set(isUp ? 1 : 0);
  }

  /** The number of requests answered so far. */
  public long requests() {
    return answered.sum();
  }

  /** The number of rows predicted so far. */
  public long rows() {
    return rows.sum();
  }

  /** All metrics in Prometheus text format, {@link PrometheusTextFormatWriter#CONTENT_TYPE}. */
  public byte[] text() {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create().write(text, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toByteArray();
  }
}
