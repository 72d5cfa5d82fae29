package retune.loop.authoring;

import java.util.Arrays;
import retune.core.data.Features;
import retune.core.data.Table;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.Preprocessing;
import retune.core.split.Part;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;

/**
 * What a new model answers, by the engine that answers in production.
 *
 * @param generated on rows drawn from the learned distribution
 */
record Measured(Predictions validation, Predictions holdout, Predictions generated) {

  static Measured of(ModelFolder.Content content, TrainingTable table, Table generatedRows) {
    ModelVersion version = content.version();
    Preprocessing.Result generated = version.preprocessing().apply(generatedRows);
    int[] labels = version.target().encode(generatedRows.column(version.target().column()));
    try (Engine engine = Engines.open(version, content.weights())) {
      return new Measured(
          predict(engine, version, table.features(Part.VALIDATION), table.labels(Part.VALIDATION)),
          predict(engine, version, table.features(Part.HOLDOUT), table.labels(Part.HOLDOUT)),
          predict(
              engine,
              version,
              generated.features(),
              Arrays.stream(generated.keptRows()).map(row -> labels[row]).toArray()));
    }
  }

  private static Predictions predict(
      Engine engine, ModelVersion version, Features features, int[] labels) {
    return new Predictor(version, engine).predict(features).against(labels);
  }
}
