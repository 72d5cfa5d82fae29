package retune.learning.exchange;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import retune.core.InvalidInputException;
import retune.core.calibration.CalibrationFit;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;

/**
 * Labelled rows to calibrate a version on.
 *
 * @param labels one class index per row, or {@link retune.core.data.Target#UNLABELLED}
 * @param contentHash SHA-256 of the file, or content hash of the batch
 */
public record CalibrationRows(Features features, int[] labels, String contentHash) {
  /**
   * The rows of the CSV file of that path, or else of the processed batch of that id, of which only
   * labels that people gave count.
   *
   * @throws InvalidInputException if there is neither, or the version cannot read it
   */
  public static CalibrationRows of(String name, ModelVersion version, StepContext context)
      throws IOException {
    Path file = Path.of(name);
    if (Files.isRegularFile(file)) {
      return ofFile(file, version);
    }
    if (context.store().processedBatches().find(name).isEmpty()) {
      throw new InvalidInputException(
          "There is neither a file nor a processed batch '%s' to calibrate on. Give the path of a CSV file of labelled rows, or a batch as model/date."
              .formatted(name));
    }
    return ofBatch(Batch.load(context, name), version);
  }

  private static CalibrationRows ofBatch(Batch batch, ModelVersion version) {
    if (!batch.description().preprocessingHash().equals(version.preprocessing().hash())) {
      throw new InvalidInputException(
          "The batch '%s' was prepared with another preprocessing than the imported version has. Calibrate on a CSV file of labelled rows instead."
              .formatted(batch.id()));
    }
    return new CalibrationRows(batch.features(), batch.rows().labels(), batch.contentHash());
  }

  private static CalibrationRows ofFile(Path file, ModelVersion version) throws IOException {
    Table table = CsvTables.readAll(file, CsvOptions.as(version.preprocessing().notation()));
    String target = version.target().column();
    Column labels =
        table
            .find(target)
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "'%s' has no column '%s', which the version predicts; its columns are %s. Add the true labels under that name."
                            .formatted(file, target, table.names())));
    int[] ofAll = version.target().encode(labels);
    Preprocessing.Result result = version.preprocessing().apply(table.without(Set.of(target)));
    return new CalibrationRows(
        result.features(),
        Arrays.stream(result.keptRows()).map(row -> ofAll[row]).toArray(),
        Hashing.sha256(Files.readAllBytes(file)));
  }

  /** Fits a calibration of the version on the rows that have a label. */
  public CalibrationFit fit(ModelFolder.Content content) {
    ModelVersion version = content.version();
    try (Engine engine = Engines.open(version, content.weights(), features.rows())) {
      return CalibrationFit.of(new Predictor(version, engine).predict(features).against(labels));
    }
  }
}
