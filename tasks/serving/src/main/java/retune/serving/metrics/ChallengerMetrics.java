package retune.serving.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Locale;

/** The metrics of a challenger's traffic. */
public final class ChallengerMetrics {
  private static final String PREFIX = "retune_serving_";

  /** Which version answered. */
  public enum Role {
    CHAMPION,
    CHALLENGER;

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What became of a request that a challenger was to score after its answer. */
  public enum Scored {
    SCORED,
    /** The queue was full, or the traffic ended before its turn. */
    SKIPPED,
    FAILED;

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Counter answers;
  private final Counter shadow;
  private final Counter seconds;
  private final Counter failures;
  private final Gauge active;
  private final Gauge fraction;
  private final Counter stops;

  ChallengerMetrics(PrometheusRegistry registry) {
    answers =
        Counter.builder()
            .name(PREFIX + "answers_total")
            .help("Answered prediction requests by the role of the version.")
            .labelNames("role")
            .register(registry);
    shadow =
        Counter.builder()
            .name(PREFIX + "shadow_requests_total")
            .help("Requests for the challenger to score after their answers, by result.")
            .labelNames("result")
            .register(registry);
    seconds =
        Counter.builder()
            .name(PREFIX + "shadow_seconds_total")
            .help("Time for the rows of the requests that both versions have scored, by role.")
            .labelNames("role")
            .register(registry);
    failures =
        Counter.builder()
            .name(PREFIX + "challenger_failures_total")
            .help("Calls of the challenger without a usable answer, by reason.")
            .labelNames("reason")
            .register(registry);
    active =
        Gauge.builder()
            .name(PREFIX + "challenger_active")
            .help("1 while a challenger has traffic in this service.")
            .register(registry);
    fraction =
        Gauge.builder()
            .name(PREFIX + "challenger_fraction")
            .help("Share of the requests that the challenger is to answer; 0 in shadow.")
            .register(registry);
    stops =
        Counter.builder()
            .name(PREFIX + "challenger_stops_total")
            .help("Challengers that this service stopped: failures, hanging calls or slowness.")
            .register(registry);
    for (Role role : Role.values()) {
      answers.initLabelValues(role.id());
      seconds.initLabelValues(role.id());
    }
    for (Scored result : Scored.values()) {
      shadow.initLabelValues(result.id());
    }
  }

  /** Counts a request that was answered. */
  public void answered(Role role) {
    answers.labelValues(role.id()).inc();
  }

  /** Counts a request that the challenger was to score. */
  public void shadow(Scored result) {
    shadow.labelValues(result.id()).inc();
  }

  /** Adds the times of both versions for the rows of a request. */
  public void took(long challengerNanos, long championNanos) {
    seconds.labelValues(Role.CHALLENGER.id()).inc(challengerNanos / 1e9);
    seconds.labelValues(Role.CHAMPION.id()).inc(championNanos / 1e9);
  }

  /** Shows a reason from the start, with no call yet. */
  public void mayFail(String reason) {
    failures.initLabelValues(reason);
  }

  /** Counts a call without a usable answer. */
  public void failed(String reason) {
    failures.labelValues(reason).inc();
  }

  /** Records that a challenger has traffic from now on. */
  public void started(double share) {
    active.set(1);
    fraction.set(share);
  }

  /** Records that none has. */
  public void ended() {
    active.set(0);
    fraction.set(0);
  }

  /** Counts a challenger that this service stopped. */
  public void stopped() {
    stops.inc();
  }
}
