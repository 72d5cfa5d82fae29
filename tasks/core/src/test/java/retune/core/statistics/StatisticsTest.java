package retune.core.statistics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import tools.jackson.databind.json.JsonMapper;

/** Against NumPy, scikit-learn, statsmodels and R, as statistics_fixtures.py records them. */
class StatisticsTest {
  private record Fixtures(
      PhiloxNumbers[] philox, Draws[] binomial, Table[] mcnemar, Pair[] paired, OfR r) {}

  private record PhiloxNumbers(
      long seed, long stream, String[] raw, double[] doubles, int[] indices) {}

  private record Draws(int trials, double probability, double[] uniforms, int[] drawn) {}

  private record Table(int lost, int gained, double pValue) {}

  private record Pair(
      String name,
      int classes,
      int[] labels,
      double[] first,
      double[] second,
      Map<String, double[]> influences,
      long seed,
      double[] means,
      Map<String, double[]> differences) {
    Predictions predictionsOf(double[] probabilities) {
      return new Predictions(labels, probabilities, classes, 1, 0.5);
    }
  }

  private record OfR(
      int[] labels,
      double[] first,
      double[] second,
      double[] auc,
      double[] variances,
      double covariance,
      double[] interval90,
      double pValue,
      double[] sample,
      double[] resampledMeans,
      double[] bca90,
      double[] bca99) {
    DeLong area(double[] probabilities) {
      return DeLong.of(new Predictions(labels, probabilities, 2, 1, 0.5), 1);
    }
  }

  private static final Fixtures FIXTURES = read();

