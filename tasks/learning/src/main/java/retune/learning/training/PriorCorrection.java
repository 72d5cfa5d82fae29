package retune.learning.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.core.calibration.CalibrationFit;
import retune.core.calibration.LabelShift;
import retune.core.finetuning.Strategy;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.model.ModelVersion;
import retune.runtime.StepContext;

/**
 * The champion with its probabilities corrected for the shares that the classes have in the
 * training rows. Nothing is trained.
 */
public record PriorCorrection() implements CandidateTraining {
  private static final Logger LOGGER = System.getLogger(PriorCorrection.class.getName());

  @Override
  public Strategy strategy() {
    return Strategy.PRIOR;
  }

  @Override
  public String description() {
    return "nothing, and corrects the probabilities for the shares of the classes,";
  }

  @Override
  public Trained train(FinetuningStart start, StepContext context) {
    ModelVersion champion = start.champion();
    if (!champion.wasCalibrated()) {
      return new Trained.Nothing(
          "the champion's probabilities are not calibrated, so a change in the shares of the"
              + " classes cannot be told from their error.");
    }
    ChampionAnswers training = start.champion(Part.TRAINING, context);
    Optional<Trained.Nothing> oneClass = training.oneClass();
    if (oneClass.isPresent()) {
      return oneClass.get();
    }
    champion
        .calibrationShares()
        .ifPresent(reference -> compare(champion, training.predictions(), reference));
    Predictions validation = start.champion(Part.VALIDATION, context).uncalibrated();
    ModelVersion.Calibration before = champion.calibration();
    CalibrationFit fit =
        CalibrationFit.ofShares(
            before == null ? null : before.calibrator(),
            champion.decisionThreshold(),
            training.uncalibrated(),
            validation);
    return fit.calibrator() == null
        ? new Trained.Nothing(fit.reason() + ".")
        : start.asItIs(validation.withThreshold(fit.uncalibrated().threshold()), fit);
  }

  /** Logs the shares, and those that the rows would be estimated to have without their labels. */
  private static void compare(ModelVersion champion, Predictions training, double[] reference) {
    List<String> classes = champion.target().classes();
    double[] estimated = LabelShift.withoutLabels(training.probabilities(), reference).shares();
    double[] counted = new double[classes.size()];
    Arrays.stream(training.labels()).forEach(label -> counted[label] += 1.0 / training.rows());
    LOGGER.log(
        Level.INFO,
        () ->
            IntStream.range(0, classes.size())
                .mapToObj(
                    label ->
                        String.format(
                            Locale.ROOT,
                            "'%s' %.3f (%.3f when calibrated, %.3f estimated without labels)",
                            classes.get(label),
                            counted[label],
                            reference[label],
                            estimated[label]))
                .collect(
                    Collectors.joining(
                        ", ",
                        "Shares of the classes in the training rows: ",
                        ". An estimate far from the share means that more than the shares has"
                            + " changed.")));
  }
}
