package retune.steps.drift;

import java.util.Collection;
import java.util.List;
import java.util.function.UnaryOperator;
import retune.core.calibration.CalibrationFit;
import retune.core.calibration.Calibrator;
import retune.core.metrics.Predictions;
import retune.model.ModelVersion;

/** Calibrates the answers of a version that is not calibrated, on labelled rows. */
public final class LabelCalibration {
  private LabelCalibration() {}

  /** How answers become calibrated; they stay as they are if the version or no row calibrates. */
  public static UnaryOperator<Predictions> of(
      ModelVersion version, Collection<Predictions> labelled) {
    if (version.calibration() != null || labelled.isEmpty()) {
      return UnaryOperator.identity();
    }
    CalibrationFit fit = CalibrationFit.of(Predictions.joined(List.copyOf(labelled)));
    Calibrator calibrator = fit.calibrator();
    return calibrator == null
        ? UnaryOperator.identity()
        : answers -> calibrator.apply(answers, fit.predictions().threshold());
  }
}
