package retune.core.calibration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Predictions;

/**
 * The calibration of a model, fitted on rows that it was not trained on.
 *
 * <p>Temperature, Platt's line and isotonic regression are compared by the log loss of {@value
 * #FOLDS}-fold cross-validation. From the uncalibrated probabilities on, a more flexible one
 * replaces a simpler one only if its log loss is lower by more than one standard error of the rows'
 * differences, so that none is chosen for fitting noise.
 *
 * @param calibrator null if the probabilities stay as they are
 * @param reason why there is no calibrator, as a sentence; null if there is one
 * @param uncalibrated the predictions it was fitted on, with their threshold
 * @param predictions the same, calibrated, with the threshold that decides alike
 * @param before expected calibration error and log loss of the uncalibrated probabilities
 * @param after the same of calibrated ones, each row's by a calibrator that has not seen the row
 */
public record CalibrationFit(
    @Nullable Calibrator calibrator,
    @Nullable String reason,
    Predictions uncalibrated,
    Predictions predictions,
    Scores before,
    Scores after) {
  /** Number of parts that each method is cross-validated on. */
  static final int FOLDS = 5;

  /** With fewer rows, or fewer of one of two classes, nothing is fitted. */
  static final int LEAST_ROWS = 50;

  static final int LEAST_OF_A_CLASS = 10;

  private static final long SEED = 1;

  private static final String ROWS = "rows";
  private static final String ERROR = "expected_calibration_error";
  private static final String LOSS = "log_loss";
  private static final String BEFORE = "_before";
  private static final String AFTER = "_after";
  private static final String SHARE = "class_share_";

  /** Standard errors of a gain that a correction of shares must exceed: 95 %, one-sided. */
  private static final double SURE = 1.645;

  /**
   * How good probabilities are.
   *
   * @param calibrationError see {@link ClassificationMetrics#expectedCalibrationError}
   * @param logLoss see {@link ClassificationMetrics#logLoss}
   */
  public record Scores(double calibrationError, double logLoss) {
    static Scores of(Predictions predictions) {
      return new Scores(
          ClassificationMetrics.expectedCalibrationError(predictions),
          ClassificationMetrics.logLoss(predictions));
    }
  }

  private interface Method {
    Optional<Calibrator> fit(Predictions rows);
  }

  /** From the least to the most flexible. */
  private static final List<Method> METHODS =
      List.of(
          TemperatureFit::of,
          rows -> rows.isBinary() ? PlattFit.of(BinaryRows.of(rows)) : Optional.empty(),
          rows -> rows.isBinary() ? IsotonicFit.of(BinaryRows.of(rows)) : Optional.empty());

  /** A calibrator, and the predictions of those that were fitted without each fold. */
  private record Candidate(
      @Nullable Calibrator calibrator, double threshold, Predictions crossValidated) {
    double[] losses() {
      return ClassificationMetrics.logLosses(crossValidated);
    }
  }

  /**
   * Chooses and fits a calibration. Equal predictions give an equal one.
   *
   * @param uncalibrated predictions, whose threshold the calibration keeps the decisions of
   */
  public static CalibrationFit of(Predictions uncalibrated) {
    Optional<String> obstacle = tooFew(uncalibrated);
    if (obstacle.isPresent()) {
      return none(uncalibrated, obstacle.get());
    }
    Candidate best = new Candidate(null, uncalibrated.threshold(), uncalibrated);
    for (Method method : METHODS) {
      Optional<Candidate> next = candidate(method, uncalibrated);
      if (next.isPresent() && isBetter(next.get().losses(), best.losses(), 1)) {
        best = next.get();
      }
    }
    Calibrator calibrator = best.calibrator;
    if (calibrator == null) {
      return none(uncalibrated, "no method lowers the log loss by more than a standard error");
    }
    return new CalibrationFit(
        calibrator,
        null,
        uncalibrated,
        calibrator.apply(uncalibrated, best.threshold),
        Scores.of(uncalibrated),
        Scores.of(best.crossValidated));
  }

  /**
   * Corrects what calibrates already for other shares of the classes, and keeps the decision
   * threshold of calibrated probabilities: so decisions change. There is no correction where it
   * does not surely lower the log loss on other rows (95 %, one-sided).
   *
   * @param before what calibrates already; null where the probabilities need it not
   * @param threshold for calibrated probabilities
   * @param uncalibrated rows that the shares are counted on
   * @param others uncalibrated rows that tell whether the correction is right
   * @return {@code before} and {@code after} are without and with the correction, on the others
   */
  public static CalibrationFit ofShares(
      @Nullable Calibrator before, double threshold, Predictions uncalibrated, Predictions others) {
    LabelShift shift =
        LabelShift.withLabels(
            before == null ? uncalibrated : before.apply(uncalibrated, threshold));
    Calibrator.Prior prior = Calibrator.Prior.on(before, shift, uncalibrated.positive());
    double ofLogits = prior.uncalibratedThreshold(threshold);
    OptionalDouble mapped = prior.threshold(ofLogits);
    if (mapped.isEmpty()) {
      return none(
          uncalibrated, "corrected probabilities near the decision threshold round to one number");
    }
    Predictions uncorrected = before == null ? others : before.apply(others, threshold);
    Predictions corrected = prior.apply(others, mapped.getAsDouble());
    if (!isBetter(
        ClassificationMetrics.logLosses(corrected),
        ClassificationMetrics.logLosses(uncorrected),
        SURE)) {
      return none(
          uncalibrated,
          String.format(
              Locale.ROOT,
              "correcting for the shares of the classes does not surely lower the log loss on"
                  + " validation rows (%.4f without the correction, %.4f with it)",
              ClassificationMetrics.logLoss(uncorrected),
              ClassificationMetrics.logLoss(corrected)));
    }
    return new CalibrationFit(
        prior,
        null,
        uncalibrated.withThreshold(ofLogits),
        prior.apply(uncalibrated, mapped.getAsDouble()),
        Scores.of(uncorrected),
        Scores.of(corrected));
  }

  /** Other predictions of the same model, calibrated, with the threshold that decides alike. */
  public Predictions calibrated(Predictions others) {
    return calibrator == null ? others : calibrator.apply(others, predictions.threshold());
  }

  private static CalibrationFit none(Predictions uncalibrated, String reason) {
    Scores scores = Scores.of(uncalibrated);
    return new CalibrationFit(null, reason, uncalibrated, uncalibrated, scores, scores);
  }

  private static Optional<String> tooFew(Predictions predictions) {
    if (predictions.rows() < LEAST_ROWS) {
      return Optional.of("the %d rows are fewer than %d".formatted(predictions.rows(), LEAST_ROWS));
    }
    if (predictions.isBinary()) {
      for (int label = 0; label < 2; label++) {
        int wanted = label;
        long rows = Arrays.stream(predictions.labels()).filter(of -> of == wanted).count();
        if (rows < LEAST_OF_A_CLASS) {
          return Optional.of(
              "a class has only %d of the rows, fewer than %d".formatted(rows, LEAST_OF_A_CLASS));
        }
      }
    }
    return Optional.empty();
  }

  /** Empty if the method has no calibrator for these rows, or one that cannot keep decisions. */
  private static Optional<Candidate> candidate(Method method, Predictions rows) {
    Optional<Calibrator> whole = method.fit(rows);
    OptionalDouble threshold =
        rows.isBinary() && whole.isPresent()
            ? whole.get().threshold(rows.threshold())
            : OptionalDouble.of(rows.threshold());
    if (whole.isEmpty() || threshold.isEmpty()) {
      return Optional.empty();
    }
    int[] folds = folds(rows);
    int classes = rows.classes();
    double[] probabilities = new double[rows.probabilities().length];
    for (int fold = 0; fold < FOLDS; fold++) {
      int[] outside = positions(folds, fold, false);
      int[] inside = positions(folds, fold, true);
      Optional<Calibrator> fitted = method.fit(rows.select(outside));
      if (fitted.isEmpty()) {
        return Optional.empty();
      }
      Predictions calibrated = fitted.get().apply(rows.select(inside), rows.threshold());
      for (int i = 0; i < inside.length; i++) {
        System.arraycopy(
            calibrated.probabilities(), i * classes, probabilities, inside[i] * classes, classes);
      }
    }
    return Optional.of(
        new Candidate(
            whole.get(),
            threshold.getAsDouble(),
            new Predictions(
                rows.labels(), probabilities, classes, rows.positive(), rows.threshold())));
  }

  /** The fold of each row: equally many rows of each class, drawn with a fixed seed. */
  private static int[] folds(Predictions rows) {
    SplittableRandom random = new SplittableRandom(SEED);
    int[] order = IntStream.range(0, rows.rows()).toArray();
    for (int i = order.length - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int row = order[i];
      order[i] = order[other];
      order[other] = row;
    }
    int[] folds = new int[rows.rows()];
    int turn = 0;
    for (int label = 0; label < rows.classes(); label++) {
      for (int row : order) {
        if (rows.labels()[row] == label) {
          folds[row] = turn++ % FOLDS;
        }
      }
    }
    return folds;
  }

  private static int[] positions(int[] folds, int fold, boolean inside) {
    List<Integer> rows = new ArrayList<>();
    for (int row = 0; row < folds.length; row++) {
      if ((folds[row] == fold) == inside) {
        rows.add(row);
      }
    }
    return rows.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Whether losses are lower by more than so many standard errors of their mean difference. */
  private static boolean isBetter(double[] losses, double[] others, double errors) {
    int rows = losses.length;
    double sum = 0;
    double squares = 0;
    for (int row = 0; row < rows; row++) {
      double gain = others[row] - losses[row];
      sum += gain;
      squares += gain * gain;
    }
    double mean = sum / rows;
    double variance = Math.max(0, squares / rows - mean * mean);
    return mean > errors * Math.sqrt(variance / (rows - 1));
  }

  /** The numbers for a version's record, by name. */
  public Map<String, Double> toMap() {
    Map<String, Double> numbers = new LinkedHashMap<>();
    numbers.put(ROWS, (double) uncalibrated.rows());
    numbers.put(ERROR + BEFORE, before.calibrationError);
    numbers.put(ERROR + AFTER, after.calibrationError);
    numbers.put(LOSS + BEFORE, before.logLoss);
    numbers.put(LOSS + AFTER, after.logLoss);
    double[] counts = new double[uncalibrated.classes()];
    for (int label : uncalibrated.labels()) {
      counts[label]++;
    }
    for (int label = 0; label < counts.length; label++) {
      numbers.put(SHARE + label, counts[label] / uncalibrated.rows());
    }
    return numbers;
  }

  /**
   * The shares of the classes in the rows that a calibration was fitted on: the reference of {@link
   * LabelShift#withoutLabels}. Empty if a class had no row, or the numbers lack them.
   *
   * @param numbers those of {@link #toMap}, or none
   */
  public static Optional<double[]> shares(Map<String, Double> numbers, int classes) {
    double[] shares =
        IntStream.range(0, classes)
            .mapToDouble(label -> numbers.getOrDefault(SHARE + label, 0.0))
            .toArray();
    return Arrays.stream(shares).allMatch(share -> share > 0)
        ? Optional.of(shares)
        : Optional.empty();
  }

  /** What was done, as a sentence. */
  public String sentence() {
    if (calibrator == null) {
      return "The probabilities are not calibrated: " + reason + ".";
    }
    return sentence(calibrator, uncalibrated.rows(), toMap());
  }

  /**
   * That probabilities are calibrated, and how well, as a sentence.
   *
   * @param rows number of rows that the calibrator was fitted on
   * @param numbers those of {@link #toMap}, or none
   */
  public static String sentence(Calibrator calibrator, int rows, Map<String, Double> numbers) {
    String what =
        String.format(
            Locale.ROOT, "The probabilities are %s on %,d rows", calibrator.words(), rows);
    return numbers.isEmpty()
        ? what + "."
        : String.format(
            Locale.ROOT,
            "%s: expected calibration error %.3f before and %.3f after, log loss %.4f before and"
                + " %.4f after.",
            what,
            numbers.get(ERROR + BEFORE),
            numbers.get(ERROR + AFTER),
            numbers.get(LOSS + BEFORE),
            numbers.get(LOSS + AFTER));
  }
}
