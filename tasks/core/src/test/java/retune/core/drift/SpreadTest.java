package retune.core.drift;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SpreadTest {
  private static double[] without(double[] values, int left) {
    return IntStream.range(0, values.length)
        .filter(i -> i != left)
        .mapToDouble(i -> values[i])
        .toArray();
  }

  @Test
  void eachValueIsScoredByTheSpreadOfTheOthers() {
    Random random = new Random(1);
    for (double[] values :
        new double[][] {
          random.doubles(60).map(number -> -Math.log(number)).toArray(),
          {0, 0, 0, 0, 5, 0},
          {2, 2, 2, 2, 2},
          {3, 3, 3, 4, 3, 3},
          {0, 0, 0, 0},
        }) {
      double[] scores = Spread.scores(values);
      for (int i = 0; i < values.length; i++) {
        assertEquals(
            Spread.of(without(values, i)).score(values[i]),
            scores[i],
            1e-6,
            Arrays.toString(values));
      }
    }
  }

  @Test
  void whatIsNearlyAlwaysZeroIsNotRareWhereItIsZero() {
    double[] values = new double[499];
    values[3] = 1;
    values[200] = 1;
    assertTrue(Spread.of(values).score(0) <= 0);
    assertTrue(Spread.of(values).score(1) > 3);
    assertTrue(Spread.scores(values)[0] <= 0);
  }

  /** Statistics of one kind, of which the greatest is compared as a day's is. */
  @Test
  void theGreatestScoreOfADayIsBeyondThatOfRedivisionsAtTheStatedRate() {
    int statistics = 60;
    int divisions = 99;
    int days = 1_500;
    double rate = 0.05;
    Random random = new Random(2);
    int alarms = 0;
    for (int day = 0; day < days; day++) {
      double observed = Double.NEGATIVE_INFINITY;
      double[] greatest = new double[divisions];
      Arrays.fill(greatest, Double.NEGATIVE_INFINITY);
      for (int statistic = 0; statistic < statistics; statistic++) {
        double[] drawn = new double[divisions];
        for (int i = 0; i < divisions; i++) {
          drawn[i] = square(random);
        }
        observed = Math.max(observed, Spread.of(drawn).score(square(random)));
        double[] scores = Spread.scores(drawn);
        for (int i = 0; i < divisions; i++) {
          greatest[i] = Math.max(greatest[i], scores[i]);
        }
      }
      double least = observed;
      long above = Arrays.stream(greatest).filter(score -> score >= least).count();
      alarms += (1.0 + above) / (divisions + 1) <= rate ? 1 : 0;
    }
    // 75 are expected; fewer than 53 or more than 97 come about once in 100 times.
    // By the spread of all values, the value itself included, there are 300.
    assertTrue(alarms >= 53 && alarms <= 97, alarms + " alarms on " + days + " quiet days");
  }

  private static double square(Random random) {
    double normal = random.nextGaussian();
    return normal * normal;
  }
}
