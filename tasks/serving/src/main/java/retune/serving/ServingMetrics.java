package retune.serving;

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

/** What the service counts, for Prometheus. */
final class ServingMetrics {
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
          .help("From a request's headers to its answer.")
          .labelNames("endpoint")
          .classicOnly()
          .classicUpperBounds(
              .0005, .001, .002, .004, .008, .016, .032, .064, .125, .25, .5, 1, 2, 5, 10)
          .register(registry);
  private final Gauge inFlight =
      Gauge.builder()
          .name(PREFIX + "in_flight_requests")
          .help("Requests that are being answered.")
          .register(registry);
  private final Counter predictions =
      Counter.builder()
          .name(PREFIX + "predictions_total")
          .help("Rows by the class answered.")
          .labelNames("predicted")
          .register(registry);
  private final Histogram confidence =
      Histogram.builder()
          .name(PREFIX + "confidence")
          .help("Probability of the class answered.")
          .classicOnly()
          .classicUpperBounds(.1, .2, .3, .4, .5, .55, .6, .65, .7, .75, .8, .85, .9, .95, .99, 1)
          .register(registry);
  private final Counter outcomes =
      Counter.builder()
          .name(PREFIX + "value_outcomes_total")
          .help("Values that met a fitted rule, such as a category unseen in training.")
          .labelNames("outcome", "column")
          .register(registry);
  private final Info model =
      Info.builder()
          .name(PREFIX + "model_info")
          .help("The version that answers.")
          .labelNames("model", "model_id", "model_version")
          .register(registry);
  private final Gauge loadedAt =
      Gauge.builder()
          .name(PREFIX + "model_loaded_timestamp_seconds")
          .help("When the version that answers began to, in seconds since 1970.")
          .register(registry);
  private final Counter swaps =
      Counter.builder()
          .name(PREFIX + "model_swaps_total")
          .help("Versions that began to answer, the first included.")
          .register(registry);
  private final Counter refusals =
      Counter.builder()
          .name(PREFIX + "model_refusals_total")
          .help("Attempts to load a champion that could not be read or failed its golden rows.")
          .register(registry);
  private final Gauge behind =
      Gauge.builder()
          .name(PREFIX + "behind_champion")
          .help("1 while another version answers than the store's champion.")
          .register(registry);
  private final Gauge storeUp =
      Gauge.builder()
          .name(PREFIX + "store_up")
          .help("1 while the document store answers, or none is needed.")
          .register(registry);
  private final LongAdder answered = new LongAdder();
  private final LongAdder rows = new LongAdder();

  ServingMetrics() {
    JvmMetrics.builder().register(registry);
  }

  /** A request that is being answered, until it is closed. */
  interface InFlight extends AutoCloseable {
    @Override
    void close();
  }

  InFlight begin() {
    inFlight.inc();
    return inFlight::dec;
  }

  /** Requests that are being answered. */
  long inFlight() {
    return (long) inFlight.get();
  }

  void requestEnded(String endpoint, int status, long nanoseconds) {
    requests.labelValues(endpoint, Integer.toString(status)).inc();
    duration.labelValues(endpoint).observe(nanoseconds / 1e9);
    answered.increment();
  }

  void predicted(LoadedVersion.Answers answers) {
    for (Prediction prediction : answers.predictions()) {
      predictions.labelValues(prediction.answeredClass()).inc();
      confidence.observe(prediction.confidence());
    }
    rows.add(answers.predictions().size());
    answers
        .outcomes()
        .forEach(
            (name, count) -> {
              int dot = name.indexOf('.');
              outcomes.labelValues(name.substring(0, dot), name.substring(dot + 1)).inc(count);
            });
  }

  void swapped(ModelVersion version, Instant now) {
    model.setLabelValues(version.modelName(), version.modelId(), version.modelVersion());
    loadedAt.set(now.toEpochMilli() / 1e3);
    swaps.inc();
  }

  void refused() {
    refusals.inc();
  }

  void behindChampion(boolean isBehind) {
    behind.set(isBehind ? 1 : 0);
  }

  void storeUp(boolean isUp) {
    storeUp.set(isUp ? 1 : 0);
  }

  /** Requests ended so far. */
  long requests() {
    return answered.sum();
  }

  /** Rows answered so far. */
  long rows() {
    return rows.sum();
  }

  /** All of it as Prometheus reads it, in {@link PrometheusTextFormatWriter#CONTENT_TYPE}. */
  byte[] text() {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create().write(text, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toByteArray();
  }
}
