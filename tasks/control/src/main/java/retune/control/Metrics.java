package retune.control;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.LoopMetrics;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Route;

/**
 * The metrics of the loops and of this service, for Prometheus. The loops are read from the store
 * at most every {@link #FRESH}, however often and by how many they are asked for. While a reading
 * takes longer than a scrape waits, scrapes get the one before.
 */
final class Metrics implements Route.Group {
  private static final Logger LOG = System.getLogger(Metrics.class.getName());
  private static final String PREFIX = "retune_control_";

  /** The oldest reading that is not replaced by a new one. */
  static final Duration FRESH = Duration.ofSeconds(30);

  /** The oldest reading that scrapes get while a new one is under way. */
  static final Duration USABLE = Duration.ofMinutes(2);

  /** A scrape ends in time, also where the store does not answer. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** What was read of the loops, and when the reading began. */
  private record Loops(Instant at, MetricSnapshots metrics) {}

  private final StepContext context;
  private final Duration patience;
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Counter requests =
      Counter.builder()
          .name(PREFIX + "requests_total")
          .help("Requests by path and HTTP status.")
          .labelNames("path", "status")
          .register(registry);
  private final Gauge storeUp =
      Gauge.builder()
          .name(PREFIX + "store_up")
          .help("1 if the last reading of the loops from the document store succeeded.")
          .register(registry);
  private final Gauge readAt =
      Gauge.builder()
          .name(PREFIX + "loops_read_timestamp_seconds")
          .help("When the loops were read, in seconds since 1970.")
          .register(registry);
  private @Nullable CompletableFuture<Loops> reading;
  private @Nullable Instant begun;

  /** The last reading that ended; null if it failed. */
  private volatile @Nullable Loops last;

  Metrics(StepContext context) {
    this(context, PATIENCE);
  }

  /** The same, with another time that a scrape waits for a reading. */
  Metrics(StepContext context, Duration patience) {
    this.context = context;
    this.patience = patience;
    JvmMetrics.builder().register(registry);
  }

  /** Counts a request; the path is that of a route, so that callers cannot add series. */
  void requestEnded(String path, int status) {
    requests.labelValues(path, Integer.toString(status)).inc();
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get(
            "/metrics",
            (_, _) -> new Answer(200, PrometheusTextFormatWriter.CONTENT_TYPE, text())));
  }

  /** All metrics in Prometheus' text format. */
  byte[] text() throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
    Loops loops = loops();
    storeUp.set(loops == null ? 0 : 1);
    if (loops != null) {
      readAt.set(loops.at.toEpochMilli() / 1e3);
      writer.write(text, loops.metrics);
    }
    writer.write(text, registry.scrape());
    return text.toByteArray();
  }

  /** What was read last; null if the store does not answer. */
  private @Nullable Loops loops() {
    try {
      return current().get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException failed) {
      return null;
    } catch (TimeoutException e) {
      Loops before = last;
      Instant oldest = context.clock().instant().minus(USABLE);
      return before == null || before.at.isBefore(oldest) ? null : before;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  /** The reading that is under way or fresh; otherwise a new one. */
  private synchronized CompletableFuture<Loops> current() {
    Instant now = context.clock().instant();
    boolean isOld = begun == null || !now.isBefore(begun.plus(FRESH));
    if (reading == null || (reading.isDone() && (isOld || reading.isCompletedExceptionally()))) {
      begun = now;
      reading = new CompletableFuture<>();
      CompletableFuture<Loops> started = reading;
      Thread.startVirtualThread(() -> read(started, now));
    }
    return reading;
  }

  private void read(CompletableFuture<Loops> started, Instant now) {
    try {
      Loops loops = new Loops(now, LoopMetrics.read(context));
      last = loops;
      started.complete(loops);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.WARNING, "The loops cannot be read: {0}", e.toString());
      last = null;
      started.completeExceptionally(e);
    }
  }
}