  private static Fixtures read() {
    try (InputStream json = StatisticsTest.class.getResourceAsStream("fixtures.json")) {
      return JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixtures.class);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> randomNumbersAreNumpys() {
    return Arrays.stream(FIXTURES.philox)
        .map(
            numbers ->
                DynamicTest.dynamicTest(
                    "seed %d, stream %d".formatted(numbers.seed, numbers.stream),
                    () -> {
                      Philox random = new Philox(numbers.seed, numbers.stream);
                      for (String raw : numbers.raw) {
                        assertEquals(raw, Long.toUnsignedString(random.nextLong()));
                      }
                      Philox again = new Philox(numbers.seed, numbers.stream);
                      for (double number : numbers.doubles) {
                        assertEquals(number, again.nextDouble());
                      }
                      int[] indices = new int[numbers.indices.length];
                      new Philox(numbers.seed, numbers.stream).fillIndices(indices, indices.length);
                      assertArrayEquals(numbers.indices, indices);
                    }));
  }

  @Test
  void areasAndTheirVariancesEqualThoseOfProc() {
    OfR expected = FIXTURES.r;
    DeLong first = expected.area(expected.first);
    DeLong second = expected.area(expected.second);
    assertArrayEquals(expected.auc, new double[] {first.value(), second.value()}, 1e-12);
    assertArrayEquals(
        expected.variances, new double[] {first.variance(), second.variance()}, 1e-12);
    double difference = first.variance() + second.variance() - 2 * expected.covariance;
    assertEquals(difference, first.varianceOfDifference(second), 1e-12);
    assertEquals(expected.pValue, first.pValue(second), 1e-9);
    assertEquals(expected.pValue, second.pValue(first), 1e-9);
    Interval interval = first.interval(0.9);
    assertArrayEquals(expected.interval90, new double[] {interval.low(), interval.high()}, 1e-9);
  }

  @Test
  void bcaEndsEqualThoseOfBoot() {
    OfR expected = FIXTURES.r;
    double mean = Arrays.stream(expected.sample).average().orElseThrow();
    Influence influence =
        new Influence(Arrays.stream(expected.sample).map(value -> value - mean).toArray());
    Bootstrap bootstrap = Bootstrap.of(mean, expected.resampledMeans, influence.acceleration());
    Interval narrow = bootstrap.interval(0.9);
    Interval wide = bootstrap.interval(0.99);
    assertArrayEquals(expected.bca90, new double[] {narrow.low(), narrow.high()}, 1e-9);
    assertArrayEquals(expected.bca99, new double[] {wide.low(), wide.high()}, 1e-9);
  }

  @Test
  void theLowerBoundMeetsALimitAtItsPValue() {
    OfR sample = FIXTURES.r;
    double mean = Arrays.stream(sample.sample).average().orElseThrow();
    Bootstrap bootstrap = Bootstrap.of(mean, sample.resampledMeans, 0.03);
    double limit = mean - bootstrap.standardError();
    double level = bootstrap.pValueAbove(limit);
    assertTrue(level > 0.05 && level < 0.3, "p = " + level);
    assertEquals(limit, bootstrap.bound(level), 0.05 * bootstrap.standardError());
  }

  @Test
  void anEndOfTheIntervalMeetsAValueAtItsPValue() {
    OfR sample = FIXTURES.r;
    double mean = Arrays.stream(sample.sample).average().orElseThrow();
    Bootstrap bootstrap = Bootstrap.of(mean, sample.resampledMeans, 0.03);
    for (double errors : new double[] {-1.5, -1, 1, 1.5}) {
      double value = mean + errors * bootstrap.standardError();
      Interval interval = bootstrap.interval(1 - bootstrap.pValue(value));
      double end = errors < 0 ? interval.low() : interval.high();
      assertEquals(value, end, 0.1 * bootstrap.standardError());
    }
  }

  @TestFactory
  Stream<DynamicTest> binomialNumbersAreThoseOfScipysProbabilities() {
    return Arrays.stream(FIXTURES.binomial)
        .map(
            draws ->
                DynamicTest.dynamicTest(
                    "%d trials".formatted(draws.trials),
                    () ->
                        assertArrayEquals(
                            draws.drawn,
                            Arrays.stream(draws.uniforms)
                                .mapToInt(
                                    uniform ->
                                        Binomial.draw(draws.trials, draws.probability, uniform))
                                .toArray())));
  }

  @Test
  void resampledMeansAreThoseOfNumpy() {
    for (Pair pair : FIXTURES.paired) {
      double[] values =
          IntStream.range(0, pair.labels.length)
              .mapToDouble(row -> pair.first[row * pair.classes] - pair.second[row * pair.classes])
              .toArray();
      double[] expected = pair.means.clone();
      Arrays.sort(expected);
      assertArrayEquals(expected, new PairedBootstrap(pair.seed, 100).mean(values).sorted(), 1e-12);
    }
  }

  @Test
  void theNormalApproximationAgreesWithTheBootstrap() {
    Random random = new Random(4);
    double[] values = random.doubles(2_000).map(uniform -> Math.log(1 - uniform)).toArray();
    Bootstrap bootstrap = new PairedBootstrap(1, 2_000).mean(values);
    NormalApproximation normal = NormalApproximation.ofMean(values);
    double error = bootstrap.standardError();
    assertEquals(bootstrap.estimate(), normal.estimate(), 1e-12);
    assertEquals(error, normal.standardError(), 0.05 * error);
    assertEquals(bootstrap.interval(0.9).low(), normal.interval(0.9).low(), 0.2 * error);
    double near = bootstrap.estimate() - 1.5 * error;
    assertEquals(bootstrap.pValue(near), normal.pValue(near), 0.03);
    assertEquals(1, new NormalApproximation(0.3, 0).pValue(0.3));
    assertEquals(0, new NormalApproximation(0.3, 0).pValue(0));
  }

  /** An independent way to the spread of the multinomial draws. */
  @TestFactory
  Stream<DynamicTest> resampledDifferencesSpreadAsTheInfluencesSay() {
    Random random = new Random(5);
    int rows = 4_000;
    int[] labels = random.ints(rows, 0, 3).toArray();
    double[] first = new double[3 * rows];
    double[] second = new double[3 * rows];
    for (int row = 0; row < rows; row++) {
      boolean bothAreRight = random.nextDouble() < 0.6;
      first[3 * row + (bothAreRight ? labels[row] : random.nextInt(3))] = 1;
      second[3 * row + (bothAreRight ? labels[row] : random.nextInt(3))] = 1;
    }
    Predictions before = new Predictions(labels, first, 3, -1, 0.5);
    Predictions after = new Predictions(labels, second, 3, -1, 0.5);
    EnumSet<Metric> metrics = EnumSet.complementOf(EnumSet.of(Metric.ROC_AUC));
    return new PairedBootstrap(2, 4_000)
        .differences(metrics, before, after).entrySet().stream()
            .map(
                entry ->
                    DynamicTest.dynamicTest(
                        entry.getKey().id(),
                        () -> {
                          double error =
                              Influence.of(entry.getKey(), after)
                                  .minus(Influence.of(entry.getKey(), before))
                                  .standardError();
                          assertEquals(error, entry.getValue().standardError(), 0.05 * error);
                          assertEquals(
                              entry.getValue().estimate(),
                              Arrays.stream(entry.getValue().sorted()).average().orElseThrow(),
                              0.1 * error);
                        }));
  }

  @TestFactory
  Stream<DynamicTest> mcnemarsPValuesEqualThoseOfStatsmodels() {
    return Arrays.stream(FIXTURES.mcnemar)
        .map(
            table ->
                DynamicTest.dynamicTest(
                    "%d lost, %d gained".formatted(table.lost, table.gained),
                    () ->
                        assertEquals(
                            table.pValue,
                            new McNemar(table.lost, table.gained, 100).pValue(),
                            1e-12)));
  }

  @Test
  void lostAndGainedRowsAreCounted() {
    int[] labels = {0, 1, 1, 0};
    Predictions first = answering(labels, 0, 1, 1, 1);
    Predictions second = answering(labels, 1, 1, 0, 0);
    assertEquals(new McNemar(2, 1, 4), McNemar.of(first, second));
    assertEquals(0.5, McNemar.of(first, second).lostShare());
  }

  @TestFactory
  Stream<DynamicTest> influencesEqualNumericDerivativesOfScikitLearnsMetrics() {
    return Arrays.stream(FIXTURES.paired)
        .flatMap(
            pair ->
                Arrays.stream(Metric.values())
                    .map(
                        metric ->
                            DynamicTest.dynamicTest(
                                pair.name + ", " + metric.id(),
                                () ->
                                    assertArrayEquals(
                                        Objects.requireNonNull(pair.influences.get(metric.id())),
                                        Influence.of(metric, pair.predictionsOf(pair.first))
                                            .values(),
                                        1e-6))));
  }

  @TestFactory
  Stream<DynamicTest> resampledDifferencesEqualThoseOfNumpyAndScikitLearn() {
    return Arrays.stream(FIXTURES.paired)
        .flatMap(
            pair ->
                differences(pair, EnumSet.allOf(Metric.class)).entrySet().stream()
                    .map(
                        entry ->
                            DynamicTest.dynamicTest(
                                pair.name + ", " + entry.getKey().id(),
                                () -> {
                                  double[] expected =
                                      Objects.requireNonNull(
                                              pair.differences.get(entry.getKey().id()))
                                          .clone();
                                  Arrays.sort(expected);
                                  assertArrayEquals(expected, entry.getValue().sorted(), 1e-12);
                                })));
  }

  @Test
  void aMetricsDistributionDoesNotDependOnTheOthersBesideIt() {
    Pair pair = FIXTURES.paired[0];
    Bootstrap alone =
        Objects.requireNonNull(differences(pair, Set.of(Metric.F1_MACRO)).get(Metric.F1_MACRO));
    Bootstrap among =
        Objects.requireNonNull(differences(pair, EnumSet.allOf(Metric.class)).get(Metric.F1_MACRO));
    assertArrayEquals(alone.sorted(), among.sorted());
  }

  private static Map<Metric, Bootstrap> differences(Pair pair, Set<Metric> metrics) {
    return new PairedBootstrap(pair.seed, 100)
        .differences(metrics, pair.predictionsOf(pair.first), pair.predictionsOf(pair.second));
  }

  @Test
  void equalModelsDifferByNothing() {
    Pair pair = FIXTURES.paired[0];
    Predictions predictions = pair.predictionsOf(pair.first);
    new PairedBootstrap(1, 100)
        .differences(EnumSet.allOf(Metric.class), predictions, predictions)
        .values()
        .forEach(
            bootstrap -> {
              assertEquals(new Interval(0, 0, 0.95), bootstrap.interval(0.95));
              assertEquals(1, bootstrap.pValueAbove(0));
              assertEquals(1, bootstrap.pValue(0));
              assertEquals(0, bootstrap.pValue(0.01));
              assertEquals(0, bootstrap.pValueAbove(-0.01));
            });
  }

  @Test
  void otherRowsAreRefused() {
    int[] labels = {0, 1};
    int[] others = {1, 0};
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new PairedBootstrap(1, 100)
                .differences(
                    Set.of(Metric.ACCURACY), answering(labels, 0, 1), answering(others, 0, 1)));
  }

