package retune.core.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator.Isotonic;
import retune.core.calibration.Calibrator.Platt;
import retune.core.calibration.Calibrator.Prior;
import retune.core.calibration.Calibrator.Temperature;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Predictions;
import tools.jackson.databind.json.JsonMapper;

class LabelShiftTest {
  /** As {@code src/test/python/calibration_fixtures.py} records it. */
  private record Fixture(
      String name,
      double[] reference,
      int[] labels,
      double[] probabilities,
      double[] shares,
      double[] biases) {
    Predictions predictions() {
      return new Predictions(labels, probabilities, reference.length, 1, 0.5);
    }
  }

  private static Stream<Fixture> fixtures() throws IOException {
    try (InputStream json = LabelShiftTest.class.getResourceAsStream("shifts.json")) {
      return Arrays.stream(
          JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixture[].class));
    }
  }

  @TestFactory
  Stream<DynamicTest> sharesWithoutLabelsAreTheLikeliestThatScipyFinds() throws IOException {
    return fixtures()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.name,
                    () -> {
                      LabelShift shift =
                          LabelShift.withoutLabels(fixture.probabilities, fixture.reference);
                      assertTrue(shift.converged(), shift.steps() + " steps");
                      assertArrayEquals(fixture.shares, shift.shares(), 1e-5);
                      for (int label = 0; label < fixture.reference.length; label++) {
                        assertEquals(
                            shift.shares()[label],
                            fixture.reference[label] * Math.exp(shift.biases()[label]),
                            1e-12);
                      }
                    }));
  }

  @TestFactory
  Stream<DynamicTest> biasesWithLabelsAreThoseOfLeastLossThatScipyFinds() throws IOException {
    return fixtures()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.name,
                    () -> {
                      LabelShift shift = LabelShift.withLabels(fixture.predictions());
                      assertTrue(shift.converged(), shift.steps() + " steps");
                      double last = shift.biases()[fixture.biases.length];
                      assertArrayEquals(
                          fixture.biases,
                          Arrays.stream(shift.biases())
                              .map(bias -> bias - last)
                              .limit(fixture.biases.length)
                              .toArray(),
                          1e-5);
                      assertEquals(1, Arrays.stream(shift.shares()).sum(), 1e-9);
                    }));
  }

  @Test
  void anIterationThatNeedsMoreStepsSaysSo() {
    // almost nothing tells the classes apart, so that the likelihood is flat
    double[] probabilities = {0.501, 0.499, 0.501, 0.499};
    LabelShift shift = LabelShift.withoutLabels(probabilities, new double[] {0.5, 0.5});
    assertEquals(LabelShift.MOST_STEPS, shift.steps());
    assertFalse(shift.converged());
    assertTrue(shift.shares()[0] > 0.9, Arrays.toString(shift.shares()));
  }

  @Test
  void aReferenceWithoutAClassIsRefused() {
    for (double[] reference : new double[][] {{0, 1}, {Double.NaN, 1}, {-0.5, 1.5}}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> LabelShift.withoutLabels(new double[] {0.5, 0.5}, reference));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> LabelShift.withoutLabels(new double[0], new double[] {0.5, 0.5}));
    assertThrows(
        IllegalArgumentException.class,
        () -> LabelShift.withoutLabels(new double[3], new double[] {0.5, 0.5}));
  }

  @Test
  void certainRowsOfAClassThatVanishedKeepTheBiasFinite() {
    Predictions rows =
        new Predictions(new int[] {0, 0, 1}, new double[] {1, 0, 0, 1, 0, 0, 0, 1, 0}, 3, -1, 0.5);
    LabelShift shift = LabelShift.withLabels(rows);
    for (double bias : shift.biases()) {
      assertTrue(Double.isFinite(bias), Arrays.toString(shift.biases()));
    }
    Predictions sure = new Predictions(new int[] {0, 0}, new double[] {1, 0, 1, 0}, 2, 1, 0.5);
    assertEquals(1, LabelShift.withLabels(sure).shares()[0], 1e-12);
  }

  @Test
  void moreOfAClassIsCorrectedOnOtherRowsAndTheThresholdHoldsForCorrectedProbabilities() {
    Platt platt = new Platt(0.5, -1);
    CalibrationFit fit = CalibrationFit.ofShares(platt, 0.3, two(0.6, 3_000, 1), two(0.6, 800, 2));
    Prior prior = (Prior) Objects.requireNonNull(fit.calibrator(), fit.sentence());
    assertEquals(platt, prior.calibrator());
    // log-odds of 0.6 less those of 0.2
    assertEquals(Math.log(6), prior.biases()[0], 0.15);
    assertEquals(0.3, fit.predictions().threshold(), 1e-12);
    assertTrue(fit.after().logLoss() < fit.before().logLoss(), fit.sentence());
    assertTrue(fit.after().calibrationError() < 0.06, fit.sentence());
    assertTrue(
        fit.sentence()
            .startsWith(
                "The probabilities are calibrated by platt and corrected for the shares of the"
                    + " classes on 3,000 rows: "),
        fit.sentence());
    assertArrayEquals(
        new double[] {0.4, 0.6}, CalibrationFit.shares(fit.toMap(), 2).orElseThrow(), 0.03);
    Predictions corrected = fit.calibrated(fit.uncalibrated());
    for (int row = 0; row < corrected.rows(); row++) {
      assertEquals(fit.uncalibrated().answer(row), corrected.answer(row));
    }

    CalibrationFit again =
        CalibrationFit.ofShares(prior, 0.3, two(0.2, 3_000, 3), two(0.2, 800, 4));
    Prior back = (Prior) Objects.requireNonNull(again.calibrator(), again.sentence());
    assertEquals(platt, back.calibrator());
    assertEquals(0, back.biases()[0], 0.2);
  }

  @Test
  void sharesThatHaveNotSurelyMovedAreNotCorrected() {
    int corrected = 0;
    for (int seed = 0; seed < 100; seed++) {
      CalibrationFit fit =
          CalibrationFit.ofShares(
              new Platt(0.5, -1), 0.5, two(0.2, 300, seed), two(0.2, 100, 1_000 + seed));
      corrected += fit.calibrator() == null ? 0 : 1;
      if (fit.calibrator() == null) {
        assertTrue(
            String.valueOf(fit.reason())
                .startsWith(
                    "correcting for the shares of the classes does not surely lower the log loss"
                        + " on validation rows ("),
            fit.sentence());
      }
    }
    assertTrue(corrected <= 8, corrected + " of 100");
  }

  @Test
  void severalClassesChangeTheirAnswers() throws IOException {
    Predictions rows =
        fixtures()
            .filter(fixture -> fixture.name.equals("five classes"))
            .findFirst()
            .orElseThrow()
            .predictions();
    int[] even = IntStream.range(0, 125).map(i -> 2 * i).toArray();
    int[] odd = IntStream.range(0, 125).map(i -> 2 * i + 1).toArray();
    Temperature temperature = new Temperature(1.5);
    // logits that the temperature divides
    Predictions stated = new Temperature(1 / 1.5).apply(rows, 0.5);
    CalibrationFit fit =
        CalibrationFit.ofShares(temperature, 0.5, stated.select(even), stated.select(odd));
    Prior prior = (Prior) Objects.requireNonNull(fit.calibrator(), fit.sentence());
    assertTrue(prior.suits(5) && !prior.suits(2) && !prior.suits(4));
    Predictions others = fit.calibrated(stated.select(odd));
    assertTrue(correct(others) > correct(stated.select(odd)) + 0.1, fit.sentence());
    assertTrue(
        ClassificationMetrics.logLoss(others)
            < ClassificationMetrics.logLoss(temperature.apply(stated.select(odd), 0.5)) - 0.1);
  }

  @Test
  void thresholdsGoBackAndForth() {
    SplittableRandom random = new SplittableRandom(4);
    for (int i = 0; i < 300; i++) {
      Calibrator inner =
          switch (i % 3) {
            case 0 -> new Platt(random.nextDouble(0.2, 3), random.nextDouble(-2, 2));
            case 1 -> new Temperature(random.nextDouble(0.3, 3));
            default -> new Isotonic(new double[] {-1, 0, 2}, new double[] {-3, 1, 1.5});
          };
      Prior prior = new Prior(inner, new double[] {random.nextDouble(-2, 2)});
      double threshold = random.nextDouble(0.02, 0.98);
      double ofLogits = prior.uncalibratedThreshold(threshold);
      assertEquals(threshold, prior.threshold(ofLogits).orElseThrow(), 1e-9, prior.toString());
    }
    Prior alone = new Prior(null, new double[] {Math.log(2)});
    assertEquals(1.0 / 3, alone.uncalibratedThreshold(0.5), 1e-12);
    assertEquals(0, alone.uncalibratedThreshold(0));
    assertEquals("corrected for the shares of the classes", alone.words());
    assertEquals("prior", alone.id());
    assertNull(alone.calibrator());
  }

  @Test
  void aCorrectionThatMakesNoSenseIsRefused() {
    for (double[] biases : new double[][] {{}, {1, 2}, {Double.NaN}, {0, 0, 1.0 / 0}}) {
      assertTrue(
          String.valueOf(
                  assertThrows(InvalidInputException.class, () -> new Prior(null, biases))
                      .getMessage())
              .endsWith("they must be finite, one for two classes and one for each of more."));
    }
    Prior prior = new Prior(null, new double[] {1});
    assertThrows(InvalidInputException.class, () -> new Prior(prior, new double[] {1}));
    assertFalse(new Prior(new Platt(1, 0), new double[3]).suits(3));
    assertEquals(prior, new Prior(null, new double[] {1}));
    assertEquals(prior.hashCode(), new Prior(null, new double[] {1}).hashCode());
    assertTrue(CalibrationFit.shares(Map.of(), 2).isEmpty());
  }

  private static double correct(Predictions rows) {
    double correct = 0;
    for (int row = 0; row < rows.rows(); row++) {
      correct += rows.answer(row) == rows.labels()[row] ? 1.0 / rows.rows() : 0;
    }
    return correct;
  }

  /** Uncalibrated rows, which {@code Platt(0.5, -1)} calibrates for one positive in five. */
  private static Predictions two(double share, int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = random.nextDouble() < share ? 1 : 0;
      double value = random.nextGaussian() + (labels[row] == 1 ? 1 : -1);
      double logOdds = 2 * value + Math.log(0.25);
      double stated = 2 * (logOdds + 1);
      probabilities[2 * row + 1] = LogOdds.probability(stated);
      probabilities[2 * row] = LogOdds.probability(-stated);
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }
}
