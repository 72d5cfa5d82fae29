package retune.core.distribution;

/** Chances of several outcomes, each proportional to its weight. */
final class Weights {
  private final double[] cumulative;

  /** At least one weight; none is negative and their sum is positive. */
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

  /** The outcome that a uniform number, 0 ≤ {@code uniform} &lt; 1, falls on. */
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
