package retune.core.finetuning;

import java.util.Arrays;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;

/**
 * Weights of training rows by their age: a row weighs half as much as one that is so many days
 * younger.
 *
 * @param days above 0
 */
public record HalfLife(double days) {
  public HalfLife {
    if (!(days > 0)) {
      throw new InvalidInputException(
          "A half-life of %s days is not possible; give more than 0.".formatted(days));
    }
  }

  /**
   * The weight of each row, with a mean of 1 over the rows that train.
   *
   * @param ages of all rows in days, 0 or more
   * @param training positions of the rows that train, at least one
   */
  public double[] weights(int[] ages, int[] training) {
    double[] weights = Arrays.stream(ages).mapToDouble(age -> Math.pow(2, -age / days)).toArray();
    double mean = IntStream.of(training).mapToDouble(row -> weights[row]).average().orElseThrow();
    return Arrays.stream(weights).map(weight -> weight / mean).toArray();
  }
}
