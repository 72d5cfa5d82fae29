package retune.core.finetuning;

/**
 * How trees are boosted.
 *
 * @param step what a tree's answer is multiplied by, above 0, at most 1
 * @param depth most questions from the root to a leaf, at least 1
 * @param leastWeight least sum of p·(1 − p) over a leaf's rows
 * @param l2 shrinks the answers of leaves, at least 0
 * @param sample share of the training rows that each tree sees, above 0, at most 1
 */
public record Growth(double step, int depth, int leastWeight, int l2, double sample) {
  /**
   * What recovers most of a day's loss from 1,000 rows on: a small step, and leaves that rest on
   * some twenty rows where a class is certain to 1:3; see docs/explanation/candidates.md.
   */
  public static final Growth DEFAULT = new Growth(0.1, 4, 5, 5, 0.8);
}
