package retune.loop.authoring;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.core.metrics.PermutationImportance;
import retune.core.split.Part;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.runtime.StepContext;

/**
 * How much each raw column counts for the champion, on hold-out rows.
 *
 * @param columns the most important first
 * @param rows their number, which bounds the work
 */
record Importance(List<PermutationImportance> columns, int rows) {
  /** Shuffles of each column. */
  static final int REPEATS = 5;

  private static final int MOST_ROWS_OF_TREES = 5_000;
  private static final int MOST_ROWS_OF_NETWORK = 1_000;

  /** Predictions of trees in all: seconds. */
  private static final long MOST_OF_TREES = 1_000_000;

  /** Predictions of a network times columns, as each costs more the more columns there are. */
  private static final long MOST_OF_NETWORK = 8_000_000;

  /** With fewer rows than this, chance would hide what counts. */
  private static final int LEAST_ROWS = 50;

  /** Measures the columns; empty where there are too many for a network, or the one is texts. */
  static Optional<Importance> of(
      Contender champion, TrainingTable table, long seed, StepContext context) {
    ModelFolder.Content content = champion.trained().content();
    ModelVersion version = content.version();
    int columns = version.preprocessing().rawColumns().size();
    long most =
        switch (champion.family()) {
          case TREES -> Math.min(MOST_ROWS_OF_TREES, MOST_OF_TREES / REPEATS / columns);
          case TEXT -> 0;
          case NETWORK ->
              Math.min(MOST_ROWS_OF_NETWORK, MOST_OF_NETWORK / REPEATS / columns / columns);
        };
    int[] holdout = table.rows(Part.HOLDOUT);
    int count = (int) Math.min(most, holdout.length);
    if (count < Math.min(LEAST_ROWS, holdout.length)) {
      return Optional.empty();
    }
    int[] rows =
        IntStream.range(0, count)
            .map(i -> holdout[(int) ((long) i * holdout.length / count)])
            .toArray();
    int[] labels = Arrays.stream(rows).map(row -> table.labels()[row]).toArray();
    Features features = table.features().select(rows);
    try (Engine engine = Engines.open(version, content.weights())) {
      Predictor predictor = new Predictor(version, engine);
      List<PermutationImportance> measured =
          PermutationImportance.of(
                  features,
                  version.preprocessing().featuresByColumn(),
                  Choice.METRIC,
                  shuffled -> predictor.predict(shuffled).against(labels),
                  REPEATS,
                  seed,
                  done -> context.progress("importance of columns", done, columns))
              .stream()
              .sorted(Comparator.comparingDouble(PermutationImportance::drop).reversed())
              .toList();
      return Optional.of(new Importance(measured, count));
    }
  }
}
