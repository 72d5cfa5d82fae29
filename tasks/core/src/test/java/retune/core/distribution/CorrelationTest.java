package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;

class CorrelationTest {
  private static final double NAN = Double.NaN;

  @Test
  void pairsThatContradictEachOtherBecomePositiveDefinite() {
    // Each pair of columns is present together in two rows only: a = b, b = c, but a = -c.
    double[][] columns = {
      {1, 2, NAN, NAN, 1, 2}, {1, 2, 1, 2, NAN, NAN}, {NAN, NAN, 1, 2, 2, 1},
    };

    double[][] correlation = Correlation.estimate(columns);
    double[][] factor = Correlation.cholesky(correlation);

    assertEquals(3, factor.length);
    assertEquals(0.5, correlation[1][0], 0.01);
    assertEquals(-0.5, correlation[2][0], 0.01);
    assertEquals(0.5, correlation[2][1], 0.01);
  }

  @Test
  void constantAndEmptyColumnsCorrelateWithNone() {
    double[][] columns = {{1, 2, 3, 4}, {5, 5, 5, 5}, {NAN, NAN, NAN, NAN}};

    double[][] correlation = Correlation.estimate(columns);

    assertArrayEquals(new double[] {0}, correlation[1]);
    assertArrayEquals(new double[] {0, 0}, correlation[2]);
  }

  @Test
  void moreColumnsThanRowsStillGiveAFactor() {
    SplittableRandom random = new SplittableRandom(5);
    double[][] columns = new double[60][];
    for (int column = 0; column < columns.length; column++) {
      columns[column] = random.doubles(20).toArray();
    }

    assertEquals(60, Correlation.cholesky(Correlation.estimate(columns)).length);
  }

  @Test
  void theFactorTimesItselfIsTheMatrix() {
    double[][] factor = Correlation.cholesky(new double[][] {{}, {0.6}});

    assertArrayEquals(new double[] {1}, factor[0], 1e-12);
    assertArrayEquals(new double[] {0.6, 0.8}, factor[1], 1e-12);
  }

  @Test
  void aMatrixThatIsNoneIsRefused() {
    assertThrows(
        InvalidInputException.class,
        () -> Correlation.cholesky(new double[][] {{}, {0.9}, {0.9, -0.9}}));
  }
}
