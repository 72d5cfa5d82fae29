package retune.testing;

import retune.core.calibration.CalibrationFit;
import retune.core.calibration.Calibrator;
import retune.core.data.Target;
import retune.core.metrics.Predictions;

/** Calibrations that are given, as if they had been fitted on one row. */
public final class Calibrations {
  private Calibrations() {}

  /**
   * The fit of a calibrator.
   *
   * @param threshold the decision threshold of uncalibrated probabilities
   */
  public static CalibrationFit by(Calibrator calibrator, Target target, double threshold) {
    int classes = target.classes().size();
    double[] certain = new double[classes];
    certain[0] = 1;
    Predictions uncalibrated =
        new Predictions(new int[1], certain, classes, target.positiveIndex(), threshold);
    Predictions calibrated =
        new Predictions(
            new int[1],
            certain,
            classes,
            target.positiveIndex(),
            calibrator.threshold(threshold).orElseThrow());
    CalibrationFit.Scores before = new CalibrationFit.Scores(0.22, 0.5);
    CalibrationFit.Scores after = new CalibrationFit.Scores(0.01, 0.4);
    return new CalibrationFit(calibrator, null, uncalibrated, calibrated, before, after);
  }
}
