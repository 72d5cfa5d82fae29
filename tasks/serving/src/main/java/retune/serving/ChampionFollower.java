package retune.serving;

import com.mongodb.MongoException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;

/**
 * Keeps the version that answers at the store's champion. A new one is loaded, checked and warm
 * before it answers; whatever goes wrong with that, the one before goes on.
 */
final class ChampionFollower {
  private static final Logger LOG = System.getLogger(ChampionFollower.class.getName());

  /** A version that was refused is tried again after this long: lost weights may be put back. */
  private static final Duration SECOND_TRY = Duration.ofSeconds(30);

  /** How long the end waits for a look that is under way. */
  private static final Duration LAST_LOOK = Duration.ofSeconds(2);

  /** A version that could not be loaded, and when that was. */
  private record Refused(String modelId, Instant at) {}

  private final String model;
  private final StepContext context;
  private final ServedModel served;
  private final ServingMetrics metrics;
  private @Nullable Refused refused;
  private String said = "";

  ChampionFollower(String model, StepContext context, ServedModel served, ServingMetrics metrics) {
    this.model = model;
    this.context = context;
    this.served = served;
    this.metrics = metrics;
  }

  /** Following, until it is closed. */
  interface Following extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Looks again and again, on a thread of its own.
   *
   * @param end of the service, which what cannot be mended by trying again brings about: an address
   *     or credentials that the store does not take
   */
  Following follow(long milliseconds, CompletableFuture<Void> end) {
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
   * Looks who the champion is, and lets it answer.
   *
   * @throws InvalidInputException where the store's address or credentials cannot be used and
   *     nothing is loaded yet: whoever started it is still looking
   */
  private void look() {
    try {
      Optional<String> champion =
          new Champions(context.store()).find(model).map(Champions.Champion::modelId);
      metrics.storeUp(true);
      if (champion.isEmpty()) {
        say(
            "The model '%s' has no champion yet; register one with register_model --champion."
                .formatted(model));
        return;
      }
      follow(champion.get());
    } catch (RuntimeException e) {
      RuntimeException failure = DocumentStore.explain(e);
      if (failure instanceof InvalidInputException && served.modelId().isEmpty()) {
        throw failure;
      }
      if (!Thread.currentThread().isInterrupted()) { // else it is the end
        metrics.storeUp(false);
        say(failure.getMessage() + " What is loaded goes on.");
      }
    }
  }

  private void follow(String champion) {
    if (served.modelId().equals(Optional.of(champion))) {
      metrics.behindChampion(false);
      said = "";
      return;
    }
    metrics.behindChampion(served.modelId().isPresent());
    Refused before = refused;
    if (before != null
        && before.modelId.equals(champion)
        && context.clock().instant().isBefore(before.at.plus(SECOND_TRY))) {
      return;
    }
    ModelStore models = new ModelStore(context.store());
    try {
      ModelVersion version = models.get(champion);
      serve(new ModelFolder.Content(version, models.weights(version)), served, metrics, context);
      metrics.behindChampion(false);
      refused = null;
      said = "";
    } catch (MongoException e) {
      throw e;
    } catch (RuntimeException | Error e) {
      refused = new Refused(champion, context.clock().instant());
      metrics.refused();
      say("The champion %s is not served: %s".formatted(champion, e.getMessage()));
    }
  }

  /** Lets a version answer, once it is checked and warm. */
  static void serve(
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
        "{0} answers, of model version {1}.",
        loaded.version().modelId(),
        loaded.version().modelVersion());
  }

  /** Says a thing once, as long as it stays the same. */
  private void say(String sentence) {
    if (!sentence.equals(said)) {
      LOG.log(Level.WARNING, sentence);
      said = sentence;
    }
  }
}
