package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class NormalScoresTest {
  @Test
  void aHalfOfTheRowsHasTheMeanOfAHalfNormal() {
    NormalScores scores = NormalScores.of(new double[] {1, 0, 1, 0});

    double mean = Math.sqrt(2 / Math.PI);
    assertArrayEquals(new double[] {mean, -mean, mean, -mean}, scores.values(), 1e-12);
  }

  @Test
  void missingAndConstantValuesScoreZero() {
    NormalScores scores = NormalScores.of(new double[] {3, Double.NaN, 3});

    assertArrayEquals(new double[3], scores.values());
    assertArrayEquals(new double[40], scores.coefficients());
  }

  @Test
  void whatTiesTakeFromACorrelationIsGivenBack() {
    double normal = 0.6;
    SplittableRandom random = new SplittableRandom(3);
    double[] first = new double[200_000];
    double[] second = new double[first.length];
    for (int row = 0; row < first.length; row++) {
      double z = random.nextGaussian();
      double other = normal * z + Math.sqrt(1 - normal * normal) * random.nextGaussian();
      first[row] = z > 1 ? 1 : 0;
      second[row] = Math.floor(other);
    }

    NormalScores a = NormalScores.of(first);
    NormalScores b = NormalScores.of(second);
    double observed = correlation(a.values(), b.values());

    assertTrue(observed < 0.5, "ties weaken the correlation to " + observed);
    assertEquals(normal, NormalScores.normalCorrelation(a, b, observed), 0.01);
  }

  @Test
  void withoutTiesTheCorrelationIsThatOfTheScores() {
    SplittableRandom random = new SplittableRandom(4);
    double[] values = random.doubles(5_000).toArray();
    NormalScores scores = NormalScores.of(values);

    assertEquals(-0.3, NormalScores.normalCorrelation(scores, scores, -0.3), 1e-3);
  }

  private static double correlation(double[] first, double[] second) {
    double products = 0;
    double squaresFirst = 0;
    double squaresSecond = 0;
    for (int row = 0; row < first.length; row++) {
      products += first[row] * second[row];
      squaresFirst += first[row] * first[row];
      squaresSecond += second[row] * second[row];
    }
    return products / Math.sqrt(squaresFirst * squaresSecond);
  }
}
