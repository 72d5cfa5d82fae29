package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class RobustScalingTest {
  @Test
  void centreAndScaleAreMedianAndInterquartileRange() {
    // numpy.percentile([1, 2, 4, 8], [25, 50, 75]) is 1.75, 3, 5.
    assertEquals(new Scaling(3, 3.25, 1_000), RobustScaling.fit(new double[] {8, 1, 4, 2}));
  }

  @Test
  void equalQuartilesFallBackToTheStandardDeviation() {
    // Mean 2, squared deviations 4 × 4 + 64.
    assertEquals(new Scaling(0, 4, 1_000), RobustScaling.fit(new double[] {0, 0, 0, 10, 0}));
  }

  @Test
  void oneValueIsOnlyCentred() {
    assertEquals(new Scaling(5, 1, 1_000), RobustScaling.fit(new double[] {5, 5, 5}));
  }

  @Test
  void theScaleOfTheGreatestDoublesStaysFinite() {
    double greatest = Double.MAX_VALUE;
    assertEquals(
        new Scaling(0, greatest, 1_000),
        RobustScaling.fit(new double[] {-greatest, -greatest, 0, greatest, greatest}));
    assertEquals(
        new Scaling(0, greatest, 1_000),
        RobustScaling.fit(new double[] {0, 0, 0, 0, 0, 0, -greatest, greatest}));
  }
}
