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

/** What a new model answers, by the engine that answers in production. */
record Measured(Predictions validation, Predictions holdout) {

  static Measured of(ModelFolder.Content content, TrainingTable table) {
    ModelVersion version = content.version();
    try (Engine engine = Engines.open(version, content.weights())) {
      return new Measured(
          predict(engine, version, table.features(Part.VALIDATION), table.labels(Part.VALIDATION)),
          predict(engine, version, table.features(Part.HOLDOUT), table.labels(Part.HOLDOUT)));
    }
  }

  /** The answers for raw rows with labels, without those that preprocessing rejects. */
  static Predictions ofRows(ModelFolder.Content content, Table rows) {
    ModelVersion version = content.version();
    Preprocessing.Result processed = version.preprocessing().apply(rows);
    int[] labels = version.target().encode(rows.column(version.target().column()));
    try (Engine engine = Engines.open(version, content.weights())) {
      return predict(
          engine,
          version,
          processed.features(),
          Arrays.stream(processed.keptRows()).map(row -> labels[row]).toArray());
    }
  }

  private static Predictions predict(
      Engine engine, ModelVersion version, Features features, int[] labels) {
    return new Predictor(version, engine).predict(features).against(labels);
  }
}
