package retune.core.metrics;

import retune.core.data.Target;

/**
 * From probabilities to a class: of two classes the positive one from the threshold on, of more the
 * most probable one, the first of equals.
 *
 * @param positive index of the positive class where there are two classes; otherwise ignored
 * @param threshold ignored where there are more than two classes
 */
public record DecisionRule(int classes, int positive, double threshold) {
  public static DecisionRule of(Target target, double threshold) {
    return new DecisionRule(target.classes().size(), target.positiveIndex(), threshold);
  }

  /** The class's index, for the probabilities from that position on. */
  public int answer(double[] probabilities, int from) {
    if (classes == 2) {
      return probabilities[from + positive] >= threshold ? positive : 1 - positive;
    }
    int best = 0;
    for (int i = 1; i < classes; i++) {
      if (probabilities[from + i] > probabilities[from + best]) {
        best = i;
      }
    }
    return best;
  }
}
