package retune.serving.following;

import com.mongodb.MongoException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.serving.challenger.ServedChallenger;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.ServedModel;
import retune.serving.prediction.Warmup;

/**
 * Keeps the served version at the champion of a model. A new champion must be approved; it is
 * loaded, checked on its golden rows and warmed up before it takes over. If any of that fails, the
 * version before stays. The champion's challenger is followed in the same look-up.
 */
public final class ChampionFollower {
  private static final Logger LOG = System.getLogger(ChampionFollower.class.getName());

  /** Pause before a champion that failed to load is tried again: its weights may be restored. */
  private static final Duration RETRY = Duration.ofSeconds(30);

  /** How long closing waits for a look-up in flight. */
  private static final Duration LAST_LOOK = Duration.ofSeconds(2);

  /** A champion that failed to load, the sentence that says why, and when to try again. */
  private record Failed(String modelId, String reason, Instant retryAt) {}

  private final String model;
  private final StepContext context;
  private final ServedModel served;
  private final ServingMetrics metrics;
  private final ChallengerFollower challenger;
  private @Nullable Failed failed;

  /**
   * A follower.
   *
   * @param model name of the model whose champion is served
   */
  public ChampionFollower(
      String model,
      StepContext context,
      ServedModel served,
      ServedChallenger challenger,
      ServingMetrics metrics) {
    this.model = model;
    this.context = context;
    this.served = served;
    this.metrics = metrics;
    this.challenger = new ChallengerFollower(context, served, challenger, metrics.challenger());
  }

  /** Follows until it is closed. */
  public interface Following extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Looks up the champion repeatedly, on a thread of its own.
   *
   * @param milliseconds between two look-ups
   * @param end of the service; a permanent failure completes it, such as an address or credentials
   *     that the store rejects
   */
  public Following follow(long milliseconds, CompletableFuture<Void> end) {
    Thread thread =
        Thread.ofPlatform()
            .name("follower")
            .daemon()
            .start(
                () -> {
                  try {
                    while (!end.isDone()) {
                      look();
                      Thread.sleep(milliseconds);
                    }
                  } catch (InterruptedException | RuntimeException | Error e) {
                    end.completeExceptionally(e);
                  }
                });
    return () -> {
      thread.interrupt();
      try {
        thread.join(LAST_LOOK);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    };
  }

  /**
   * Looks up the champion and serves it.
   *
   * @throws InvalidInputException if the store rejects its address or credentials and no version is
   *     loaded yet
   */
  private void look() {
    try {
      Optional<Champion> champion = new Champions(context.store()).find(model);
      metrics.storeUp(true);
      if (champion.isEmpty()) {
        warn(
            "The model '%s' has no champion yet; register one with register_model --champion."
                .formatted(model));
        return;
      }
      String modelId = champion.get().modelId();
      follow(modelId);
      challenger.follow(champion.get(), served.modelId().equals(Optional.of(modelId)));
    } catch (RuntimeException e) {
      RuntimeException failure = DocumentStore.explain(e);
      if (failure instanceof InvalidInputException && served.modelId().isEmpty()) {
        throw failure;
      }
      if (!Thread.currentThread().isInterrupted()) { // by close()
        metrics.storeUp(false);
        warn(failure.getMessage() + " The loaded version stays in service.");
      }
    }
  }

  private void follow(String champion) {
    if (served.modelId().equals(Optional.of(champion))) {
      metrics.behindChampion(false);
      served.warn(null);
      return;
    }
    metrics.behindChampion(served.modelId().isPresent());
    Instant now = context.clock().instant();
    if (failed != null && failed.modelId.equals(champion) && now.isBefore(failed.retryAt)) {
      warn(failed.reason);
      return;
    }
    ModelStore models = new ModelStore(context.store());
    try {
      VersionStatus status = models.status(champion);
      if (!status.mayServe()) {
        // Looked up again each time: the approval may follow.
        refuse(
            champion, "its status is '%s', not approved or deployed.".formatted(status.id()), now);
        return;
      }
      ModelVersion version = models.get(champion);
      serve(new ModelFolder.Content(version, models.weights(version)), served, metrics, context);
      metrics.behindChampion(false);
      failed = null;
      served.warn(null);
    } catch (MongoException e) {
      throw e;
    } catch (RuntimeException | Error e) {
      refuse(champion, String.valueOf(e.getMessage()), now.plus(RETRY));
    }
  }

  private void refuse(String champion, String why, Instant retryAt) {
    failed =
        new Failed(champion, "The champion %s is not served: %s".formatted(champion, why), retryAt);
    metrics.refused();
    warn(failed.reason);
  }

  /** Checks a version, warms it up and serves it. */
  public static void serve(
      ModelFolder.Content content,
      ServedModel served,
      ServingMetrics metrics,
      StepContext context) {
    LoadedVersion loaded = LoadedVersion.open(content);
    try {
      if (!served.runs(loaded.version().architecture().getClass())) {
        Warmup.run(loaded);
      }
    } catch (RuntimeException | Error e) {
      loaded.release();
      throw e;
    }
    served.replaceBy(loaded);
    metrics.swapped(loaded.version(), context.clock().instant());
    LOG.log(
        Level.INFO,
        "Serving {0}, model version {1}.",
        loaded.version().modelId(),
        loaded.version().modelVersion());
  }

  /** Reports a sentence in {@code /health}, and in the log if it is not the previous one. */
  private void warn(String sentence) {
    if (!served.warning().equals(Optional.of(sentence))) {
      LOG.log(Level.WARNING, sentence);
      served.warn(sentence);
    }
  }
}
