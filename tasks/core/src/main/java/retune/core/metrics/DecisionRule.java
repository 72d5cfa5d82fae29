package retune.core.metrics;

import retune.core.data.Target;

/**
 * Predicts a class from probabilities. Two classes: the positive one if its probability is at least
 * the threshold. More classes: the most probable one, the first of equals.
 *
 * @param positive index of the positive class; ignored for more than two classes
 * @param threshold 0 … 1; ignored for more than two classes
 */
public record DecisionRule(int classes, int positive, double threshold) {
  public static DecisionRule of(Target target, double threshold) {
    return new DecisionRule(target.classes().size(), target.positiveIndex(), threshold);
  }

  /** The predicted class's index for the {@code classes} probabilities that start at a position. */
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
