package retune.core.distribution;

/** Draws one of several outcomes, each with a probability proportional to its weight. */
final class Weights {
  private final double[] cumulative;

  /**
   * Weights of the outcomes.
   *
   * @param weights at least one, none of them negative; {@link #pick} needs a positive sum
   */
  Weights(double[] weights) {
    cumulative = new double[weights.length];
    double sum = 0;
    for (int outcome = 0; outcome < weights.length; outcome++) {
      sum += weights[outcome];
      cumulative[outcome] = sum;
    }
  }

  double total() {
    return cumulative[cumulative.length - 1];
  }

  /**
   * The outcome that a random number falls on.
   *
   * @param uniform uniformly distributed, 0 ≤ {@code uniform} &lt; 1
   */
  int pick(double uniform) {
    double sought = uniform * total();
    int low = 0;
    int high = cumulative.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (cumulative[middle] > sought) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
