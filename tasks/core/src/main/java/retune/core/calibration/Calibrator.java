package retune.core.calibration;

import java.util.Arrays;
import java.util.Objects;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.metrics.Predictions;

/**
 * Turns a model's log-odds into calibrated ones. With two classes, each calibrator is strictly
 * increasing, so that it changes neither the order of rows nor, with the mapped {@link #threshold},
 * a decision. The log-odds are the positive class's logit less the other one's.
 *
 * <p>With more classes, a {@link Temperature} divides all logits, which changes no decision, and a
 * {@link Prior} adds to each, which changes some.
 */
public sealed interface Calibrator {
  /** The calibrated log-odds of the positive of two classes. */
  double calibrated(double logOdds);

  /** The method's name: {@code temperature}, {@code platt}, {@code isotonic} or {@code prior}. */
  String id();

  /** How it calibrates, after "are": {@code calibrated by platt}. */
  default String words() {
    return "calibrated by " + id();
  }

  /** Whether it calibrates this number of classes. */
  default boolean suits(int classes) {
    return classes == 2;
  }

  /**
   * Replaces a row's logits by calibrated ones.
   *
   * @param positive index of the positive class; ignored for more than two classes
   */
  default void apply(double[] logits, int positive) {
    if (logits.length != 2) {
      throw new IllegalArgumentException(id() + " calibrates two classes, not " + logits.length);
    }
    logits[positive] = calibrated(logits[positive] - logits[1 - positive]);
    logits[1 - positive] = 0;
  }

  /**
   * The threshold of calibrated probabilities that decides as another one of uncalibrated
   * probabilities does. Empty if there is none, because calibrated probabilities near it round to
   * the same number.
   *
   * @param uncalibrated 0 … 1
   */
  default OptionalDouble threshold(double uncalibrated) {
    if (uncalibrated == 0) {
      return OptionalDouble.of(0);
    }
    double from = LogOdds.reaching(uncalibrated);
    double unit = Math.max(1, Math.abs(from));
    double mapped = LogOdds.probability(calibrated(from - LogOdds.ROUNDING * unit));
    double below = LogOdds.probability(calibrated(from - LogOdds.RESOLUTION * unit));
    return below < mapped ? OptionalDouble.of(mapped) : OptionalDouble.empty();
  }

  /**
   * The threshold of uncalibrated probabilities that decides as another one of calibrated
   * probabilities does.
   *
   * @param calibrated 0 … 1
   */
  default double uncalibratedThreshold(double calibrated) {
    return calibrated == 0
        ? 0
        : LogOdds.probability(LogOdds.reaching(calibrated, this::calibrated));
  }

  /**
   * Predictions with calibrated probabilities.
   *
   * @param threshold the one for calibrated probabilities
   */
  default Predictions apply(Predictions uncalibrated, double threshold) {
    int classes = uncalibrated.classes();
    double[] probabilities = new double[uncalibrated.probabilities().length];
    double[] row = new double[classes];
    for (int i = 0; i < uncalibrated.rows(); i++) {
      for (int label = 0; label < classes; label++) {
        row[label] = LogOdds.logarithm(uncalibrated.probability(i, label));
      }
      apply(row, uncalibrated.positive());
      LogOdds.softmax(row);
      System.arraycopy(row, 0, probabilities, i * classes, classes);
    }
    return new Predictions(
        uncalibrated.labels(), probabilities, classes, uncalibrated.positive(), threshold);
  }

  /**
   * Divides logits by a number (Guo et al., 2017).
   *
   * @param temperature above 1 where the model is too sure
   */
  record Temperature(double temperature) implements Calibrator {
    public Temperature {
      if (!(temperature > 0 && Double.isFinite(temperature))) {
        throw new InvalidInputException(
            "The calibration's temperature is " + temperature + "; it must be above 0.");
      }
    }

    @Override
    public double calibrated(double logOdds) {
      return logOdds / temperature;
    }

    @Override
    public String id() {
      return "temperature";
    }

    @Override
    public boolean suits(int classes) {
      return true;
    }

    @Override
    public void apply(double[] logits, int positive) {
      if (logits.length == 2) {
        Calibrator.super.apply(logits, positive);
        return;
      }
      for (int i = 0; i < logits.length; i++) {
        logits[i] /= temperature;
      }
    }
  }

  /**
   * A straight line of the log-odds (Platt, 1999).
   *
   * @param slope above 0
   */
  record Platt(double slope, double intercept) implements Calibrator {
    public Platt {
      if (!(slope > 0 && Double.isFinite(slope) && Double.isFinite(intercept))) {
        throw new InvalidInputException(
            "The calibration has the slope %s and the intercept %s; the slope must be above 0 and both finite."
                .formatted(slope, intercept));
      }
    }

    @Override
    public double calibrated(double logOdds) {
      return slope * logOdds + intercept;
    }

    @Override
    public String id() {
      return "platt";
    }
  }

