package retune.core.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DecisionThresholdTest {
  @Test
  void theMidpointBetweenTheClassesIsTaken() {
    Predictions separated = predictions(new int[] {0, 0, 1, 1}, .1, .2, .4, .9);
    DecisionThreshold best = DecisionThreshold.best(Metric.F1_SCORE, separated);
    assertEquals(0.3, best.threshold(), 1e-12);
    assertEquals(1.0, best.value());
  }

  @Test
  void ofEquallyGoodThresholdsTheNearestToTheMiddleIsTaken() {
    // 0.3 and 0.7 both answer three of four rows rightly, and are equally far from 0.5.
    Predictions tied = predictions(new int[] {0, 1, 0, 1}, .2, .4, .6, .8);
    assertEquals(0.3, DecisionThreshold.best(Metric.ACCURACY, tied).threshold(), 1e-12);
    Predictions nearer = predictions(new int[] {0, 1, 0, 1}, .1, .3, .6, .8);
    assertEquals(0.7, DecisionThreshold.best(Metric.ACCURACY, nearer).threshold(), 1e-12);
  }

  @Test
  void equalProbabilitiesStayTogether() {
    Predictions equal = predictions(new int[] {0, 1, 1}, .3, .3, .3);
    DecisionThreshold best = DecisionThreshold.best(Metric.F1_SCORE, equal);
    assertEquals(0.15, best.threshold(), 1e-12);
    assertEquals(0.8, best.value(), 1e-12);
  }

  @Test
  void neighbouringNumbersAreStillToldApart() {
    double low = 0.3;
    double high = Math.nextUp(low);
    Predictions close = predictions(new int[] {0, 1}, low, high);
    assertEquals(
        1.0, valueAt(Metric.F1_SCORE, close, DecisionThreshold.best(Metric.F1_SCORE, close)));
  }

  @Test
  void theAreaUnderTheCurveNeedsNoThreshold() {
    Predictions some = predictions(new int[] {0, 1}, .1, .2);
    assertEquals(new DecisionThreshold(0.5, 1.0), DecisionThreshold.best(Metric.ROC_AUC, some));
  }

  @ParameterizedTest
  @EnumSource(value = Metric.class, mode = EnumSource.Mode.EXCLUDE, names = "ROC_AUC")
  void noOtherThresholdReachesMore(Metric metric) {
    Random random = new Random(11);
    for (int trial = 0; trial < 50; trial++) {
      Predictions some = random(random, 1 + random.nextInt(40), trial % 2);
      DecisionThreshold best = DecisionThreshold.best(metric, some);
      assertEquals(valueAt(metric, some, best), best.value(), 1e-12);
      for (int step = 0; step <= 100; step++) {
        double other = step / 100.0;
        double reached = valueAt(metric, some, new DecisionThreshold(other, 0));
        assertTrue(reached <= best.value() + 1e-12, () -> metric + " at " + other);
      }
    }
  }

  private static double valueAt(Metric metric, Predictions of, DecisionThreshold threshold) {
    return Evaluation.of(
            new Predictions(
                of.labels(), of.probabilities(), 2, of.positive(), threshold.threshold()))
        .value(metric);
  }

  private static Predictions random(Random random, int rows, int positive) {
    int[] labels = random.ints(rows, 0, 2).toArray();
    double[] score = random.ints(rows, 0, 21).mapToDouble(number -> number / 20.0).toArray();
    return predictions(labels, positive, score);
  }

  private static Predictions predictions(int[] labels, double... ofClassOne) {
    return predictions(labels, 1, ofClassOne);
  }

  private static Predictions predictions(int[] labels, int positive, double[] ofPositive) {
    double[] probabilities = new double[2 * labels.length];
    for (int row = 0; row < labels.length; row++) {
      probabilities[2 * row + positive] = ofPositive[row];
      probabilities[2 * row + 1 - positive] = 1 - ofPositive[row];
    }
    return new Predictions(labels, probabilities, 2, positive, 0.5);
  }
}
