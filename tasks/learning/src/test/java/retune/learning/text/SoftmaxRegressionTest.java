package retune.learning.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.data.Target;
import retune.core.finetuning.Schedule;
import retune.core.metrics.Metric;
import retune.learning.text.SoftmaxRegression.Outcome;
import retune.model.engine.LinearHead;

/** Texts of five terms, of which the first three say the class and the others nothing. */
class SoftmaxRegressionTest {
  private static final int SIZE = 6;
  private static final Target THREE = new Target("intent", List.of("a", "b", "c"), null);
  private static final Target TWO = new Target("intent", List.of("a", "b"), "b");

  @Test
  void whatTermsSayIsLearntAndRepeatsBitForBit() {
    EncodedTexts training = texts(300, 3, 1);
    EncodedTexts validation = texts(100, 3, 2);
    Outcome outcome = train(THREE, LinearHead.zero(5, 3), training, validation, null);
    assertEquals(1, Metric.F1_MACRO.of(outcome.answers()));
    Outcome again = train(THREE, LinearHead.zero(5, 3), training, validation, null);
    assertArrayEquals(outcome.head().weights(), again.head().weights());
    assertEquals(outcome.bestEpoch() + 3, outcome.history().size(), "stopped by its patience");
    assertTrue(outcome.head().weights()[0] > 1, "term 0 speaks for class a");
    assertTrue(outcome.head().weights()[1] < 0, "and against class b");
  }

  @Test
  void trainingStartsFromTheHeadAndLeavesItAsItIs() {
    LinearHead start =
        train(THREE, LinearHead.zero(5, 3), texts(300, 3, 1), texts(100, 3, 2), null).head();
    float[] before = start.weights().clone();
    EncodedTexts swapped = swapped(texts(300, 3, 3));
    Outcome outcome = train(THREE, start, swapped, swapped(texts(100, 3, 4)), null);
    assertArrayEquals(before, start.weights());
    assertEquals(1, Metric.F1_MACRO.of(outcome.answers()));
    Outcome hardlyTrained =
        new SoftmaxRegression(
                THREE, null, Metric.ACCURACY, true, new Schedule.Epochs(1, 1), 1e-6, 16, 7)
            .run(start, swapped, texts(100, 3, 2), (what, done, of) -> {}, _ -> {});
    assertEquals(1, Metric.ACCURACY.of(hardlyTrained.answers()), "what it had learnt is there");
  }

  @Test
  void aRefitForAsManyRoundsOnTheSameTextsIsTheSameHead() {
    EncodedTexts training = texts(300, 3, 1);
    SoftmaxRegression regression =
        new SoftmaxRegression(
            THREE, null, Metric.F1_MACRO, true, new Schedule.Epochs(40, 3), 0.3, 16, 7);
    LinearHead zero = LinearHead.zero(5, 3);
    Outcome outcome =
        regression.run(zero, training, texts(100, 3, 2), (what, done, of) -> {}, _ -> {});
    LinearHead refit = regression.refit(zero, training, outcome.bestEpoch());
    assertArrayEquals(outcome.head().weights(), refit.weights());
    assertArrayEquals(outcome.head().bias(), refit.bias());
    assertEquals(0, zero.weights()[0], "the start stays as it is");
  }

  @Test
  void ofTwoClassesTheThresholdIsChosenUnlessItIsGiven() {
    EncodedTexts training = texts(60, 2, 1);
    EncodedTexts validation = texts(60, 2, 2);
    assertEquals(
        0.9, train(TWO, LinearHead.zero(5, 2), training, validation, 0.9).answers().threshold());
    double chosen =
        train(TWO, LinearHead.zero(5, 2), training, validation, null).answers().threshold();
    assertTrue(chosen > 0 && chosen < 0.9, "chosen: " + chosen);
  }

