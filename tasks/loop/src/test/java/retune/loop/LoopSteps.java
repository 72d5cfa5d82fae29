package retune.loop;

import java.nio.file.Path;
import java.util.Map;
import retune.testing.StepProcess;

/** Steps in processes of their own that all belong to one run. */
public final class LoopSteps {
  private LoopSteps() {}

  /** Steps that work on a store and deploy into a folder. */
  public static StepProcess of(Path folder, String mongoUri) {
    return of(folder, mongoUri, 1);
  }

  /**
   * The same on so many threads.
   *
   * @param threads of PyTorch and XGBoost, where a step lets them choose
   */
  static StepProcess of(Path folder, String mongoUri, int threads) {
    return StepProcess.withModels(
            Map.of(
                "RETUNE_MONGO_URI",
                mongoUri,
                "RETUNE_DEPLOYMENT_DIR",
                folder.resolve("deployment").toString(),
                "RETUNE_DAG_ID",
                "loop",
                "RETUNE_RUN_ID",
                "the-run",
                "OMP_NUM_THREADS",
                Integer.toString(threads)))
        // PyTorch and XGBoost compute: the optimising compiler would cost more than it saves.
        .withOptions("-XX:TieredStopAtLevel=1");
  }
}
