package retune.core.drift;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import retune.core.data.Target;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.DatasetShift.Kind;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

class ShiftDetectorTest {
  private static final double RATE = 0.02;
  private static final int RESAMPLES = 219;
  private static final int ROWS = 1_000;
  private static final int DAYS = 6;

  /** As {@code src/test/python/shift_fixtures.py} records them; the reference comes first. */
  private record Fixtures(List<Relation> relations, Domains domains) {}

  private record Relation(
      int[][] labels,
      double[][] positive,
      double[][] weights,
      double pOfAny,
      double pOfSlope,
      double residual,
      double low,
      double high,
      double pOfShares) {
    RelationTest.Side side(int sample) {
      return new RelationTest.Side(
          2,
          labels[sample],
          Arrays.stream(positive[sample]).flatMap(p -> DoubleStream.of(1 - p, p)).toArray(),
          weights[sample]);
    }

    long[] counts(int sample) {
      long ones = IntStream.of(labels[sample]).sum();
      return new long[] {labels[sample].length - ones, ones};
    }
  }

  private record Domains(
      int[][] reference, int[][] current, double[] ofReference, double[] ofCurrent) {}

  private static Fixtures fixtures() throws IOException {
    try (InputStream json = ShiftDetectorTest.class.getResourceAsStream("shifts.json")) {
      return JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .build()
          .readValue(Objects.requireNonNull(json), Fixtures.class);
    }
  }

