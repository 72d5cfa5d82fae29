package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.Test;
import retune.core.finetuning.HalfLife;
import retune.learning.torch.Torch;

class LossTest {
  @Test
  void balancedWeightsGiveARareClassTheSameSay() {
    // Four rows, three of class 0 and one of class 1: 4/(2·3) and 4/(2·1).
    assertArrayEquals(
        new double[] {2.0 / 3, 2}, CrossEntropy.balanced(new int[] {0, 0, 1, 0}, 2).weights());
    assertArrayEquals(
        new double[] {0.5, 0}, CrossEntropy.balanced(new int[] {0, 0, 0}, 2).weights());
  }

  @Test
  void crossEntropyIsTheWeightedMeanOfTheLabelsSurprise() {
    try (NDManager manager = Torch.newManager()) {
      // Odds of 1:1 and of 1:3, so the labels' probabilities are 1/2 and 3/4.
      NDArray logits = manager.create(new float[][] {{0, 0}, {0, (float) Math.log(3)}});
      int[] labels = {0, 1};
      double loss = new CrossEntropy(new double[] {1, 3}).of(logits, labels, null).getFloat();
      assertEquals((Math.log(2) + 3 * Math.log(4.0 / 3)) / 4, loss, 1e-6);
    }
  }

  @Test
  void anOlderRowCountsLess() {
    // The second row is one half-life older: weights of 4/3 and 2/3, and with the classes' 1 and 3.
    double[] weights = new HalfLife(7).weights(new int[] {0, 7}, new int[] {0, 1});
    try (NDManager manager = Torch.newManager()) {
      NDArray logits = manager.create(new float[][] {{0, 0}, {0, (float) Math.log(3)}});
      int[] labels = {0, 1};
      double loss = new CrossEntropy(new double[] {1, 3}).of(logits, labels, weights).getFloat();
      double byHand = (4 / 3.0 * Math.log(2) + 2 / 3.0 * 3 * Math.log(4 / 3.0)) / (4 / 3.0 + 2);
      assertEquals(byHand, loss, 1e-6);
    }
    // Class 1 has a third of the weight: 2/(2·4/3) and 2/(2·2/3).
    assertArrayEquals(
        new double[] {0.75, 1.5},
        CrossEntropy.balanced(new int[] {0, 1}, weights, 2).weights(),
        1e-12);
  }

  @Test
  void contrastiveLossComparesEachViewWithAllOthers() {
    try (NDManager manager = Torch.newManager()) {
      // Two rows; the views of one agree, the rows are at right angles. Length does not matter.
      NDArray vectors = manager.create(new float[][] {{1, 0}, {0, 2}, {3, 0}, {0, 4}});
      float temperature = 0.5f;
      double loss = new ContrastiveLoss(manager, 2, temperature).of(vectors).getFloat();
      double agreement = Math.exp(1 / temperature);
      assertEquals(-Math.log(agreement / (agreement + 2)), loss, 1e-6);
    }
  }
}
