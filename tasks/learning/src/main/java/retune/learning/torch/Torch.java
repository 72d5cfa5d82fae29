package retune.learning.torch;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtEngine;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import java.util.Map;
import java.util.function.Supplier;

/**
 * PyTorch. The first use of this class loads its native library.
 *
 * <p>System properties that are already set take precedence over the settings here.
 */
public final class Torch {
  private static final Map<String, String> SETTINGS =
      Map.of(
          // Everything is on the class path: no downloads, no usage reports.
          "ai.djl.offline", "true",
          // The profiling executor compiles for seconds, and fails where a module is evaluated
          // after it was trained.
          "ai.djl.pytorch.graph_optimizer", "false",
          // The JVM counts the processors of the container's quota, PyTorch those of the machine.
          "ai.djl.pytorch.num_threads",
              Integer.toString(Runtime.getRuntime().availableProcessors()),
          "ai.djl.pytorch.num_interop_threads", "1");

  private static final Engine ENGINE = start();

  private Torch() {}

  private static Engine start() {
    SETTINGS.forEach((name, value) -> System.setProperty(name, System.getProperty(name, value)));
    return Engine.getEngine(PtEngine.ENGINE_NAME);
  }

  public static NDManager newManager() {
    return ENGINE.newBaseManager();
  }

  public static GradientCollector newGradientCollector() {
    return ENGINE.newGradientCollector();
  }

  /** Seeds PyTorch's own generator, which dropout draws from. */
  public static void seed(long seed) {
    JniUtils.setSeed(seed);
  }

  /** Runs on one PyTorch thread: for tiny steps, coordinating threads costs more than it saves. */
  public static <T> T onOneThread(Supplier<T> work) {
    int threads = JniUtils.getNumThreads();
    JniUtils.setNumThreads(1);
    try {
      return work.get();
    } finally {
      JniUtils.setNumThreads(threads);
    }
  }
}
