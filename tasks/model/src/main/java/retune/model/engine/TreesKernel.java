package retune.model.engine;

import java.util.Arrays;
import java.util.List;
import retune.core.data.Features;
import retune.model.trees.Forest;
import retune.model.trees.Tree;
import retune.model.trees.TreeInputs;

/**
 * Runs rows through boosted trees. A tree without sets of categories is walked without branches, by
 * several rows at once, because a processor guesses half of all splits wrong.
 *
 * <p>Numbers are compared as whole numbers of the same order. Each row has two keys for each input,
 * which differ where the input is missing: the lower one for splits that send a missing input left,
 * the higher one for the others.
 */
final class TreesKernel implements Kernel {
  /** Rows that walk a tree at the same time. */
  private static final int LANES = 8;

  /** Rows whose keys stay in the cache while all trees pass. */
  private static final int BLOCK = 64;

  private static final int NODE = 4;
  private static final int THRESHOLD = 1;
  private static final int LEFT = 2;
  private static final int VALUE = 3;
  private static final int LOWEST = Integer.MIN_VALUE;
  private static final int HIGHEST = Integer.MAX_VALUE - 1;

  private final Packed packed;
  private final float[][] rows;
  private final int[] keys;
  private final double[] sums;

  /** The trees in the kernel's layout, which all threads share. */
  static final class Packed {
    private final TreeInputs inputs;
    private final int outputs;
    private final List<Tree> trees;
    private final int[][] nodes;
    private final int[] depths;

    Packed(Network.Trees network) {
      this.inputs = network.inputs();
      Forest forest = network.forest();
      this.outputs = forest.outputs();
      this.trees = forest.trees();
      this.nodes = trees.stream().map(Packed::pack).toArray(int[][]::new);
      this.depths = trees.stream().mapToInt(Tree::depth).toArray();
    }

    /**
     * Key, threshold, left child and value of each node; empty for a tree with sets of categories.
     * A leaf is its own left child, and every key is below its threshold.
     */
    private static int[] pack(Tree tree) {
      int[] packed = new int[tree.size() * NODE];
      for (int node = 0; node < tree.size(); node++) {
        int at = node * NODE;
        if (tree.isLeaf(node)) {
          packed[at + THRESHOLD] = Integer.MAX_VALUE;
          packed[at + LEFT] = at;
          packed[at + VALUE] = Float.floatToRawIntBits(tree.value(node));
        } else if (tree.categories(node) == null) {
          packed[at] = 2 * tree.input(node) + (tree.missingLeft(node) ? 0 : 1);
          packed[at + THRESHOLD] = key(tree.value(node));
          packed[at + LEFT] = tree.left(node) * NODE;
        } else {
          return new int[0];
        }
      }
      return packed;
    }
  }

  TreesKernel(Packed packed) {
    this.packed = packed;
    this.rows = new float[BLOCK][packed.inputs.size()];
    this.keys = new int[BLOCK * 2 * packed.inputs.size()];
    this.sums = new double[BLOCK * packed.outputs];
  }

  /** The number as a whole number of the same order; both zeros are one. */
  private static int key(float number) {
    int bits = Float.floatToRawIntBits(number + 0.0f);
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  @Override
  public void encode(Features features, int from, int to, float[] encoded) {
    for (int first = from; first < to; first += BLOCK) {
      int count = Math.min(BLOCK, to - first);
      read(features, first, count);
      Arrays.fill(sums, 0);
      for (int tree = 0; tree < packed.nodes.length; tree++) {
        int output = packed.trees.get(tree).output();
        if (packed.nodes[tree].length == 0) {
          ask(packed.trees.get(tree), output, count);
        } else {
          walk(packed.nodes[tree], packed.depths[tree], output, count);
        }
      }
      for (int i = 0; i < count * packed.outputs; i++) {
        encoded[first * packed.outputs + i] = (float) sums[i];
      }
    }
  }

  private void read(Features features, int first, int count) {
    int inputs = packed.inputs.size();
    for (int row = 0; row < count; row++) {
      packed.inputs.fill(features, first + row, rows[row]);
      int at = row * 2 * inputs;
      for (float x : rows[row]) {
        boolean isMissing = Float.isNaN(x);
        keys[at++] = isMissing ? LOWEST : key(x);
        keys[at++] = isMissing ? HIGHEST : key(x);
      }
    }
  }

  private void ask(Tree tree, int output, int count) {
    for (int row = 0; row < count; row++) {
      sums[row * packed.outputs + output] += tree.answer(rows[row]);
    }
  }

  /** Lanes beyond the last row repeat older rows; their sums are not read. */
  private void walk(int[] nodes, int depth, int output, int count) {
    int width = 2 * packed.inputs.size();
    for (int row = 0; row < count; row += LANES) {
      int at = row * width;
      int n0 = 0;
      int n1 = 0;
      int n2 = 0;
      int n3 = 0;
      int n4 = 0;
      int n5 = 0;
      int n6 = 0;
      int n7 = 0;
      for (int level = 0; level < depth; level++) {
        n0 = next(nodes, n0, at);
        n1 = next(nodes, n1, at + width);
        n2 = next(nodes, n2, at + 2 * width);
        n3 = next(nodes, n3, at + 3 * width);
        n4 = next(nodes, n4, at + 4 * width);
        n5 = next(nodes, n5, at + 5 * width);
        n6 = next(nodes, n6, at + 6 * width);
        n7 = next(nodes, n7, at + 7 * width);
      }
      int sum = row * packed.outputs + output;
      add(nodes, n0, sum);
      add(nodes, n1, sum + packed.outputs);
      add(nodes, n2, sum + 2 * packed.outputs);
      add(nodes, n3, sum + 3 * packed.outputs);
      add(nodes, n4, sum + 4 * packed.outputs);
      add(nodes, n5, sum + 5 * packed.outputs);
      add(nodes, n6, sum + 6 * packed.outputs);
      add(nodes, n7, sum + 7 * packed.outputs);
    }
  }

  private int next(int[] nodes, int node, int at) {
    long difference = (long) keys[at + nodes[node]] - nodes[node + THRESHOLD];
    int isRight = 1 + (int) (difference >> 63);
    return nodes[node + LEFT] + NODE * isRight;
  }

  private void add(int[] nodes, int node, int sum) {
    sums[sum] += Float.intBitsToFloat(nodes[node + VALUE]);
  }
}
