package retune.learning.torch;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtEngine;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import java.util.Map;
import java.util.function.Supplier;

/**
 * PyTorch, whose native library is loaded at the first use of this class and not before.
 *
 * <p>A system property that is set already wins over the setting here.
 */
public final class Torch {
  private static final Map<String, String> SETTINGS =
      Map.of(
          // Everything is on the class path; neither downloads nor usage reports.
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

  /** Works without PyTorch's other threads, whose coordination costs more than tiny steps gain. */
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
