package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class ProbabilitiesTest {
  @Test
  void logitsBecomeSharesOfOne() {
    double third = Math.exp(1) / (Math.exp(1) + 2);
    double[][] probabilities = Probabilities.of(new float[] {0, 0, 1, 2, 2, 2}, 3);
    assertArrayEquals(
        new double[] {(1 - third) / 2, (1 - third) / 2, third}, probabilities[0], 1e-15);
    assertArrayEquals(new double[] {1 / 3.0, 1 / 3.0, 1 / 3.0}, probabilities[1], 1e-15);
  }

  @Test
  void greatLogitsDoNotOverflow() {
    assertArrayEquals(new double[] {1, 0}, Probabilities.of(new float[] {3e38f, -3e38f}, 2)[0]);
    assertArrayEquals(
        new double[] {0.5, 0.5}, Probabilities.of(new float[] {3e38f, 3e38f}, 2)[0], 1e-15);
  }

  @Test
  void allRowsInOneAreThoseOfEachRow() {
    float[] logits = {0, 0, 1, 2, -7, 2.5f};
    double[][] rows = Probabilities.of(logits, 3);
    double[] expected = {rows[0][0], rows[0][1], rows[0][2], rows[1][0], rows[1][1], rows[1][2]};
    assertArrayEquals(expected, Probabilities.rowMajor(logits, 3));
  }

  @Test
  void oneClassIsTakenOutOfEachRow() {
    assertArrayEquals(
        new double[] {0.5, 1 / (1 + Math.exp(-1))},
        Probabilities.ofClass(new float[] {7, 7, 0, 1}, 2, 1),
        1e-15);
  }
}
