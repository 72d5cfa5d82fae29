package retune.serving.challenger;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.model.ChallengerTraffic;
import retune.model.ModelVersion;
import retune.serving.metrics.ChallengerMetrics;
import retune.serving.metrics.ChallengerMetrics.Role;
import retune.serving.metrics.ChallengerMetrics.Scored;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.AnsweredRequest;

/** The challenger that has traffic in this service; there may be none. */
public final class ServedChallenger implements AutoCloseable {
  /** A challenger that has traffic. */
  public static final class Active {
    private final ChallengerTraffic traffic;
    private final ModelVersion version;
    private final ServedModel model;
    private final ChallengerMetrics metrics;
    private final Share share;
    private final Failures failures = new Failures();
    private final Shadow shadow;
    private final Canary canary;
    private volatile boolean hasEnded;

    private Active(ChallengerTraffic traffic, LoadedVersion loaded, ChallengerMetrics metrics) {
      this.traffic = traffic;
      this.version = loaded.version();
      this.model = new ServedModel();
      this.metrics = metrics;
      this.share = new Share(traffic.modelId(), traffic.fraction());
      model.replaceBy(loaded);
      Scorer scorer = rows -> model.use(used -> used.answer(rows));
      Pace pace = new Pace(failures, Pace.LONGER);
      this.shadow =
          new Shadow(scorer, failures, pace, this::failed, Shadow.MOST_TIME, Shadow.MOST_WAIT);
      this.canary = new Canary(scorer, failures, Canary.MOST_TIME);
    }

    public ChallengerTraffic traffic() {
      return traffic;
    }

    public ModelVersion version() {
      return version;
    }

    /**
     * Whether this version answers a request.
     *
     * @param key the header {@link Share#HEADER}; null if it is absent
     */
    public boolean has(@Nullable String key, Table rows) {
      return failures.reasonToStop().isEmpty() && share.has(key, rows);
    }

    /**
     * Answers a request.
     *
     * @throws Scorer.Failure if there is no usable answer in time
     */
    public LoadedVersion.Answers answer(Table rows) throws Scorer.Failure {
      LoadedVersion.Answers answers = canary.answer(rows);
      metrics.answered(Role.CHALLENGER);
      return answers;
    }

    /** Counts a failure; for a canary's, once the champion has answered the request. */
    public void failed(Scorer.Failure failure) {
      if (!hasEnded) {
        metrics.failed(failure.kind().id());
        failures.failed(failure.kind(), failure.what());
      }
    }

    /**
     * Scores a request that is answered, some time later; never waits.
     *
     * @param championNanos how long the champion took for its rows
     * @param then gets the predictions, or null where there are none
     */
    public void score(
        AnsweredRequest request, long championNanos, Consumer<@Nullable List<Prediction>> then) {
      boolean isTaken =
          failures.reasonToStop().isEmpty()
              && shadow.offer(
                  request.rows(),
                  request.bytes(),
                  championNanos,
                  (call, isSkipped) -> {
                    if (call == null) {
                      metrics.shadow(isSkipped ? Scored.SKIPPED : Scored.FAILED);
                      then.accept(null);
                    } else {
                      metrics.shadow(Scored.SCORED);
                      metrics.took(call.nanos(), championNanos);
                      then.accept(call.predictions());
                    }
                  });
      if (!isTaken) {
        metrics.shadow(Scored.SKIPPED);
        then.accept(null);
      }
    }

    private void end() {
      hasEnded = true;
      shadow.close();
      canary.close();
      model.close();
    }
  }

  private final ChallengerMetrics metrics;
  private volatile @Nullable Active active;
  private volatile @Nullable String warning;
  private boolean isClosed;

  public ServedChallenger(ChallengerMetrics metrics) {
    this.metrics = metrics;
    for (Failures.Kind kind : Failures.Kind.values()) {
      metrics.mayFail(kind.id());
    }
  }

  /** The challenger that has traffic now. */
  public Optional<Active> active() {
    return Optional.ofNullable(active);
  }

  /** Why the challenger that should have traffic has none; empty if it has. */
  public Optional<String> warning() {
    return Optional.ofNullable(warning);
  }

  /** Sets the warning that {@code /health} reports; null clears it. */
  public void warn(@Nullable String sentence) {
    warning = sentence;
  }

  /** Gives a version traffic from now on, instead of the one before. */
  public synchronized void start(ChallengerTraffic traffic, LoadedVersion loaded) {
    end();
    if (isClosed) {
      loaded.release();
      return;
    }
    active = new Active(traffic, loaded, metrics);
    metrics.started(traffic.fraction());
  }

  /** Ends the traffic, if there is any. */
  public synchronized void end() {
    Active before = active;
    active = null;
    metrics.ended();
    if (before != null) {
      before.end();
    }
  }

  /** Gives up calls that take too long. */
  public void watch() {
    active().ifPresent(current -> current.shadow.watch());
  }

  /** Why the challenger must stop, without a full stop; empty while it may go on. */
  public Optional<String> reasonToStop() {
    return active().flatMap(current -> current.failures.reasonToStop());
  }

  @Override
  public synchronized void close() {
    isClosed = true;
    end();
  }
}