  /**
   * Centred isotonic regression (Oron &amp; Flournoy, 2017) in log-odds: each block of equal values
   * is one point at its mean, with straight lines between points and the slope 1 beyond the
   * outermost.
   *
   * @param from log-odds, strictly increasing, at least two
   * @param to the calibrated log-odds of each, strictly increasing
   */
  record Isotonic(double[] from, double[] to) implements Calibrator {
    public Isotonic {
      from = from.clone();
      to = to.clone();
      if (from.length < 2 || from.length != to.length || !increases(from) || !increases(to)) {
        throw new InvalidInputException(
            "The calibration's %d points from and %d points to must be two or more finite numbers each, as many of both, strictly increasing."
                .formatted(from.length, to.length));
      }
    }

    private static boolean increases(double[] values) {
      double before = Double.NEGATIVE_INFINITY;
      for (double value : values) {
        if (!(value > before && value < Double.POSITIVE_INFINITY)) {
          return false;
        }
        before = value;
      }
      return true;
    }

    @Override
    public double calibrated(double logOdds) {
      int last = from.length - 1;
      if (!(logOdds > from[0])) {
        return to[0] + (logOdds - from[0]);
      }
      if (logOdds >= from[last]) {
        return to[last] + (logOdds - from[last]);
      }
      int found = Arrays.binarySearch(from, logOdds);
      if (found >= 0) {
        return to[found];
      }
      int above = -found - 1;
      double share = (logOdds - from[above - 1]) / (from[above] - from[above - 1]);
      // rounding must not lift the end of a line above the start of the next one
      return Math.min(to[above], to[above - 1] + share * (to[above] - to[above - 1]));
    }

    @Override
    public String id() {
      return "isotonic";
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Isotonic(double[] otherFrom, double[] otherTo)
          && Arrays.equals(from, otherFrom)
          && Arrays.equals(to, otherTo);
    }

    @Override
    public int hashCode() {
      return 31 * Arrays.hashCode(from) + Arrays.hashCode(to);
    }

    @Override
    public String toString() {
      return "Isotonic[from=" + Arrays.toString(from) + ", to=" + Arrays.toString(to) + "]";
    }
  }

  /**
   * Corrects calibrated probabilities for other shares of the classes.
   *
   * @param calibrator calibrates before; null where the probabilities need it not
   * @param biases two classes: one, added to the log-odds of the positive one; more classes: one
   *     for each, added to its logit
   */
  record Prior(@Nullable Calibrator calibrator, double[] biases) implements Calibrator {
    public Prior {
      biases = biases.clone();
      if (biases.length == 0
          || biases.length == 2
          || !Arrays.stream(biases).allMatch(Double::isFinite)) {
        throw new InvalidInputException(
            "The calibration's biases are %s; they must be finite, one for two classes and one for each of more."
                .formatted(Arrays.toString(biases)));
      }
      if (calibrator instanceof Prior) {
        throw new InvalidInputException(
            "The calibration corrects the shares of the classes twice; add the biases up.");
      }
    }

    /**
     * A correction on top of what calibrates already, if anything does.
     *
     * @param shift has a bias for each class
     * @param positive index of the positive class; ignored for more than two classes
     */
    public static Prior on(@Nullable Calibrator before, LabelShift shift, int positive) {
      double[] of = shift.biases();
      double[] biases =
          of.length == 2 ? new double[] {of[positive] - of[1 - positive]} : of.clone();
      if (!(before instanceof Prior(Calibrator calibrator, double[] earlier))) {
        return new Prior(before, biases);
      }
      Arrays.setAll(biases, i -> biases[i] + earlier[i]);
      return new Prior(calibrator, biases);
    }

    @Override
    public double calibrated(double logOdds) {
      return (calibrator == null ? logOdds : calibrator.calibrated(logOdds)) + biases[0];
    }

    @Override
    public String id() {
      return "prior";
    }

    @Override
    public String words() {
      String correction = "corrected for the shares of the classes";
      return calibrator == null ? correction : calibrator.words() + " and " + correction;
    }

    @Override
    public boolean suits(int classes) {
      return biases.length == (classes == 2 ? 1 : classes)
          && (calibrator == null || calibrator.suits(classes));
    }

    @Override
    public void apply(double[] logits, int positive) {
      if (logits.length == 2) {
        Calibrator.super.apply(logits, positive);
        return;
      }
      if (calibrator != null) {
        calibrator.apply(logits, positive);
      }
      for (int i = 0; i < logits.length; i++) {
        logits[i] += biases[i];
      }
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Prior(Calibrator otherCalibrator, double[] otherBiases)
          && Objects.equals(calibrator, otherCalibrator)
          && Arrays.equals(biases, otherBiases);
    }

    @Override
    public int hashCode() {
      return 31 * Objects.hashCode(calibrator) + Arrays.hashCode(biases);
    }

    @Override
    public String toString() {
      return "Prior[calibrator=" + calibrator + ", biases=" + Arrays.toString(biases) + "]";
    }
  }
}
