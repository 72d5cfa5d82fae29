package retune.core.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator.Isotonic;
import retune.core.calibration.Calibrator.Platt;
import retune.core.calibration.Calibrator.Temperature;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.DecisionThreshold;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import tools.jackson.databind.json.JsonMapper;

class CalibrationTest {
  /** As {@code src/test/python/calibration_fixtures.py} records it. */
  private record Fixture(
      String name,
      int classes,
      int[] labels,
      double[] logits,
      double temperature,
      double @Nullable [] platt,
      @Nullable Points isotonic) {
    Predictions predictions() {
      return CalibrationTest.predictions(labels, logits, classes, 0.5);
    }
  }

  private record Points(List<Double> from, List<Double> to) {}

  private static Stream<Fixture> fixtures() throws IOException {
    try (InputStream json = CalibrationTest.class.getResourceAsStream("fixtures.json")) {
      return Arrays.stream(
          JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixture[].class));
    }
  }

  @TestFactory
  Stream<DynamicTest> temperatureIsTheOneThatScipyFinds() throws IOException {
    return fixtures()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.name,
                    () -> {
                      Temperature fitted =
                          (Temperature) TemperatureFit.of(fixture.predictions()).orElseThrow();
                      assertEquals(
                          1, fitted.temperature() / fixture.temperature, 1e-6, fixture.name);
                    }));
  }

  @TestFactory
  Stream<DynamicTest> plattsLineIsScikitLearns() throws IOException {
    return fixtures()
        .filter(fixture -> fixture.platt != null)
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.name,
                    () -> {
                      Platt fitted =
                          (Platt) PlattFit.of(BinaryRows.of(fixture.predictions())).orElseThrow();
                      assertArrayEquals(
                          fixture.platt, new double[] {fitted.slope(), fitted.intercept()}, 1e-7);
                    }));
  }

  @TestFactory
  Stream<DynamicTest> isotonicBlocksAreScikitLearns() throws IOException {
    return fixtures()
        .filter(fixture -> fixture.isotonic != null)
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.name,
                    () -> {
                      Points points = Objects.requireNonNull(fixture.isotonic);
                      Isotonic fitted =
                          (Isotonic)
                              IsotonicFit.of(BinaryRows.of(fixture.predictions())).orElseThrow();
                      assertArrayEquals(array(points.from), fitted.from(), 1e-9);
                      assertArrayEquals(array(points.to), fitted.to(), 1e-9);
                    }));
  }

  @Test
  void probabilitiesOfWeightedClassesAgreeWithWhatIsObservedOnOtherRows() {
    CalibrationFit fit = CalibrationFit.of(shifted(4_000, 1.3, 1));
    Predictions others = shifted(20_000, 1.3, 2);
    double before = ClassificationMetrics.expectedCalibrationError(others);
    double after =
        ClassificationMetrics.expectedCalibrationError(
            Objects.requireNonNull(fit.calibrator()).apply(others, 0.5));
    assertTrue(before > 0.2, "before: " + before);
    assertTrue(after < 0.02, "after: " + after);
    assertEquals(before, fit.before().calibrationError(), 0.02);
    assertEquals(after, fit.after().calibrationError(), 0.02);
    assertTrue(fit.after().logLoss() < fit.before().logLoss());
  }

  @Test
  void calibratedProbabilitiesStayAsTheyAre() {
    int kept = 0;
    for (int seed = 0; seed < 40; seed++) {
      CalibrationFit fit = CalibrationFit.of(shifted(1_000, 0, seed));
      kept += fit.calibrator() == null ? 1 : 0;
      assertTrue(!(fit.calibrator() instanceof Isotonic), "seed " + seed);
    }
    assertTrue(kept >= 30, kept + " of 40");
  }

  @Test
  void isotonicRegressionIsChosenOnlyWhereTheRowsShowABend() {
    assertInstanceOf(Isotonic.class, CalibrationFit.of(bent(20_000, 1)).calibrator());
    for (int seed = 0; seed < 20; seed++) {
      Calibrator straight = CalibrationFit.of(shifted(2_000, 1.3, seed)).calibrator();
      assertInstanceOf(Platt.class, straight, "seed " + seed);
    }
  }

  @Test
  void noDecisionAndNoOrderChanges() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 100; round++) {
      Predictions rows =
          round % 2 == 0
              ? shifted(60 + random.nextInt(400), random.nextDouble(-3, 3), round)
              : bent(60 + random.nextInt(400), round);
      double threshold =
          switch (round % 4) {
            case 0 -> 0.5;
            case 1 -> DecisionThreshold.best(Metric.F1_MACRO, rows).threshold();
            // exactly a row's probability
            case 2 -> rows.probability(random.nextInt(rows.rows()), 1);
            default -> random.nextDouble();
          };
      BinaryRows binary = BinaryRows.of(rows);
      List<Calibrator> calibrators =
          Stream.<Optional<Calibrator>>of(
                  TemperatureFit.of(rows),
                  PlattFit.of(binary),
                  IsotonicFit.of(binary),
                  Optional.of(new Temperature(0.05)),
                  Optional.of(new Temperature(20)))
              .flatMap(Optional::stream)
              .toList();
      Predictions others = bent(500, 1_000 + round);
      for (Calibrator calibrator : calibrators) {
        OptionalDouble mapped = calibrator.threshold(threshold);
        if (mapped.isEmpty()) {
          continue;
        }
        for (Predictions some : List.of(rows, others)) {
          Predictions before = some(some, threshold);
          Predictions after = calibrator.apply(before, mapped.getAsDouble());
          for (int row = 0; row < some.rows(); row++) {
            assertEquals(before.answer(row), after.answer(row), calibrator + " row " + row);
          }
          assertTrue(isAscending(after, ascending(before)), calibrator.toString());
        }
      }
    }
  }

  @Test
  void aThresholdIsMappedWhereProbabilitiesDoNotRound() {
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < 1_000; i++) {
      Calibrator calibrator = new Platt(random.nextDouble(0.1, 3), random.nextDouble(-2, 2));
      double threshold = random.nextDouble(0.01, 0.99);
      assertTrue(calibrator.threshold(threshold).isPresent(), calibrator + " " + threshold);
    }
    assertEquals(OptionalDouble.of(0), new Platt(5, 1).threshold(0));
    // at log-odds of 16 and beyond, five times as much is a probability of exactly 1
    assertEquals(OptionalDouble.empty(), new Temperature(0.05).threshold(0.9999999));
    assertEquals(0.5, new Temperature(3).threshold(0.5).orElseThrow(), 1e-15);
  }

  @Test
  void aCalibratorThatWouldChangeDecisionsIsNotChosen() {
    Predictions rows = some(shifted(2_000, 1.3, 1), 1 - 1e-15);
    CalibrationFit fit = CalibrationFit.of(rows);
    for (int row = 0; row < rows.rows(); row++) {
      assertEquals(rows.answer(row), fit.predictions().answer(row));
    }
  }

  @Test
  void isotonicRegressionRisesEverywhere() {
    Isotonic isotonic = (Isotonic) IsotonicFit.of(BinaryRows.of(bent(500, 3))).orElseThrow();
    double before = Double.NEGATIVE_INFINITY;
    for (double x = -30; x <= 30; x += 1e-3) {
      double y = isotonic.calibrated(x);
      assertTrue(y > before, x + ": " + y + " after " + before);
      before = y;
    }
    for (int i = 0; i < isotonic.from().length; i++) {
      assertEquals(isotonic.to()[i], isotonic.calibrated(isotonic.from()[i]), 1e-12);
    }
  }

  @Test
  void severalClassesHaveATemperatureAndKeepTheirAnswers() {
    SplittableRandom random = new SplittableRandom(5);
    int classes = 5;
    int count = 3_000;
    int[] labels = new int[count];
    double[] logits = new double[count * classes];
    for (int row = 0; row < count; row++) {
      labels[row] = random.nextInt(classes);
      for (int label = 0; label < classes; label++) {
        logits[row * classes + label] =
            (float) (4 * (random.nextGaussian() + (label == labels[row] ? 1 : 0)));
      }
    }
    Predictions rows = predictions(labels, logits, classes, 0.5);
    CalibrationFit fit = CalibrationFit.of(rows);
    Temperature chosen = assertInstanceOf(Temperature.class, fit.calibrator());
    assertEquals(4, chosen.temperature(), 0.3);
    assertTrue(fit.after().calibrationError() < fit.before().calibrationError() / 5);
    for (int row = 0; row < count; row++) {
      assertEquals(rows.answer(row), fit.predictions().answer(row));
    }
    assertThrows(IllegalArgumentException.class, () -> new Platt(1, 0).apply(new double[3], 0));
  }

  @Test
  void theFirstClassMayBeThePositive() {
    Predictions rows = shifted(2_000, 1.3, 1);
    Predictions other =
        new Predictions(
            IntStream.of(rows.labels()).map(label -> 1 - label).toArray(),
            IntStream.range(0, 2 * rows.rows())
                .mapToDouble(i -> rows.probabilities()[i ^ 1])
                .toArray(),
            2,
            0,
            rows.threshold());
    Predictions expected = CalibrationFit.of(rows).predictions();
    Predictions actual = CalibrationFit.of(other).predictions();
    for (int row = 0; row < rows.rows(); row++) {
      assertEquals(expected.probability(row, 1), actual.probability(row, 0), 1e-9);
    }
  }

  @Test
  void tooFewRowsAreNotCalibrated() {
    CalibrationFit few = CalibrationFit.of(shifted(49, 1.3, 1));
    assertNull(few.calibrator());
    assertEquals(
        "The probabilities are not calibrated: the 49 rows are fewer than 50.", few.sentence());
    assertEquals(few.before(), few.after());

    Predictions rows = shifted(1_000, 1.3, 1);
    int[] labels = new int[1_000];
    Arrays.fill(labels, 0, 9, 1);
    CalibrationFit rare =
        CalibrationFit.of(new Predictions(labels, rows.probabilities(), 2, 1, 0.5));
    assertEquals(
        "The probabilities are not calibrated: a class has only 9 of the rows, fewer than 10.",
        rare.sentence());
  }

  @Test
  void rowsThatSayNothingAreNotCalibrated() {
    int[] labels = IntStream.range(0, 100).map(row -> row % 2).toArray();
    CalibrationFit equal = CalibrationFit.of(predictions(labels, new double[200], 2, 0.5));
    assertNull(equal.calibrator());
    assertEquals(
        "The probabilities are not calibrated: no method lowers the log loss by more than a"
            + " standard error.",
        equal.sentence());
  }

  @Test
  void rowsThatAreSeparatedAndExtremeLogitsAreCalibrated() {
    int[] labels = IntStream.range(0, 200).map(row -> row % 2).toArray();
    double[] logits =
        IntStream.range(0, 400)
            .mapToDouble(i -> i % 2 == 0 ? 0 : (i / 2 % 2 == 0 ? -1 : 1) * (0.1 + i * 1e-3))
            .toArray();
    CalibrationFit separated = CalibrationFit.of(predictions(labels, logits, 2, 0.5));
    assertNotNull(separated.calibrator());
    assertTrue(separated.after().logLoss() < separated.before().logLoss());
    for (int row = 0; row < 200; row++) {
      assertEquals(labels[row], separated.predictions().answer(row));
    }

    // one row in five is wrong with a probability of exactly 0
    double[] extreme =
        IntStream.range(0, 400)
            .mapToDouble(
                i -> i % 2 == 0 ? 0 : (labels[i / 2] == (i / 2 % 10 < 2 ? 0 : 1) ? 1e4 : -1e4))
            .toArray();
    CalibrationFit fit = CalibrationFit.of(predictions(labels, extreme, 2, 0.5));
    assertNotNull(fit.calibrator());
    assertTrue(fit.after().logLoss() < 0.6, fit.sentence());
  }

  @Test
  void equalRowsGiveAnEqualCalibration() {
    assertEquals(
        CalibrationFit.of(bent(3_000, 2)).calibrator(),
        CalibrationFit.of(bent(3_000, 2)).calibrator());
  }

  @Test
  void aCalibratorThatDoesNotRiseIsRefused() {
    assertEquals(
        "The calibration's temperature is 0.0; it must be above 0.",
        assertThrows(InvalidInputException.class, () -> new Temperature(0)).getMessage());
    assertEquals(
        "The calibration has the slope -1.0 and the intercept 2.0; the slope must be above 0 and"
            + " both finite.",
        assertThrows(InvalidInputException.class, () -> new Platt(-1, 2)).getMessage());
    for (double[] from :
        new double[][] {{0}, {0, 0}, {1, 0}, {0, Double.NaN}, {0, Double.POSITIVE_INFINITY}}) {
      InvalidInputException refusal =
          assertThrows(InvalidInputException.class, () -> new Isotonic(from, new double[] {0, 1}));
      assertTrue(String.valueOf(refusal.getMessage()).endsWith("strictly increasing."));
    }
    assertThrows(
        InvalidInputException.class, () -> new Isotonic(new double[] {0, 1}, new double[] {1, 1}));
  }

  private static int[] ascending(Predictions rows) {
    return IntStream.range(0, rows.rows())
        .boxed()
        .sorted(Comparator.comparingDouble(row -> rows.probability(row, 1)))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private static boolean isAscending(Predictions rows, int[] order) {
    return IntStream.range(1, order.length)
        .allMatch(i -> rows.probability(order[i - 1], 1) <= rows.probability(order[i], 1));
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static Predictions some(Predictions rows, double threshold) {
    return new Predictions(
        rows.labels(), rows.probabilities(), rows.classes(), rows.positive(), threshold);
  }

  /** Softmax of logits, the second of two classes positive. */
  private static Predictions predictions(
      int[] labels, double[] logits, int classes, double threshold) {
    double[] probabilities = new double[logits.length];
    double[] row = new double[classes];
    for (int from = 0; from < logits.length; from += classes) {
      System.arraycopy(logits, from, row, 0, classes);
      LogOdds.softmax(row);
      System.arraycopy(row, 0, probabilities, from, classes);
    }
    return new Predictions(labels, probabilities, classes, 1, threshold);
  }

  /** Rows of which 22 in 100 are positive; the log-odds are stated too high. */
  private static Predictions shifted(int rows, double shift, long seed) {
    return rows(rows, seed, trueLogOdds -> trueLogOdds + shift);
  }

  /** Stated log-odds that are right below zero and five times too large above. */
  private static Predictions bent(int rows, long seed) {
    return rows(rows, seed, trueLogOdds -> trueLogOdds > 0 ? 5 * trueLogOdds : trueLogOdds);
  }

  private interface Stating {
    double of(double trueLogOdds);
  }

  private static Predictions rows(int rows, long seed, Stating stating) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] labels = new int[rows];
    double[] logits = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      double logOdds = -1.5 + 1.5 * random.nextGaussian();
      labels[row] = random.nextDouble() < LogOdds.probability(logOdds) ? 1 : 0;
      logits[2 * row + 1] = (float) stating.of(logOdds);
    }
    return predictions(labels, logits, 2, 0.5);
  }
}