  @Test
  void aMetricThatTheValidationRowsDoNotDefineIsRefused() {
    EncodedTexts oneClass = texts(20, 1, 2);
    assertRefused(
        "is not defined on the 20 validation rows",
        () ->
            new SoftmaxRegression(
                    THREE, null, Metric.ROC_AUC, true, new Schedule.Epochs(2, 2), 0.3, 8, 1)
                .run(
                    LinearHead.zero(5, 3),
                    texts(30, 3, 1),
                    oneClass,
                    (what, done, of) -> {},
                    _ -> {}));
  }

  @Test
  void classWeightsGiveARareClassItsShare() {
    EncodedTexts skewed = skewed(400);
    Outcome weighted = oneRound(skewed, true);
    Outcome unweighted = oneRound(skewed, false);
    assertTrue(
        weighted.answers().probability(0, 1) > unweighted.answers().probability(0, 1),
        "of the rare class where a text says nothing");
  }

  @Test
  void anOlderTextSaysLess() {
    float[] values = new float[2 * SIZE];
    for (int text = 0; text < 2; text++) {
      values[text * SIZE + 1] = 1;
    }
    EncodedTexts contradicting = new EncodedTexts(values, SIZE, new int[] {0, 1}, new int[] {0, 1});
    double first =
        oneRound(contradicting.weighing(new double[] {1.8, 0.2}), false)
            .answers()
            .probability(0, 0);
    double second =
        oneRound(contradicting.weighing(new double[] {0.2, 1.8}), false)
            .answers()
            .probability(0, 0);
    assertTrue(first > 0.5 && second < 0.5, first + " and " + second);
  }

  private static Outcome oneRound(EncodedTexts texts, boolean classWeights) {
    return new SoftmaxRegression(
            TWO, 0.5, Metric.ACCURACY, classWeights, new Schedule.Epochs(1, 1), 0.3, 8, 1)
        .run(LinearHead.zero(5, 2), texts, texts, (what, done, of) -> {}, _ -> {});
  }

  private static Outcome train(
      Target target,
      LinearHead start,
      EncodedTexts training,
      EncodedTexts validation,
      @Nullable Double threshold) {
    List<String> lines = new ArrayList<>();
    Outcome outcome =
        new SoftmaxRegression(
                target, threshold, Metric.F1_MACRO, true, new Schedule.Epochs(40, 3), 0.3, 16, 7)
            .run(start, training, validation, (what, done, of) -> {}, lines::add);
    assertTrue(lines.getFirst().startsWith("[Finetune] Epoch  1 | Loss: "), lines.getFirst());
    return outcome;
  }

  /** The term of the class, and one of the last two. */
  private static EncodedTexts texts(int count, int classes, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count * SIZE];
    int[] labels = new int[count];
    for (int row = 0; row < count; row++) {
      labels[row] = random.nextInt(classes);
      float weight = 0.5f + 0.4f * (float) random.nextDouble();
      values[row * SIZE] = labels[row];
      values[row * SIZE + 1] = weight;
      values[row * SIZE + 2] = 3 + random.nextInt(2);
      values[row * SIZE + 3] = (float) Math.sqrt(1 - weight * weight);
    }
    return new EncodedTexts(values, SIZE, IntStream.range(0, count).toArray(), labels);
  }

  private static EncodedTexts swapped(EncodedTexts texts) {
    return new EncodedTexts(
        texts.values(),
        texts.size(),
        texts.rows(),
        Arrays.stream(texts.labels()).map(label -> label == 2 ? 2 : 1 - label).toArray());
  }

  /** Texts that say nothing; one in twenty is of the second class. */
  private static EncodedTexts skewed(int count) {
    float[] values = new float[count * SIZE];
    int[] labels = new int[count];
    for (int row = 0; row < count; row++) {
      labels[row] = row % 20 == 0 ? 1 : 0;
      values[row * SIZE] = 3;
      values[row * SIZE + 1] = 1;
    }
    return new EncodedTexts(values, SIZE, IntStream.range(0, count).toArray(), labels);
  }
}
