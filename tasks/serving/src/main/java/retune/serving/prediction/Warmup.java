package retune.serving.prediction;

import java.util.Map;
import retune.core.data.Table;
import retune.runtime.Json;

/** Predicts until the JIT compiler is done, so that the first callers do not wait for it. */
public final class Warmup {
  /** Rows of each warm-up request. */
  private static final int ROWS = 64;

  /**
   * Feature values to predict from until the optimising compiler has seen enough. Measured on two
   * cores: rows of 142 features reach full speed after 1,500 rows, rows of 23 after 8,000.
   */
  private static final int FEATURES = 200_000;

  private Warmup() {}

  /** Predicts with a version until it runs at full speed. */
  public static void run(LoadedVersion loaded) {
    Map<String, Object> example = ExampleRow.of(loaded.version().preprocessing());
    byte[] request = Json.MAPPER.writeValueAsBytes(Map.of("features", example));
    int rows = FEATURES / Math.max(1, loaded.version().preprocessing().schema().size());
    for (int done = 0; done < rows; done += ROWS) {
      Table row = RowsOfJson.features(request, loaded.rawColumns());
      loaded.answer(row.select(new int[ROWS]));
      Json.MAPPER.writeValueAsBytes(loaded.answer(row).predictions().getFirst().json());
    }
  }
}
