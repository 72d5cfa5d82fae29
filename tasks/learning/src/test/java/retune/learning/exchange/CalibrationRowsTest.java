package retune.learning.exchange;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import retune.core.calibration.CalibrationFit;
import retune.core.data.Table;
import retune.core.distribution.Drill;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Predictions;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.steps.data.DistributionFile;

@Tag("slow")
class CalibrationRowsTest {
  private static final Path EXAMPLE = Path.of("../../examples/credit-default");

  /** Its training weighted the classes alike; it was made before versions had a calibration. */
  @Test
  void theExampleStatesWhatIsObservedOnOtherRowsAndDecidesAsBefore() throws Exception {
    ModelFolder.Content example = ModelFolder.read(EXAMPLE.resolve("finetuned"), CodeTrust.REFUSED);
    ModelVersion version = example.version();
    TableDistribution distribution = DistributionFile.read(EXAMPLE.resolve("distribution.json"));
    CalibrationRows fitting = rows(version, distribution, "2026-11-05", 1_000);
    CalibrationRows others = rows(version, distribution, "2026-11-06", 3_000);

    CalibrationFit fit = fitting.fit(example);
    ModelVersion calibrated = version.withCalibration(fit, fitting.contentHash());
    Predictions before = predictions(example, version, others);
    Predictions after = predictions(example, calibrated, others);
    double errorBefore = ClassificationMetrics.expectedCalibrationError(before);
    double errorAfter = ClassificationMetrics.expectedCalibrationError(after);
    assertTrue(errorBefore > 0.19, "before: " + errorBefore);
    assertTrue(errorAfter < 0.04, "after: " + errorAfter);
    assertTrue(ClassificationMetrics.logLoss(after) < ClassificationMetrics.logLoss(before) - 0.1);
    for (int row = 0; row < before.rows(); row++) {
      assertEquals(before.answer(row), after.answer(row), "row " + row);
    }
  }

  private static CalibrationRows rows(
      ModelVersion version, TableDistribution distribution, String date, int rows) {
    Table table = new TableSampler(distribution, 0, LocalDate.parse(date), Drill.NONE).table(rows);
    String target = version.target().column();
    int[] labels = version.target().encode(table.column(target));
    var result = version.preprocessing().apply(table.without(Set.of(target)));
    return new CalibrationRows(
        result.features(), IntStream.of(result.keptRows()).map(row -> labels[row]).toArray(), date);
  }

  private static Predictions predictions(
      ModelFolder.Content content, ModelVersion version, CalibrationRows rows) {
    try (Engine engine = Engines.open(version, content.weights())) {
      return new Predictor(version, engine).predict(rows.features()).against(rows.labels());
    }
  }
}
