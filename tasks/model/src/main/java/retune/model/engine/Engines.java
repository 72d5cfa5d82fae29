package retune.model.engine;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.ServiceLoader;
import retune.core.InvalidInputException;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Weights;

/** Chooses the engine for this machine and the number of rows. */
public final class Engines {
  private static final Logger LOG = System.getLogger(Engines.class.getName());

  /**
   * Rows × features from which the vector engine is faster, including its compilation. Measured
   * cold on two busy cores: 100 rows of 142 features take 3.2 s with the plain engine and 2.7 s
   * with the vector engine; 300 rows of 23 features take 2.2 s and 6.8 s.
   */
  private static final long MUCH_WORK = 12_000;

  private Engines() {}

  /**
   * An engine for many rows. The caller closes it.
   *
   * @throws InvalidInputException if the encoder is a TorchScript archive and PyTorch is not
   *     available
   */
  public static Engine open(ModelVersion version, Weights weights) {
    return open(version, weights, Integer.MAX_VALUE);
  }

  /**
   * An engine for about this many rows in total. The caller closes it. It stays the same engine
   * while it is open, however the rows are grouped.
   *
   * @throws InvalidInputException if the encoder is a TorchScript archive and PyTorch is not
   *     available
   */
  public static Engine open(ModelVersion version, Weights weights, int expectedRows) {
    int threads = Runtime.getRuntime().availableProcessors();
    Engine engine;
    String reason;
    if (version.architecture() instanceof Architecture.TorchScript) {
      engine = pytorch(version, weights).orElseThrow(() -> needsPyTorch(version));
      reason = " because its encoder is a TorchScript archive";
    } else if (version.architecture() instanceof Architecture.Text) {
      engine = new TextEngine(version, weights, threads);
      reason = " because it reads texts";
    } else if ((long) expectedRows * version.preprocessing().schema().size() < MUCH_WORK) {
      engine = new PlainEngine(version, weights, threads);
      reason = " because the rows are few";
    } else {
      reason = obstacle();
      engine =
          reason.isEmpty()
              ? new VectorEngine(version, weights, threads)
              : pytorch(version, weights)
                  .orElseGet(() -> new PlainEngine(version, weights, threads));
    }
    LOG.log(
        Level.INFO,
        "{0} runs on the {1} engine with {2} threads{3}.",
        version.modelId(),
        engine.name(),
        threads,
        reason);
    return engine;
  }

  /** PyTorch, if it is on the class path. */
  private static Optional<Engine> pytorch(ModelVersion version, Weights weights) {
    return ServiceLoader.load(PyTorch.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(PyTorch::isAvailable)
        .findFirst()
        .map(pytorch -> pytorch.open(version, weights));
  }

  private static InvalidInputException needsPyTorch(ModelVersion version) {
    return new InvalidInputException(
        version.modelId()
            + " has a TorchScript archive as its encoder, which only PyTorch runs, and this process"
            + " was started without PyTorch. Set RETUNE_ENGINE=pytorch for ./retune, or 'engine:"
            + " pytorch' in the model's loop file.");
  }

  /** Why the vector engine cannot be used here; empty if it can. */
  private static String obstacle() {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return " because Java was started without --add-modules jdk.incubator.vector";
    }
    if (!VectorEngine.suitsProcessor()) {
      return " because the processor lacks AVX2";
    }
    // what HotSpot reports when only its first compiler runs, which boxes every vector
    String compiler = System.getProperty("java.vm.info", "");
    return compiler.contains("emulated-client") || compiler.contains("interpreted")
        ? " because Java's optimising compiler is switched off"
        : "";
  }
}
