package retune.model.trees;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Boosted trees. An output is the sum of its trees' answers, in their order; a model's base score
 * is a tree of one leaf. Two classes have one output, the log-odds of the positive class; more
 * classes have a logit each.
 *
 * @param inputs number of inputs of a row
 * @param outputs 1, or the number of classes
 */
public record Forest(int inputs, int outputs, List<Tree> trees) {
  /**
   * Checks that the trees fit.
   *
   * @throws IllegalArgumentException saying what is wrong, as the end of a sentence
   */
  public Forest {
    trees = List.copyOf(trees);
    if (inputs < 1 || outputs < 1) {
      throw new IllegalArgumentException("has %d inputs and %d outputs".formatted(inputs, outputs));
    }
    for (int i = 0; i < trees.size(); i++) {
      Tree tree = trees.get(i);
      if (tree.output() < 0 || tree.output() >= outputs) {
        throw new IllegalArgumentException(
            "has %d outputs, but tree %d adds to output %d".formatted(outputs, i, tree.output()));
      }
      for (int node = 0; node < tree.size(); node++) {
        int input = tree.input(node);
        if (!tree.isLeaf(node) && (input < 0 || input >= inputs)) {
          throw new IllegalArgumentException(
              "has %d inputs, but tree %d asks for input %d".formatted(inputs, i, input));
        }
      }
    }
  }

  /**
   * Trees that answer the same whatever the inputs are.
   *
   * @param answer the outputs
   */
  public static Forest constant(int inputs, float[] answer) {
    return new Forest(
        inputs,
        answer.length,
        IntStream.range(0, answer.length)
            .mapToObj(output -> Tree.constant(output, answer[output]))
            .toList());
  }

  /** Whether the trees are rounds of one tree an output, in the outputs' order. */
  public boolean isInRounds() {
    return trees.size() % outputs == 0
        && IntStream.range(0, trees.size()).allMatch(i -> trees.get(i).output() == i % outputs);
  }

  /**
   * The outputs for a row, summed in double precision.
   *
   * @param row the inputs; NaN where one is missing
   */
  public double[] answer(float[] row) {
    double[] sums = new double[outputs];
    for (Tree tree : trees) {
      sums[tree.output()] += tree.answer(row);
    }
    return sums;
  }
}
