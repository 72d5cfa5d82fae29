package retune.core.statistics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class ClassInfluenceTest {
  @ParameterizedTest
  @EnumSource(names = {"PRECISION", "RECALL", "F1_SCORE"})
  void ofThePositiveClassItIsTheMetricOfTwoClasses(Metric metric) {
    Predictions predictions = random(500, 2);
    ClassInfluence ofClass = ClassInfluence.of(metric, predictions, predictions.positive());
    assertEquals(metric.of(predictions), ofClass.value(), 1e-15);
    assertArrayEquals(
        Influence.of(metric, predictions).values(), ofClass.influence().values(), 1e-12);
  }

  @Test
  void theRecallOfAllClassesTogetherIsTheAccuracy() {
    Predictions predictions = random(500, 3);
    ClassInfluence all = ClassInfluence.of(Metric.RECALL, predictions, 0, 1, 2);
    assertEquals(Metric.ACCURACY.of(predictions), all.value(), 1e-15);
    assertArrayEquals(
        Influence.of(Metric.ACCURACY, predictions).values(), all.influence().values(), 1e-12);
  }

  @Test
  void aClassThatIsNeverAnsweredHasAPrecisionOfZero() {
    Predictions predictions =
        new Predictions(new int[] {0, 1}, new double[] {1, 0, 1, 0}, 2, 1, 0.5);
    ClassInfluence never = ClassInfluence.of(Metric.PRECISION, predictions, 1);
    assertEquals(0, never.value());
    assertArrayEquals(new double[2], never.influence().values());
  }

  @Test
  void aMeanOverClassesIsRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> ClassInfluence.of(Metric.F1_MACRO, random(10, 2), 1));
  }

  private static Predictions random(int rows, int classes) {
    Random random = new Random(4);
    int[] labels = IntStream.range(0, rows).map(row -> random.nextInt(classes)).toArray();
    double[] probabilities = new double[rows * classes];
    for (int row = 0; row < rows; row++) {
      int answer = random.nextDouble() < 0.6 ? labels[row] : random.nextInt(classes);
      probabilities[row * classes + answer] = 1;
    }
    return new Predictions(labels, probabilities, classes, 1, 0.5);
  }
}