  @TestFactory
  Stream<DynamicTest> relationsAreTestedAsWithStatsmodels() throws IOException {
    return fixtures().relations().stream()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    "p " + fixture.pOfAny(),
                    () -> {
                      RelationTest test = RelationTest.of(fixture.side(0), fixture.side(1));
                      // The classes' residuals are each other's opposite.
                      double sign = test.label() == 1 ? 1 : -1;
                      assertEquals(fixture.pOfAny(), test.pValue(), 1e-6);
                      assertEquals(fixture.pOfSlope(), test.slopePValue(), 1e-6);
                      assertEquals(fixture.residual(), sign * test.residual(), 1e-9);
                      assertEquals(
                          fixture.high() - fixture.low(),
                          test.interval().high() - test.interval().low(),
                          1e-9);
                    }));
  }

  @TestFactory
  Stream<DynamicTest> sharesAreTestedAsWithScipy() throws IOException {
    return fixtures().relations().stream()
        .map(
            fixture ->
                DynamicTest.dynamicTest(
                    "p " + fixture.pOfShares(),
                    () ->
                        assertEquals(
                            fixture.pOfShares(),
                            ShiftDetector.pValueOfShares(fixture.counts(0), fixture.counts(1)),
                            1e-9)));
  }

  @Test
  void theReferencesProbabilityIsThatOfScikitLearn() throws IOException {
    Domains domains = fixtures().domains();
    List<ComparedColumn> columns =
        IntStream.range(0, 2)
            .<ComparedColumn>mapToObj(
                i ->
                    new ComparedColumn.Codes(
                        "c" + i,
                        List.of("a", "b", "c", "d").subList(0, 3 + i),
                        domains.reference()[i],
                        domains.current()[i]))
            .toList();
    ReferenceProbability fitted = ReferenceProbability.of(columns, 200, 120);
    assertArrayEquals(domains.ofReference(), fitted.reference(), 1e-5);
    assertArrayEquals(domains.ofCurrent(), fitted.current(), 1e-5);
  }

  @Test
  void withoutColumnsEitherSampleIsAsLikely() {
    ReferenceProbability none = ReferenceProbability.of(List.of(), 3, 1);
    assertArrayEquals(new double[] {0.5, 0.5, 0.5}, none.reference());
    assertArrayEquals(new double[] {0.5}, none.current());
  }

  /** Rows of two numbers, of which the label depends on both, and the model knows how. */
  private static final class Day {
    final float[][] numbers = new float[2][ROWS];
    final int[] labels = new int[ROWS];
    final double[] probabilities = new double[2 * ROWS];

    /**
     * Draws rows until there are enough.
     *
     * @param odds factor of the odds of class 1
     * @param moved by how much the first number's mean is
     * @param turned share of rows whose label follows the first number the other way round
     */
    Day(long seed, double odds, double moved, double turned) {
      Random random = new Random(seed);
      for (int row = 0; row < ROWS; ) {
        double x = moved + random.nextGaussian();
        double y = random.nextGaussian();
        double direction = random.nextDouble() < turned ? -1 : 1;
        int label = random.nextDouble() < positive(direction * x, y) ? 1 : 0;
        if (random.nextDouble() < (label == 1 ? odds : 1) / Math.max(1, odds)) {
          numbers[0][row] = (float) x;
          numbers[1][row] = (float) y;
          labels[row] = label;
          probabilities[2 * row] = 1 - positive(x, y);
          probabilities[2 * row + 1] = positive(x, y);
          row++;
        }
      }
    }

    private static double positive(double x, double y) {
      return 1 / (1 + Math.exp(1 - 1.5 * x - y));
    }
  }

  private static DatasetShift judge(Day reference, Day current) {
    return judge(reference, current, reference.probabilities, current.probabilities);
  }

  private static DatasetShift judge(
      Day reference,
      Day current,
      double @Nullable [] referenceProbabilities,
      double @Nullable [] currentProbabilities) {
    List<ComparedColumn> features =
        IntStream.range(0, 2)
            .<ComparedColumn>mapToObj(
                i -> new Numbers("n" + i, reference.numbers[i], current.numbers[i], 0, 1))
            .toList();
    DriftReport report =
        new DriftDetector(RATE, 0, RESAMPLES)
            .compare(
                new DriftDetector.Samples(
                    features,
                    List.of(),
                    null,
                    List.of(),
                    LongStream.range(0, ROWS).toArray(),
                    LongStream.range(ROWS, 2 * ROWS).toArray()));
    return new ShiftDetector(RATE, 0, RESAMPLES)
        .judge(
            report,
            features,
            List.of(),
            new ShiftDetector.Answers(
                2, reference.labels, referenceProbabilities, current.labels, currentProbabilities));
  }

  private static void assertNamed(Kind kind, double odds, double moved, double turned) {
    List<Kind> named =
        IntStream.range(0, DAYS)
            .mapToObj(
                seed ->
                    judge(new Day(2L * seed, 1, 0, 0), new Day(2L * seed + 1, odds, moved, turned))
                        .kind())
            .toList();
    assertTrue(named.stream().filter(kind::equals).count() >= DAYS - 1, named.toString());
  }

  @Test
  void aDayLikeTheReferenceHasNoShift() {
    assertNamed(Kind.NONE, 1, 0, 0);
  }

  @Test
  void changedSharesOfOtherwiseEqualClassesAreLabelShift() {
    assertNamed(Kind.LABEL_SHIFT, 2, 0, 0);
  }

  @Test
  void inputsThatMoveAlongTheSameRelationAreCovariateShift() {
    assertNamed(Kind.COVARIATE_SHIFT, 1, 0.7, 0);
  }

  @Test
  void anotherRelationOnTheSameInputsIsConceptShift() {
    assertNamed(Kind.CONCEPT_SHIFT, 1, 0, 0.3);
  }

  @Test
  void anotherRelationOnMovedInputsIsBoth() {
    assertNamed(Kind.COVARIATE_AND_CONCEPT_SHIFT, 1, 0.7, 0.4);
  }

  @Test
  void inputsThatHaveLeftTheReferenceTellNothingOfTheRelation() {
    DatasetShift shift = judge(new Day(1, 1, 0, 0), new Day(2, 1, 12, 0));
    assertEquals(Kind.NOT_TELLABLE, shift.kind());
    assertFalse(Objects.requireNonNull(shift.relation()).isTellable());
  }

  @Test
  void withoutProbabilitiesLabelShiftAloneIsTold() {
    Day reference = new Day(1, 1, 0, 0);
    Day day = new Day(2, 2, 0, 0);
    assertEquals(Kind.LABEL_SHIFT, judge(reference, day, null, null).kind());
    Day moved = new Day(2, 1, 0.7, 0);
    DatasetShift shift = judge(reference, moved, null, null);
    assertEquals(Kind.NOT_TELLABLE, shift.kind());
    assertNull(shift.relation());
  }

  @Test
  void aModelThatGivesEveryRowOneProbabilityShowsNoOtherRelation() {
    for (double probability : new double[] {0.5, 0.3, 0.001}) {
      Day reference = new Day(1, 1, 0, 0);
      Day same = new Day(2, 1, 0, 0);
      for (Day day : List.of(reference, same)) {
        Arrays.setAll(day.probabilities, i -> i % 2 == 1 ? probability : 1 - probability);
      }
      DatasetShift shift = judge(reference, same);
      assertEquals(Kind.NONE, shift.kind(), "probability " + probability);
      assertEquals(1, Objects.requireNonNull(shift.relation()).slopePValue());
    }
  }

  @Test
  void withoutLabelsTheSharesAreEstimated() {
    Day reference = new Day(1, 1, 0, 0);
    Day day = new Day(2, 2, 0, 0);
    double truth = Arrays.stream(day.labels).average().orElseThrow();
    Arrays.fill(day.labels, Target.UNLABELLED);
    DatasetShift shift = judge(reference, day);
    assertEquals(Kind.NOT_TELLABLE, shift.kind());
    assertTrue(shift.estimated());
    DatasetShift.ClassShare share = shift.shares().get(1);
    assertTrue(share.interval().contains(truth - share.reference()), share.toString());
    assertTrue(share.interval().low() > 0, "the change is seen");
  }

  @Test
  void aReferenceOfOneClassTellsNothing() {
    Day reference = new Day(1, 1, 0, 0);
    Arrays.fill(reference.labels, 0);
    DatasetShift shift = judge(reference, new Day(2, 2, 0, 0));
    assertEquals(Kind.NOT_TELLABLE, shift.kind());
    assertEquals(List.of(), shift.shares());
  }

  @Test
  void aDayOfOneClassIsNotTakenForTheWholeTruth() {
    Day reference = new Day(1, 1, 0, 0);
    Day day = new Day(2, 1, 0, 0);
    Arrays.fill(day.labels, 1);
    DatasetShift shift = judge(reference, day);
    assertNotNull(shift.relation());
    assertTrue(shift.kind() != Kind.NONE, shift.toString());
  }
}
