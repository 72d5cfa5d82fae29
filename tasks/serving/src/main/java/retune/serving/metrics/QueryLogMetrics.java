package retune.serving.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** The metrics of the query log. */
public final class QueryLogMetrics {
  private static final String PREFIX = "retune_query_log_";

  /** Why rows are not in the log. */
  public enum Drop {
    /** More rows came than the store took, or it was away for too long. */
    QUEUE_FULL,
    /** The store refused the document. */
    REFUSED,
    /** A column is to be hashed that the version does not read: the name may be wrong. */
    UNKNOWN_COLUMN,
    /** The service stopped while the store was away. */
    STOPPED;

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final AtomicLong waiting = new AtomicLong();
  private final Gauge queued;
  private final Counter written;
  private final Counter dropped;

  QueryLogMetrics(PrometheusRegistry registry) {
    queued =
        Gauge.builder()
            .name(PREFIX + "queued_rows")
            .help("Rows that wait to be written to the query log.")
            .register(registry);
    written =
        Counter.builder()
            .name(PREFIX + "written_total")
            .help("Rows written to the query log.")
            .register(registry);
    dropped =
        Counter.builder()
            .name(PREFIX + "dropped_total")
            .help("Rows that are missing in the query log, by reason.")
            .labelNames("reason")
            .register(registry);
    for (Drop reason : Drop.values()) {
      dropped.initLabelValues(reason.id());
    }
  }

  /** Counts rows that wait now. */
  public void queued(int rows) {
    queued.set((double) waiting.addAndGet(rows));
  }

  /** Counts rows that waited and are written. */
  public void written(int rows) {
    queued(-rows);
    written.inc(rows);
  }

  /** Counts rows that never waited and are lost. */
  public void dropped(Drop reason, long rows) {
    dropped.labelValues(reason.id()).inc(rows);
  }

  /** The rows that wait now. */
  public long waiting() {
    return waiting.get();
  }

  /** The rows lost so far for a reason. */
  public long lost(Drop reason) {
    return (long) dropped.labelValues(reason.id()).get();
  }
}