  /** Summing the matrix again for each of its cells would take an hour. */
  @Test
  void influencesOfFiveHundredClassesAreThoseOfTheDerivative() {
    long[][] counts = new long[500][500];
    for (int label = 0; label < 500; label++) {
      counts[label][label] = 2_000L + 100L * (label % 3);
      counts[label][(label + 1) % 500] = 1_000;
    }
    ConfusionMatrix confusion = new ConfusionMatrix(counts);
    double rows = confusion.total();
    for (Metric metric : EnumSet.complementOf(EnumSet.of(Metric.ROC_AUC))) {
      double[] influences = Influence.ofCells(metric, confusion, -1);
      double before = metric.of(confusion, -1);
      counts[3][4]++;
      assertEquals((metric.of(confusion, -1) - before) * rows, influences[3 * 500 + 4], 0.01);
      counts[3][4]--;
    }
  }

  @Test
  void fourTimesTheRowsFindHalfTheEffect() {
    Influence few = new Influence(new double[] {1, -1, 1, -1, 1, -1, 1, -1});
    double[] repeated = new double[32];
    Arrays.setAll(repeated, row -> few.values()[row % 8]);
    double effect = few.minimalDetectableEffect(0.05, 0.8);
    // Of the normal quantiles 1.6449 and 0.8416, times the standard error of eight rows, 1/√7.
    assertEquals((1.6448536 + 0.8416212) / Math.sqrt(7), effect, 1e-6);
    assertEquals(8, few.rowsToDetect(effect, 0.05, 0.8));
    assertEquals(
        effect / 2,
        new Influence(repeated).minimalDetectableEffect(0.05, 0.8),
        0.04 * effect); // n − 1 instead of n
  }

