package retune.model.trees;

import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * A binary tree with its nodes in arrays, in breadth-first order: node 0 is the root, and a right
 * child follows its left sibling. By XGBoost's rules, a row goes left where its input is below the
 * node's threshold or, where the node has a set of categories, is not in that set. A missing input
 * goes where the node says.
 */
public final class Tree {
  /** In place of a leaf's left child. */
  static final int LEAF = -1;

  /** Greatest category: a column has at most 65,536 codes. */
  static final int MAX_CATEGORY = 65_535;

  /** Greatest number of splits from the root to a leaf. */
  static final int MAX_DEPTH = 64;

  private final int output;
  private final Nodes nodes;

  /**
   * Nodes in any order.
   *
   * @param left each node's left child; {@link #LEAF} for a leaf
   * @param right each node's right child; not read for a leaf
   * @param input index of the input that each node asks for; not read for a leaf
   * @param value the threshold of a split, the value of a leaf
   * @param missingLeft whether a missing input goes left
   * @param categories the categories that go right; null for a threshold or a leaf
   */
  record Nodes(
      int[] left,
      int[] right,
      int[] input,
      float[] value,
      boolean[] missingLeft,
      @Nullable BitSet[] categories) {
    Nodes {
      int nodes = left.length;
      if (nodes == 0
          || right.length != nodes
          || input.length != nodes
          || value.length != nodes
          || missingLeft.length != nodes
          || categories.length != nodes) {
        throw new IllegalArgumentException("has arrays of different lengths");
      }
    }

    Nodes(int count) {
      this(
          new int[count],
          new int[count],
          new int[count],
          new float[count],
          new boolean[count],
          new BitSet[count]);
    }
  }

  /**
   * A tree of these nodes; those that cannot be reached are left out.
   *
   * @param output index of the output that the leaves add to
   * @throws IllegalArgumentException saying which node is wrong, as the end of a sentence
   */
  Tree(int output, Nodes given) {
    this.output = output;
    int[] order = order(given);
    Nodes ordered = new Nodes(order.length);
    int next = 1;
    for (int node = 0; node < order.length; node++) {
      int from = order[node];
      boolean isLeaf = given.left[from] == LEAF;
      ordered.left[node] = isLeaf ? LEAF : next;
      ordered.right[node] = isLeaf ? LEAF : next + 1;
      ordered.input[node] = isLeaf ? 0 : given.input[from];
      ordered.value[node] = given.value[from];
      ordered.missingLeft[node] = !isLeaf && given.missingLeft[from];
      ordered.categories[node] = isLeaf ? null : given.categories[from];
      next += isLeaf ? 0 : 2;
    }
    this.nodes = ordered;
  }

  /** The nodes from the root on, each level from left to right. */
  private static int[] order(Nodes given) {
    int count = given.left.length;
    int[] depth = new int[count];
    int[] order = new int[count];
    int reached = 1;
    for (int next = 0; next < reached; next++) {
      int node = order[next];
      if (!Float.isFinite(given.value[node])) {
        throw new IllegalArgumentException(
            "has the value %s at node %d".formatted(given.value[node], node));
      }
      if (given.left[node] == LEAF) {
        continue;
      }
      for (int child : new int[] {given.left[node], given.right[node]}) {
        if (child <= 0 || child >= count) {
          throw new IllegalArgumentException(
              "has %d nodes, but node %d has the child %d".formatted(count, node, child));
        }
        if (depth[child] > 0) {
          throw new IllegalArgumentException("has two ways to node " + child);
        }
        depth[child] = depth[node] + 1;
        if (depth[child] > MAX_DEPTH) {
          throw new IllegalArgumentException("is deeper than %d splits".formatted(MAX_DEPTH));
        }
        order[reached++] = child;
      }
    }
    return Arrays.copyOf(order, reached);
  }

  /** A tree of one leaf. */
  static Tree constant(int output, float value) {
    Nodes leaf = new Nodes(1);
    leaf.left[0] = LEAF;
    leaf.value[0] = value;
    return new Tree(output, leaf);
  }

  /** Index of the output that the leaves add to. */
  public int output() {
    return output;
  }

  Nodes nodes() {
    return nodes;
  }

  /** Number of nodes, leaves included. */
  public int size() {
    return nodes.left.length;
  }

  public boolean isLeaf(int node) {
    return nodes.left[node] == LEAF;
  }

  /** A split's left child; the right one follows it. */
  public int left(int node) {
    return nodes.left[node];
  }

  /** Index of the input that a split asks for. */
  public int input(int node) {
    return nodes.input[node];
  }

  /** A split's threshold, or a leaf's value. */
  public float value(int node) {
    return nodes.value[node];
  }

  /** Whether a missing input goes left. */
  public boolean missingLeft(int node) {
    return nodes.missingLeft[node];
  }

  /** The categories that go right; null where a split has a threshold. */
  public @Nullable BitSet categories(int node) {
    return nodes.categories[node];
  }

  /**
   * The value of the leaf that a row reaches.
   *
   * @param row the inputs; NaN where one is missing
   */
  public float answer(float[] row) {
    int node = 0;
    while (!isLeaf(node)) {
      node = nodes.left[node] + (goesLeft(node, row[nodes.input[node]]) ? 0 : 1);
    }
    return nodes.value[node];
  }

  private boolean goesLeft(int node, float x) {
    if (Float.isNaN(x)) {
      return nodes.missingLeft[node];
    }
    BitSet right = nodes.categories[node];
    return right == null ? x < nodes.value[node] : x < 0 || !right.get((int) x);
  }

  /** Number of splits from the root to the farthest leaf. */
  public int depth() {
    int[] depth = new int[size()];
    for (int node = size() - 1; node >= 0; node--) {
      if (!isLeaf(node)) {
        int left = nodes.left[node];
        depth[node] = 1 + Math.max(depth[left], depth[left + 1]);
      }
    }
    return depth[0];
  }
}
