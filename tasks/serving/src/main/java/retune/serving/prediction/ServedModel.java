package retune.serving.prediction;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.runtime.http.Refusal;

/** The version that answers requests. It is replaced between two requests. */
public final class ServedModel implements AutoCloseable {
  private final AtomicReference<@Nullable LoadedVersion> current = new AtomicReference<>();
  private volatile @Nullable String warning;
  private boolean isClosed;

  /** The version that answers; empty until the first one is loaded. */
  public Optional<ModelVersion> version() {
    return Optional.ofNullable(current.get()).map(LoadedVersion::version);
  }

  public Optional<String> modelId() {
    return version().map(ModelVersion::modelId);
  }

  /** Why the version is not the one that it should be; empty if it is. */
  public Optional<String> warning() {
    return Optional.ofNullable(warning);
  }

  /** Sets the warning that {@code /health} reports; null clears it. */
  public void warn(@Nullable String sentence) {
    warning = sentence;
  }

  /** Whether the served version has this kind of architecture, whose code is compiled then. */
  public boolean runs(Class<? extends Architecture> architecture) {
    return version().map(ModelVersion::architecture).filter(architecture::isInstance).isPresent();
  }

  /**
   * Uses the served version, which stays open until the use ends.
   *
   * @throws Refusal 503 if no version is loaded yet
   */
  public <T> T use(Function<LoadedVersion, T> use) {
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

  /** Serves another version from now on; the one before closes after its last request. */
  public synchronized void replaceBy(LoadedVersion next) {
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
