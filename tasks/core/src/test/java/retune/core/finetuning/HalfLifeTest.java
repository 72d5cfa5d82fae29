package retune.core.finetuning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;

class HalfLifeTest {
  @Test
  void aRowThatIsAHalfLifeOlderWeighsHalf() {
    double[] weights = new HalfLife(10).weights(new int[] {0, 10, 20, 0}, new int[] {0, 1, 2});
    // 1, 1/2 and 1/4 have a mean of 7/12.
    assertArrayEquals(new double[] {12 / 7.0, 6 / 7.0, 3 / 7.0, 12 / 7.0}, weights, 1e-12);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, Double.NaN})
  void aHalfLifeIsAboveZero(double days) {
    assertThrows(InvalidInputException.class, () -> new HalfLife(days));
  }
}
