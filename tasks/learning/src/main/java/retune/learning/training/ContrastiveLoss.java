package retune.learning.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * NT-Xent, the normalised temperature-scaled cross-entropy of SimCLR (Chen et al., 2020, equation
 * 1): each vector's cosine similarity to all others must identify the second view of its row.
 */
final class ContrastiveLoss {
  private static final float TINY = 1e-12f;

  /** Added to a vector's similarity to itself, so that its probability is 0. */
  private static final float EXCLUDED = -1e9f;

  private final int rows;
  private final float temperature;
  private final NDArray itself;
  private final NDArray otherView;

  /**
   * A loss for batches of a fixed size.
   *
   * @param manager owns the loss's constant arrays
   * @param temperature above 0; lower values weight the most similar wrong vectors more
   */
  ContrastiveLoss(NDManager manager, int rows, float temperature) {
    this.rows = rows;
    this.temperature = temperature;
    int views = 2 * rows;
    float[] diagonal = new float[views * views];
    float[] partners = new float[views * views];
    for (int view = 0; view < views; view++) {
      diagonal[view * views + view] = EXCLUDED;
      partners[view * views + (view + rows) % views] = 1;
    }
    Shape square = new Shape(views, views);
    itself = manager.create(diagonal, square);
    otherView = manager.create(partners, square);
  }

  /**
   * The mean over all views.
   *
   * @param vectors [2 × rows, size]; vectors i and i + rows are views of one row
   */
  NDArray of(NDArray vectors) {
    NDArray length = vectors.square().sum(new int[] {1}, true).add(TINY).sqrt();
    NDArray unit = vectors.div(length);
    NDArray similarity = unit.matMul(unit.transpose()).div(temperature);
    return similarity.add(itself).logSoftmax(1).mul(otherView).sum().div(-2f * rows);
  }
}
