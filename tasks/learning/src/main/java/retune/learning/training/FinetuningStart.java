package retune.learning.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.calibration.CalibrationFit;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.batch.FeatureCache;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.runtime.StepContext;

/**
 * What an attempt starts from.
 *
 * @param champion the version to start from
 * @param metric selects the best epoch
 * @param classWeights whether to weight the loss by inverse class frequency
 * @param seed random seed
 */
public record FinetuningStart(
    ModelVersion champion,
    Weights weights,
    FinetuningData data,
    Metric metric,
    boolean classWeights,
    long seed) {
  private static final Logger LOGGER = System.getLogger(FinetuningStart.class.getName());

  /** All rows of the batch, encoded by the champion. */
  public EncodedRows encoded(StepContext context) {
    try (Engine engine = open()) {
      FeatureCache.Encoded encoded = new FeatureCache(context).all(champion, engine, data.batch());
      LOGGER.log(Level.INFO, "The encoded features are {0}.", encoded.source().words());
      return new EncodedRows(encoded.values(), champion.architecture().encodedSize());
    }
  }

  /** The champion's answers for a part of the rows. */
  ChampionAnswers champion(Part part, StepContext context) {
    int[] rows = data.rows(part);
    int[] labels = data.batch().rows().trainingLabels();
    try (Engine engine = open()) {
      float[] encoded =
          new FeatureCache(context)
              .some(champion, engine, data.batch(), rows, data.dataSplit().id() + "/" + part.id())
              .values();
      return new ChampionAnswers(
          champion,
          new Predictor(champion, engine).predictEncoded(encoded, rows.length),
          Arrays.stream(rows).map(row -> labels[row]).toArray());
    }
  }

  /** The champion's predictions on the validation rows. */
  public Predictions championOnValidation(StepContext context) {
    return champion(Part.VALIDATION, context).predictions();
  }

  /**
   * The champion with another decision threshold or calibration; nothing is trained.
   *
   * @param answers its uncalibrated predictions on the validation rows, with the threshold
   * @param calibration null to fit one on the validation rows
   * @throws InvalidInputException if the metric is not defined on the validation rows
   */
  Trained.Candidate asItIs(Predictions answers, @Nullable CalibrationFit calibration) {
    ClassifierTraining.defined(metric, metric.of(answers), answers.rows());
    return new Trained.Candidate(
        champion.architecture(),
        weights,
        0,
        0,
        0,
        0,
        answers,
        calibration,
        List.of(),
        champion.golden(),
        null,
        Map.of(),
        null);
  }

  private Engine open() {
    return Engines.open(champion, weights, data.batch().description().rows());
  }
}
