package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class ProbabilitiesTest {
  @Test
  void logitsBecomeSharesOfOne() {
    double third = Math.exp(1) / (Math.exp(1) + 2);
    assertArrayEquals(
        new double[] {(1 - third) / 2, (1 - third) / 2, third, 1 / 3.0, 1 / 3.0, 1 / 3.0},
        Probabilities.rowMajor(new float[] {0, 0, 1, 2, 2, 2}, 3),
        1e-15);
  }

  @Test
  void greatLogitsDoNotOverflow() {
    assertArrayEquals(
        new double[] {1, 0, 0.5, 0.5},
        Probabilities.rowMajor(new float[] {3e38f, -3e38f, 3e38f, 3e38f}, 2),
        1e-15);
  }
}
