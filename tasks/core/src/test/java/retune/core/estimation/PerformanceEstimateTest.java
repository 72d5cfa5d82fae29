package retune.core.estimation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.metrics.DecisionRule;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Interval;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

class PerformanceEstimateTest {
  /** As {@code src/test/python/estimation_fixtures.py} records them. */
  private record Fixtures(List<Estimates> estimates, List<Days> days) {}

  private record Estimates(
      int classes,
      double threshold,
      double[] probabilities,
      Map<String, Double> expected,
      double[] distinct,
      double rocAuc) {
    DecisionRule decisions() {
      return new DecisionRule(classes, classes - 1, threshold);
    }
  }

  private record Days(
      double[] differences,
      double[] errors,
      double mean,
      double standardError,
      double betweenDays) {}

  @TestFactory
  Stream<DynamicTest> estimatesAreThoseOfNannyMl() throws IOException {
    return fixtures().estimates().stream()
        .flatMap(
            fixture ->
                fixture.expected().entrySet().stream()
                    .map(
                        expected ->
                            DynamicTest.dynamicTest(
                                "%s of %d classes".formatted(expected.getKey(), fixture.classes()),
                                () ->
                                    assertEquals(
                                        expected.getValue(),
                                        PerformanceEstimate.of(
                                                Metric.ofId(expected.getKey()),
                                                fixture.probabilities(),
                                                fixture.decisions())
                                            .value(),
                                        1e-7))));
  }

  @TestFactory
  Stream<DynamicTest> rocAucsAreThoseOfNannyMl() throws IOException {
    return fixtures().estimates().stream()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.classes() + " classes",
                    () ->
                        assertEquals(
                            fixture.rocAuc(),
                            PerformanceEstimate.of(
                                    Metric.ROC_AUC, fixture.distinct(), fixture.decisions())
                                .value(),
                            1e-5))); // NannyML rounds its counts to five decimals
  }

  @TestFactory
  Stream<DynamicTest> daysAreCombinedAsByStatsmodels() throws IOException {
    return fixtures().days().stream()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    fixture.differences().length + " days",
                    () -> {
                      List<LabelledDays.Day> days =
                          IntStream.range(0, fixture.differences().length)
                              .mapToObj(
                                  day ->
                                      new LabelledDays.Day(
                                          0.7 + fixture.differences()[day],
                                          new PerformanceEstimate(0.7, fixture.errors()[day]),
                                          100))
                              .toList();
                      LabelledDays combined = LabelledDays.of(days);
                      assertEquals(fixture.mean(), combined.mean(), 1e-9);
                      assertEquals(fixture.standardError(), combined.standardError(), 1e-9);
                      assertEquals(fixture.betweenDays(), combined.betweenDays(), 1e-9);
                      assertEquals(100 * days.size(), combined.rows());
                    }));
  }

  @ParameterizedTest
  @EnumSource(Metric.class)
  void labelsDrawnFromTheProbabilitiesFallIntoTheInterval(Metric metric) {
    for (int classes : new int[] {2, 4}) {
      int rows = 600;
      int draws = 1_000;
      SplittableRandom random = new SplittableRandom(List.of(Metric.values()).indexOf(metric));
      double[] probabilities = probabilities(random, rows, classes);
      DecisionRule decisions = new DecisionRule(classes, 0, 0.4);
      PerformanceEstimate estimate = PerformanceEstimate.of(metric, probabilities, decisions);
      Interval interval = estimate.distribution().interval(0.95);
      double[] values = new double[draws];
      for (int draw = 0; draw < draws; draw++) {
        values[draw] =
            metric.of(
                new Predictions(
                    labels(random, probabilities, rows, classes), probabilities, classes, 0, 0.4));
      }
      double mean = Arrays.stream(values).average().orElseThrow();
      assertEquals(mean, estimate.value(), 0.15 * estimate.standardError() + 1e-3);
      long inside = Arrays.stream(values).filter(interval::contains).count();
      assertTrue(inside >= 0.93 * draws && inside <= 0.97 * draws, classes + " classes: " + inside);
    }
  }

  /** Counting the rows of each cell anew for each cell would take minutes. */
  @Test
  void manyClassesAreEstimatedInATimeThatGrowsWithTheCells() {
    int classes = 600;
    double[] probabilities = probabilities(new SplittableRandom(1), 100, classes);
    PerformanceEstimate estimate =
        assertTimeoutPreemptively(
            Duration.ofSeconds(20),
            () ->
                PerformanceEstimate.of(
                    Metric.F1_MACRO, probabilities, new DecisionRule(classes, 0, 0.5)));
    assertTrue(estimate.value() > 0 && estimate.standardError() > 0, estimate.toString());
  }

  @Test
  void labelledDaysCorrectAnEstimateAndWidenIt() {
    PerformanceEstimate estimate = new PerformanceEstimate(0.8, 0.01);
    LabelledDays one =
        LabelledDays.of(
            List.of(new LabelledDays.Day(0.70, new PerformanceEstimate(0.75, 0.02), 500)));
    assertEquals(0.75, one.correct(estimate).estimate(), 1e-12);
    assertEquals(Math.hypot(0.01, 0.02), one.correct(estimate).standardError(), 1e-12);
    assertEquals(0.0124, one.pValue(), 1e-4);
  }

  @Test
  void aLabelOfWhichTheModelIsCertainHasNoError() {
    PerformanceEstimate estimate =
        PerformanceEstimate.of(
            Metric.ACCURACY, new double[] {1, 0, 0, 1}, new DecisionRule(2, 1, 0.5));
    assertEquals(1, estimate.value());
    assertEquals(0, estimate.standardError());
    LabelledDays days = LabelledDays.of(List.of(new LabelledDays.Day(1, estimate, 2)));
    assertEquals(1, days.pValue(), 1e-9);
  }

  @Test
  void theRocAucOfAModelThatIsCertainOfOneClassIsNotDefined() {
    assertEquals(
        Double.NaN,
        PerformanceEstimate.of(
                Metric.ROC_AUC, new double[] {1, 0, 1, 0}, new DecisionRule(2, 1, 0.5))
            .value());
  }

  @Test
  void noRowIsRefused() {
    assertThrows(
        InvalidInputException.class,
        () -> PerformanceEstimate.of(Metric.ACCURACY, new double[0], new DecisionRule(2, 1, 0.5)));
  }

  private static double[] probabilities(SplittableRandom random, int rows, int classes) {
    double[] probabilities = new double[rows * classes];
    for (int row = 0; row < rows; row++) {
      double sum = 0;
      for (int label = 0; label < classes; label++) {
        double weight = Math.pow(random.nextDouble(0.01, 1), 3);
        probabilities[row * classes + label] = weight;
        sum += weight;
      }
      for (int label = 0; label < classes; label++) {
        probabilities[row * classes + label] /= sum;
      }
    }
    return probabilities;
  }

  private static int[] labels(
      SplittableRandom random, double[] probabilities, int rows, int classes) {
    int[] labels = new int[rows];
    for (int row = 0; row < rows; row++) {
      double left = random.nextDouble();
      while (labels[row] < classes - 1 && left >= probabilities[row * classes + labels[row]]) {
        left -= probabilities[row * classes + labels[row]];
        labels[row]++;
      }
    }
    return labels;
  }

  private static Fixtures fixtures() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(
            PerformanceEstimateTest.class.getResourceAsStream("fixtures.json"))) {
      return JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .build()
          .readValue(in, Fixtures.class);
    }
  }
}
