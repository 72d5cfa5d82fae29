package retune.serving;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import retune.model.Architecture;
import retune.model.ModelVersion;

/** What answers at the moment. A version is put in the place of another between two requests. */
final class ServedModel implements AutoCloseable {
  private final AtomicReference<@Nullable LoadedVersion> current = new AtomicReference<>();
  private boolean isClosed;

  /** The version that answers; empty before the first. */
  Optional<ModelVersion> version() {
    return Optional.ofNullable(current.get()).map(LoadedVersion::version);
  }

  Optional<String> modelId() {
    return version().map(ModelVersion::modelId);
  }

  /** Whether a version of that kind of architecture answers: the compiler is done with its code. */
  boolean runs(Class<? extends Architecture> architecture) {
    return version().map(ModelVersion::architecture).filter(architecture::isInstance).isPresent();
  }

  /**
   * Uses the version that answers now, which stays open until the use ends.
   *
   * @throws Refusal where there is none yet
   */
  <T> T use(Function<LoadedVersion, T> use) {
    while (true) {
      LoadedVersion loaded = current.get();
      if (loaded == null) {
        throw new Refusal(503, "No version is loaded yet; try again in a few seconds.");
      }
      if (loaded.retain()) {
        try {
          return use.apply(loaded);
        } finally {
          loaded.release();
        }
      }
    }
  }

  /** Lets a version answer from now on; the one before closes after its last request. */
  synchronized void replaceBy(LoadedVersion next) {
    LoadedVersion before = isClosed ? next : current.getAndSet(next);
    if (before != null) {
      before.release();
    }
  }

  @Override
  public synchronized void close() {
    isClosed = true;
    LoadedVersion last = current.getAndSet(null);
    if (last != null) {
      last.release();
    }
  }
}
