package retune.serving.following;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import retune.model.ChallengerTraffic;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.TrafficControl;
import retune.runtime.StepContext;
import retune.serving.challenger.ServedChallenger;
import retune.serving.metrics.ChallengerMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.ServedModel;
import retune.serving.prediction.Warmup;

/**
 * Keeps the challenger of this service at the one that the pointer names. It is loaded, checked on
 * its golden rows and warmed up on a thread of its own, so that one that hangs there delays no new
 * champion. One that fails too often is stopped for all services, with the reason.
 */
final class ChallengerFollower {
  private static final Logger LOG = System.getLogger(ChallengerFollower.class.getName());

  /** Pause before a challenger that failed to load is tried again. */
  private static final Duration RETRY = Duration.ofSeconds(30);

  /** From when on a challenger that still loads is reported. */
  private static final Duration LONG_LOAD = Duration.ofMinutes(1);

  /** Who is named as the one that ended the traffic. */
  private static final String BY = "serving";

  private record Loading(long number, Instant since, CompletableFuture<LoadedVersion> version) {
    /** Gives up; a version that is loaded later is closed at once. */
    void cancel() {
      var _ = version.thenAccept(LoadedVersion::release);
    }
  }

  /** Traffic that failed to start, and when to try again. */
  private record Failed(long number, Instant retryAt) {}

  private final StepContext context;
  private final ServedChallenger challenger;
  private final ChallengerMetrics metrics;
  private final Function<String, LoadedVersion> loader;
  private @Nullable Loading loading;
  private @Nullable Failed failed;

  /** The number of the traffic that this service has stopped. */
  private long stopped;

  ChallengerFollower(
      StepContext context,
      ServedModel served,
      ServedChallenger challenger,
      ChallengerMetrics metrics) {
    this(context, challenger, metrics, modelId -> open(modelId, served, context));
  }

  /**
   * Follows with another loader.
   *
   * @param loader loads the version of an id
   */
  ChallengerFollower(
      StepContext context,
      ServedChallenger challenger,
      ChallengerMetrics metrics,
      Function<String, LoadedVersion> loader) {
    this.context = context;
    this.challenger = challenger;
    this.metrics = metrics;
    this.loader = loader;
  }

  /**
   * Follows what a look-up found.
   *
   * @param isServed whether this service answers with the champion; otherwise no challenger is
   *     beside it
   */
  void follow(Champion champion, boolean isServed) {
    challenger.watch();
    stopIfItMust(champion);
    ChallengerTraffic wanted = isServed ? champion.challenger() : null;
    Loading current = loading;
    if (current != null && (wanted == null || wanted.number() != current.number)) {
      current.cancel();
      loading = null;
    }
    if (wanted == null || wanted.number() == stopped) {
      if (challenger.active().isPresent()) {
        LOG.log(Level.INFO, "The challenger has no traffic any more.");
      }
      challenger.end();
      challenger.warn(null);
      return;
    }
    boolean isOn =
        challenger.active().filter(on -> on.traffic().number() == wanted.number()).isPresent();
    if (isOn) {
      challenger.warn(null);
      return;
    }
    challenger.end();
    load(wanted);
  }

  /** Ends the traffic in the store; where that fails, the next look-up tries again. */
  private void stopIfItMust(Champion champion) {
    challenger
        .reasonToStop()
        .ifPresent(
            reason -> {
              ServedChallenger.Active active = challenger.active().orElseThrow();
              ChallengerTraffic traffic = active.traffic();
              if (stopped != traffic.number()) {
                LOG.log(
                    Level.ERROR, "The challenger {0} is stopped: {1}", traffic.modelId(), reason);
                metrics.stopped();
              }
              stopped = traffic.number();
              ChallengerTraffic now = champion.challenger();
              if (now != null && now.number() == traffic.number()) {
                new TrafficControl(
                        context,
                        champion.model(),
                        context.run().eventKey() + "/" + traffic.number())
                    .end(traffic.modelId(), BY, reason);
              }
            });
  }

  private void load(ChallengerTraffic wanted) {
    Instant now = context.clock().instant();
    if (failed != null && failed.number == wanted.number() && now.isBefore(failed.retryAt)) {
      return;
    }
    Loading current = loading;
    if (current == null) {
      loading = new Loading(wanted.number(), now, new CompletableFuture<>());
      CompletableFuture<LoadedVersion> version = loading.version;
      Thread.ofPlatform()
          .name("challenger-loader")
          .daemon()
          .start(
              () -> {
                try {
                  version.complete(loader.apply(wanted.modelId()));
                } catch (RuntimeException | Error e) {
                  version.completeExceptionally(e);
                }
              });
      return;
    }
    if (!current.version.isDone()) {
      if (now.isAfter(current.since.plus(LONG_LOAD))) {
        warn(
            wanted,
            "it has been loading since %s."
                .formatted(current.since.truncatedTo(ChronoUnit.SECONDS)));
      }
      return;
    }
    loading = null;
    try {
      challenger.start(wanted, current.version.join());
      challenger.warn(null);
      LOG.log(Level.INFO, "The challenger {0} {1}.", wanted.modelId(), wanted.share());
    } catch (CompletionException e) {
      failed = new Failed(wanted.number(), now.plus(RETRY));
      warn(
          wanted, Optional.ofNullable(e.getCause()).map(Throwable::getMessage).orElse("no reason"));
    }
  }

  /** Reports why a challenger has no traffic, and logs it the first time. */
  private void warn(ChallengerTraffic wanted, String why) {
    String sentence = "The challenger %s has no traffic here: %s".formatted(wanted.modelId(), why);
    if (!challenger.warning().equals(Optional.of(sentence))) {
      LOG.log(Level.WARNING, sentence);
    }
    challenger.warn(sentence);
  }

  private static LoadedVersion open(String modelId, ServedModel served, StepContext context) {
    ModelStore models = new ModelStore(context.store());
    ModelVersion version = models.get(modelId);
    LoadedVersion loaded =
        LoadedVersion.open(new ModelFolder.Content(version, models.weights(version)));
    try {
      if (!served.runs(version.architecture().getClass())) {
        Warmup.run(loaded);
      }
    } catch (RuntimeException | Error e) {
      loaded.release();
      throw e;
    }
    return loaded;
  }
}
