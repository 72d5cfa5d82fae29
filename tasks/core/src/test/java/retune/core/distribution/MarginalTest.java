package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;

class MarginalTest {
  @Test
  void aColumnOfCodesKeepsEachCodeAndItsShare() {
    Marginal marginal = MarginalLearner.learn(new double[] {2, 0, 0, Double.NaN, -1}, 8);

    assertArrayEquals(new double[] {-1, 0, 2}, marginal.low());
    assertArrayEquals(new double[] {-1, 0, 2}, marginal.high());
    assertArrayEquals(new long[] {1, 3, 4}, marginal.cumulative());
    assertEquals(0.2, marginal.missingShare());
    assertEquals(-1, marginal.quantile(0.24, 0));
    assertEquals(0, marginal.quantile(0.26, 0));
    assertEquals(2, marginal.quantile(0.76, 0));
    assertEquals(2, marginal.quantile(1, 0));
  }

  @Test
  void anyNumberOfDifferentValuesNeedsABoundedNumberOfSegments() {
    double[] values = gaussians(100_000);

    Marginal marginal = MarginalLearner.learn(values, 32);

    assertTrue(marginal.low().length <= 33, marginal.low().length + " segments");
  }

  @Test
  void theDistributionFunctionIsKeptWithinOnePart() {
    double[] values = gaussians(20_000);
    Arrays.fill(values, 0, 3_000, 0.5);

    Marginal marginal = MarginalLearner.learn(values, 64);

    Arrays.sort(values);
    for (int row = 0; row < values.length; row += 97) {
      double below = Arrays.binarySearch(values, values[row]);
      if (values[row] != 0.5) {
        assertEquals(below / values.length, marginal.shareUpTo(values[row]), 1.0 / 64);
      }
    }
    assertEquals(0.15, marginal.shareUpTo(0.5) - marginal.shareBelow(0.5), 1e-12);
    assertEquals(0.15, marginal.greatestPointMass(), 1e-12);
  }

  @Test
  void wholeNumbersStayWholeAndReachBothEndsOfASegment() {
    double[] values = IntStream.range(0, 1_000).mapToDouble(i -> i).toArray();

    Marginal marginal = MarginalLearner.learn(values, 4);
    double[] drawn =
        IntStream.range(0, 100_000).mapToDouble(i -> marginal.quantile(i / 1e5, 0)).toArray();

    assertArrayEquals(values, Arrays.stream(drawn).distinct().toArray());
  }

  @Test
  void centsStayCents() {
    Marginal marginal = new Marginal(0, new long[] {10}, new double[] {0.1}, new double[] {0.3});

    assertEquals(0.1, marginal.quantile(0, 2));
    assertEquals(0.29, marginal.quantile(0.94, 2));
    assertEquals(0.3, marginal.quantile(0.99, 2));
  }

  @Test
  void aSingleRowDoesNotShowAmongManyDifferentValues() {
    double[] values = gaussians(200);

    Marginal marginal = MarginalLearner.learn(values, 128);

    for (int segment = 1; segment < marginal.low().length - 1; segment++) {
      assertTrue(marginal.cumulative()[segment] - marginal.cumulative()[segment - 1] >= 5);
    }
  }

  @Test
  void segmentsOutOfOrderAreRefused() {
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () -> new Marginal(0, new long[] {5, 3}, new double[] {0, 1}, new double[] {0, 1}));

    assertTrue(refused.toString().contains("Segment 1"), refused.toString());
  }

  private static double[] gaussians(int count) {
    SplittableRandom random = new SplittableRandom(7);
    return IntStream.range(0, count).mapToDouble(i -> random.nextGaussian()).toArray();
  }
}