  @Test
  void anIntervalContainsItsEnds() {
    Interval interval = new Interval(0.2, 0.4, 0.95);
    assertTrue(interval.contains(0.2) && interval.contains(0.4));
    assertFalse(interval.contains(0.41));
  }

  /** Two classes, each row answered with certainty. */
  private static Predictions answering(int[] labels, int... answers) {
    double[] probabilities = new double[2 * answers.length];
    for (int row = 0; row < answers.length; row++) {
      probabilities[2 * row + answers[row]] = 1;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }

  @Test
  void tooFewResamplesAreRefused() {
    double[] few = new double[99];
    assertThrows(IllegalArgumentException.class, () -> Bootstrap.of(0, few, 0));
  }

  /** A million rows take a second; work for each pair of rows would take many minutes. */
  @Test
  @Timeout(30)
  void theInfluenceOnTheAreaIsLinearInRows() {
    int rows = 1_000_000;
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = row % 5 == 0 ? 1 : 0;
      probabilities[2 * row + 1] = (row * 7919L % rows) / (double) rows;
      probabilities[2 * row] = 1 - probabilities[2 * row + 1];
    }
    Predictions predictions = new Predictions(labels, probabilities, 2, 1, 0.5);
    double error = Influence.of(Metric.ROC_AUC, predictions).standardError();
    assertEquals(Math.sqrt(DeLong.of(predictions, 1).variance()), error, 1e-6);
  }
}
