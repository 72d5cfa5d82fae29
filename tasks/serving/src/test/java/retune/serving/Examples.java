package retune.serving;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import retune.core.calibration.Calibrator;
import retune.core.preprocessing.MissingValues;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.serving.prediction.ExampleRow;
import retune.testing.Calibrations;

/** The example model of the project, and versions of it with another decision threshold. */
final class Examples {
  static final Path FOLDER = Path.of("../../examples/credit-default/finetuned");

  /** The example: 23 columns, two classes. */
  static final ModelFolder.Content MODEL = read();

  private Examples() {}

  /** Another version: the same network with another threshold. */
  static ModelFolder.Content withThreshold(double threshold) {
    return with(threshold, golden());
  }

  /** The version with a calibration. */
  static ModelFolder.Content calibrated(Calibrator calibrator) {
    ModelVersion of = MODEL.version();
    return new ModelFolder.Content(
        of.withCalibration(
            Calibrations.by(calibrator, of.target(), of.decisionThreshold()), "4567"),
        MODEL.weights());
  }

  /**
   * The same network and threshold of stated probabilities, corrected for shares of the classes.
   */
  static ModelFolder.Content corrected(Calibrator.Prior prior) {
    ModelVersion of = MODEL.version();
    double threshold = prior.uncalibratedThreshold(of.decisionThreshold());
    return new ModelFolder.Content(
        of.withCalibration(Calibrations.by(prior, of.target(), threshold), "4567"),
        MODEL.weights());
  }

  /** A version whose golden logits differ from those of its network. */
  static ModelFolder.Content withWrongGoldenRows() {
    ModelVersion.Golden golden = golden();
    float[][] logits = new float[golden.logits().length][];
    for (int row = 0; row < logits.length; row++) {
      logits[row] = golden.logits()[row].clone();
      logits[row][0] += 1;
    }
    return with(0.5, new ModelVersion.Golden(golden.codes(), golden.numbers(), logits));
  }

  /** A version of the same network that refuses rows without a value in a column of numbers. */
  static ModelFolder.Content refusingMissing(String column) {
    ModelVersion of = MODEL.version();
    Preprocessing fitted = of.preprocessing();
    Preprocessing refusing =
        new Preprocessing(
            fitted.categorical(),
            fitted.codes(),
            fitted.numeric().stream()
                .map(
                    numeric ->
                        numeric.name().equals(column)
                            ? new NumericColumn(
                                column,
                                numeric.scaling(),
                                numeric.fill(),
                                MissingValues.REJECT,
                                numeric.reason())
                            : numeric)
                .toList(),
            fitted.dates(),
            fitted.dropped(),
            fitted.notation(),
            fitted.text());
    return with(0.5, golden(), refusing);
  }

  /** A valid row. */
  static Map<String, Object> row() {
    return new LinkedHashMap<>(ExampleRow.of(MODEL.version().preprocessing()));
  }

  /** A valid row with one value changed. */
  static Map<String, Object> row(String column, Object value) {
    Map<String, Object> row = row();
    row.put(column, value);
    return row;
  }

  /** The row as tensors of the Open Inference Protocol, one for each column. */
  static List<Map<String, Object>> tensors() {
    return row().entrySet().stream()
        .map(
            column ->
                Map.of(
                    "name",
                    column.getKey(),
                    "shape",
                    List.of(1),
                    "datatype",
                    column.getValue() instanceof String ? "BYTES" : "FP64",
                    "data",
                    List.of(column.getValue())))
        .toList();
  }

  static String json(Object content) {
    return Json.MAPPER.writeValueAsString(content);
  }

  private static ModelFolder.Content with(double threshold, ModelVersion.Golden golden) {
    return with(threshold, golden, MODEL.version().preprocessing());
  }

  private static ModelFolder.Content with(
      double threshold, ModelVersion.Golden golden, Preprocessing preprocessing) {
    ModelVersion of = MODEL.version();
    return new ModelFolder.Content(
        ModelVersion.of(
                of.modelName(),
                Instant.parse("2026-01-09T10:15:00Z"),
                new ModelVersion.Design(of.architecture(), preprocessing, of.target()),
                of.lineage(),
                MODEL.weights())
            .withDecisionThreshold(threshold)
            .withMetrics(of.metrics())
            .withGolden(golden),
        MODEL.weights());
  }

  private static ModelVersion.Golden golden() {
    return Objects.requireNonNull(MODEL.version().golden());
  }

  private static ModelFolder.Content read() {
    try {
      return ModelFolder.read(FOLDER, CodeTrust.REFUSED);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
