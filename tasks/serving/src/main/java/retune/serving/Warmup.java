package retune.serving;

import java.util.Map;
import retune.core.data.Table;
import retune.runtime.Json;

/** Answers until the compiler is done with it, so that the first caller does not wait for that. */
final class Warmup {
  /** Rows of one request on the way. */
  private static final int ROWS = 64;

  /**
   * Features to be answered: the optimising compiler has then seen enough. Measured on two cores:
   * 142 features a row at full speed after 1,500 rows, 23 features after 8,000.
   */
  private static final int FEATURES = 200_000;

  private Warmup() {}

  /** Answers rows of a version until it is as fast as it gets. */
  static void run(LoadedVersion loaded) {
    Map<String, Object> example = ExampleRow.of(loaded.version().preprocessing());
    byte[] request = Json.MAPPER.writeValueAsBytes(Map.of("features", example));
    int rows = FEATURES / Math.max(1, loaded.version().preprocessing().schema().size());
    for (int done = 0; done < rows; done += ROWS) {
      Table row = RowsOfJson.features(request, loaded.version().preprocessing().rawColumns());
      loaded.answer(row.select(new int[ROWS]));
      Json.MAPPER.writeValueAsBytes(loaded.answer(row).predictions().getFirst().json());
    }
  }
}
