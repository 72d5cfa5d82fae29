package retune.model.engine;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.core.data.Target;
import retune.core.metrics.DecisionRule;
import retune.core.metrics.Predictions;
import retune.model.ModelVersion;

/**
 * A network's logits for some rows, with the probabilities and classes that follow from them. Here,
 * and nowhere else, a version's probabilities are calibrated; its logits are not.
 */
public final class Outputs {
  private final Target target;
  private final double threshold;
  private final int classes;
  private final float[] logits;
  private final double[] probabilities;
  private final DecisionRule rule;

  private Outputs(
      float[] logits, Target target, double threshold, @Nullable Calibrator calibrator) {
    this.target = target;
    this.threshold = threshold;
    this.classes = target.classes().size();
    this.logits = logits;
    this.probabilities =
        Probabilities.rowMajor(logits, classes, target.positiveIndex(), calibrator);
    this.rule = DecisionRule.of(target, threshold);
  }

  /**
   * The outputs of a version's network.
   *
   * @param logits {@code rows × classes}, row-major
   * @throws InvalidInputException if a logit is not finite
   */
  public static Outputs of(float[] logits, ModelVersion version) {
    ModelVersion.Calibration calibration = version.calibration();
    return of(
        logits,
        version.target(),
        version.decisionThreshold(),
        calibration == null ? null : calibration.calibrator());
  }

  /**
   * The outputs of a network that is not a version yet, uncalibrated.
   *
   * @param logits {@code rows × classes}, row-major
   * @param threshold see {@link DecisionRule}
   * @throws InvalidInputException if a logit is not finite
   */
  public static Outputs of(float[] logits, Target target, double threshold) {
    return of(logits, target, threshold, null);
  }

  private static Outputs of(
      float[] logits, Target target, double threshold, @Nullable Calibrator calibrator) {
    for (int i = 0; i < logits.length; i++) {
      if (!Float.isFinite(logits[i])) {
        throw new InvalidInputException(
            "The model's logit for row %d is %s; its weights are too large for these rows, so use another version."
                .formatted(i / target.classes().size(), logits[i]));
      }
    }
    return new Outputs(logits, target, threshold, calibrator);
  }

  public int rows() {
    return logits.length / classes;
  }

  /** The logit of a class, in the order of {@link Target#classes}. */
  public float logit(int row, int label) {
    return logits[row * classes + label];
  }

  /** The probabilities of all classes; they add up to 1. */
  public double[] probabilities(int row) {
    return Arrays.copyOfRange(probabilities, row * classes, (row + 1) * classes);
  }

  /** The probability of a class. */
  public double probability(int row, int label) {
    return probabilities[row * classes + label];
  }

  /** The index of the predicted class. */
  public int predicted(int row) {
    return rule.answer(probabilities, row * classes);
  }

  /**
   * The predictions of the rows that have a label.
   *
   * @param labels one class index per row, or {@link Target#UNLABELLED}
   * @throws InvalidInputException if no row has a label
   */
  public Predictions against(int[] labels) {
    return Predictions.of(target, labels, probabilities, threshold);
  }
}
